"""Real encoders publish every recording, and every packet arrives as it was."""

import asyncio
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from media import flv
from media.flv import Tag
from media.packaging.enhanced import plain
from schemas.records.ingest import PublishRefused, PublishStarted, PublishStopped
from tests.integration.ingest_fakes import RECORDINGS, key_of, running
from tests.rtmp_publisher import GREETING
from tests.waiting import until

ROOT = Path(__file__).parents[2]
Packets = dict[int, list[tuple[Fraction, bytes]]]


def packets_of(path: Path) -> Packets:
    """Decoding time in ms and bytes of each packet, by tag kind."""
    found: Packets = {}
    with av.open(str(path)) as source:
        for packet in source.demux():
            if packet.dts is not None and packet.stream.type in ("video", "audio"):
                kind = flv.VIDEO if packet.stream.type == "video" else flv.AUDIO
                time = packet.dts * packet.time_base * 1000
                found.setdefault(kind, []).append((time, bytes(packet)))
    return found


def packets_in(tags: list[Tag]) -> Packets:
    found: Packets = {}
    for tag in map(plain, tags):
        if flv.is_coded_frame(tag):
            body = tag.data[5:] if tag.kind == flv.VIDEO else tag.data[2:]
            found.setdefault(tag.kind, []).append((Fraction(tag.timestamp), body))
    return found


def assert_same(received: Packets, source: Packets) -> None:
    assert received.keys() == source.keys()
    shift = max(received[kind][0][0] - source[kind][0][0] for kind in source)
    for kind, packets in source.items():
        assert [body for _, body in received[kind]] == [body for _, body in packets]
        late = [
            got - sent - shift for (got, _), (sent, _) in zip(received[kind], packets, strict=True)
        ]
        assert max(late) - min(late) <= 2
        assert max(map(abs, late)) <= 1


async def run(*command: str) -> None:
    child = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _, said = await asyncio.wait_for(child.communicate(), 60)
    finally:
        if child.returncode is None:
            child.kill()
    assert child.returncode == 0, said.decode()


async def ffmpeg(path: Path, url: str) -> None:
    tracks = ("-map", "0:v?", "-map", "0:a?", "-c", "copy")
    await run("ffmpeg", "-v", "error", "-i", str(path), *tracks, "-f", "flv", url)


async def pyav(path: Path, url: str) -> None:
    await run(sys.executable, "-m", "tests.pyav_publisher", str(path), url)


@pytest.mark.parametrize("encoder", ["ffmpeg", "pyav"])
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
async def test_every_packet_of_a_recording_arrives(
    path: Path, encoder: str, tmp_path: Path
) -> None:
    async with running(tmp_path) as rig:
        await (ffmpeg if encoder == "ffmpeg" else pyav)(path, rig.url("c1"))
        (stopped,) = await rig.platform.wait_for(PublishStopped)
        (started,) = rig.platform.of(PublishStarted)
    received = rig.segments["c1"].tags
    assert_same(packets_in(received), packets_of(path))
    assert stopped.reason == "publisher_left"
    assert stopped.received_bytes == sum(len(tag.data) for tag in received)
    assert started.encoder is not None
    assert rig.segments["c1"].closed == 1
    assert list(flv.read_tags(await rig.log(started.session_id))) == received


@pytest.fixture
async def tls(tmp_path: Path, unused_tcp_port: int) -> dict[str, Any]:
    """Settings for RTMPS."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subject = ("-subj", "/CN=localhost", "-days", "1")
    await run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject),
        *("-keyout", str(key), "-out", str(certificate)),
    )
    return {"rtmps_port": unused_tcp_port, "tls_certificate": certificate, "tls_key": key}


async def test_rtmps(tmp_path: Path, tls: dict[str, Any]) -> None:
    path = next(path for path in RECORDINGS if path.name == "bbb_360p_10s.flv")
    async with running(tmp_path / "spool", **tls) as rig:
        await ffmpeg(path, f"rtmps://127.0.0.1:{tls['rtmps_port']}/live/{key_of('c1')}")
        await rig.platform.wait_for(PublishStopped)
        (started,) = rig.platform.of(PublishStarted)
    assert started.protocol == "rtmps"
    assert_same(packets_in(rig.segments["c1"].tags), packets_of(path))


async def test_tls_handshakes_are_bounded_and_disturb_no_stream(
    tmp_path: Path, tls: dict[str, Any]
) -> None:
    limits = {"max_half_open": 20, "max_connections_per_address": 1000, "handshake_deadline": 60}
    path = next(path for path in RECORDINGS if path.name == "bbb_360p_10s.flv")
    async with running(tmp_path / "spool", **tls, **limits) as rig:
        port, opened = tls["rtmps_port"], []
        for hello in (b"", b"\x16\x03\x01\x02\x00") * 100:
            opened.append(await asyncio.open_connection("127.0.0.1", port))
            opened[-1][1].write(hello)
        await until(lambda: rig.ingest._rtmp.connections <= 20)
        await asyncio.gather(*(cut.read() for cut, _ in opened[:150]), return_exceptions=True)
        await ffmpeg(path, f"rtmps://127.0.0.1:{port}/live/{key_of('c1')}")
        await rig.platform.wait_for(PublishStopped)
        assert_same(packets_in(rig.segments["c1"].tags), packets_of(path))
        refused = await rig.platform.wait_for(PublishRefused)
        assert {event.reason for event in refused} == {"handshake_timeout"}
        for _, writer in opened:
            writer.close()
        await until(lambda: rig.ingest._rtmp.connections == 0)


async def test_a_tls_handshake_has_to_end(tmp_path: Path, tls: dict[str, Any]) -> None:
    async with running(tmp_path / "spool", handshake_deadline=0.3, **tls) as rig:
        silent, writer = await asyncio.open_connection("127.0.0.1", tls["rtmps_port"])
        plain, other = await asyncio.open_connection("127.0.0.1", tls["rtmps_port"])
        other.write(GREETING)
        async with asyncio.timeout(10):
            await silent.read()
            await asyncio.gather(plain.read(), return_exceptions=True)
        await until(lambda: rig.ingest._rtmp.connections == 0)
        writer.close()
        other.close()

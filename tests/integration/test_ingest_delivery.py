"""What a publisher could hand to the network is kept, however the connection ends."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from media import flv
from media.flv import Tag
from schemas.records.ingest import PublishStarted, PublishStopped
from tests import rtmp_publisher as client
from tests.integration.ingest_fakes import Rig, Segments, key_of, running
from tests.rtmp_publisher import PlainPublisher
from tests.waiting import until

Test = Callable[[Rig], Awaitable[None]]
Run = Callable[..., None]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs a test with an ingest, in the loop of the standard library and in that of the roles."""

    def run(test: Test, **settings: Any) -> None:
        async def whole() -> None:
            async with running(tmp_path / "spool", **settings) as rig:
                await test(rig)

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(whole())

    return run


def frames(count: int, size: int = 50_000) -> list[Tag]:
    return [Tag(9, 40 * n, b"\x27\x01\0\0\0" + bytes(size)) for n in range(count)]


def as_bytes(tags: list[Tag]) -> bytes:
    return b"".join(map(client.media, tags))


async def on_air(port: int, tls: ssl.SSLContext | None = None) -> PlainPublisher:
    return await asyncio.to_thread(PlainPublisher, port, key_of("c1"), tls)


async def assert_spooled(rig: Rig, sent: list[Tag], reason: str) -> None:
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    (started,) = rig.platform.of(PublishStarted)
    found = list(flv.read_tags(await rig.log(started.session_id)))
    assert (stopped.reason, len(found)) == (reason, len(sent))
    assert found == sent


@pytest.mark.parametrize(
    ("goodbye", "reason"),
    [(b"", "connection_lost"), (client.closing(), "publisher_left")],
    ids=["silent", "goodbye"],
)
@pytest.mark.parametrize("window", [0, 10_000])
def test_a_publisher_that_hangs_up_while_the_server_is_held_up(
    run: Run, window: int, goodbye: bytes, reason: str
) -> None:
    async def test(rig: Rig) -> None:
        publisher, sent = await on_air(rig.port), frames(60)
        # Nothing runs in this loop until the publisher has gone: the kernel has what it sent.
        publisher.send(client.window(window) + as_bytes(sent) + goodbye)
        publisher.close()
        await assert_spooled(rig, sent, reason)

    run(test)


@pytest.mark.parametrize("window", [0, 10_000])
def test_a_publisher_that_hangs_up_while_it_has_to_wait(run: Run, window: int) -> None:
    gate = asyncio.Event()

    def shut(segments: Segments) -> None:
        segments.gate = gate

    async def test(rig: Rig) -> None:
        rig.prepare = shut
        publisher, sent = await on_air(rig.port), frames(220)
        everything = client.window(window) + as_bytes(sent) + client.closing()
        await asyncio.to_thread(publisher.send, everything)
        publisher.close()
        waits = rig.ingest.metrics.registry.get_sample_value
        await until(lambda: waits("millrace_ingest_back_pressure_total") == 1)
        gate.set()
        await assert_spooled(rig, sent, "publisher_left")

    run(test, spool_session_bytes=16 << 20)


def test_a_connection_that_breaks_with_bytes_unread(run: Run) -> None:
    async def test(rig: Rig) -> None:
        publisher, sent = await on_air(rig.port), frames(2)
        publisher.send(as_bytes(sent))
        (link,) = rig.ingest._rtmp.admission.guests()
        link.abort()  # what a loop does when a write fails
        publisher.close()
        await assert_spooled(rig, sent, "connection_lost")

    run(test)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for `localhost` and its key."""
    made = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    subprocess.run([*command.split(), "-out", made[0], "-keyout", made[1]], check=True)
    return made


@pytest.fixture
def secure(run: Run, certificate: tuple[Path, Path], unused_tcp_port: int) -> Run:
    """Runs a test with an ingest that has an RTMPS port; the test gets that and whom to trust."""

    def secure(test: Callable[..., Awaitable[None]]) -> None:
        trust = ssl.create_default_context(cafile=certificate[0])
        tls = {"tls_certificate": certificate[0], "tls_key": certificate[1]}
        run(lambda rig: test(rig, unused_tcp_port, trust), rtmps_port=unused_tcp_port, **tls)

    return secure


@pytest.mark.parametrize("window", [0, 10_000])
def test_a_publisher_over_tls_that_hangs_up_while_the_server_is_held_up(
    secure: Run, window: int
) -> None:
    async def test(rig: Rig, port: int, trust: ssl.SSLContext) -> None:
        publisher, sent = await on_air(port, trust), frames(60)
        publisher.send(client.window(window) + as_bytes(sent) + client.closing())
        publisher.close()
        await assert_spooled(rig, sent, "publisher_left")

    secure(test)


def test_a_tls_handshake_that_came_before_the_server_looked(secure: Run) -> None:
    async def test(rig: Rig, port: int, trust: ssl.SSLContext) -> None:
        connected = socket.create_connection(("127.0.0.1", port))
        options = {"do_handshake_on_connect": False, "server_hostname": "localhost"}
        with trust.wrap_socket(connected, **options) as publisher:
            publisher.settimeout(0)
            with pytest.raises(ssl.SSLWantReadError):  # and nothing ran in this loop until here
                publisher.do_handshake()
            publisher.settimeout(5)
            await asyncio.to_thread(publisher.do_handshake)

    secure(test)

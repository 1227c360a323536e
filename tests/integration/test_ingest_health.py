"""What is measured of real publishers is what their recordings are, and what is wrong is said."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from media.ingest import role
from schemas.records.ingest import (
    HealthMeasured,
    IngestMeasured,
    MeasurementEnded,
    PublishProgressed,
    PublishStopped,
)
from tests.integration.ingest_fakes import Rig, key_of, running
from tests.recordings import FOLDER

RECORDING = FOLDER / "bbb_360p_10s.flv"
STALL = 2.5
"""Seconds for which a connection carries nothing."""


class Recorded(msgspec.Struct, frozen=True):
    """What ffprobe says of a recording."""

    frame_rate: float
    video_bitrate: float
    audio_bitrate: float
    key_frame_interval: float
    width: int
    height: int


def probed(path: Path, seconds: float) -> Recorded:
    """Of its first seconds."""
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-show_packets", "-show_streams", "-of", "json", str(path)],
        capture_output=True,
        check=True,
        timeout=30,
    )
    found = json.loads(shown.stdout)
    begin = min(float(packet["dts_time"]) for packet in found["packets"])
    packets = [
        (packet["codec_type"], float(packet["dts_time"]) - begin, packet)
        for packet in found["packets"]
        if float(packet["dts_time"]) - begin <= seconds + 0.0005
    ]

    def bitrate(kind: str) -> float:
        times = [time for each, time, _ in packets if each == kind]
        size = sum(int(packet["size"]) for each, _, packet in packets if each == kind)
        return 8 * size / (times[-1] - times[0])

    keys = [time for kind, time, packet in packets if kind == "video" and "K" in packet["flags"]]
    last = max(time for kind, time, _ in packets if kind == "video")
    rate = found["streams"][0]["avg_frame_rate"].split("/")
    return Recorded(
        frame_rate=int(rate[0]) / int(rate[1]),
        video_bitrate=bitrate("video"),
        audio_bitrate=bitrate("audio"),
        key_frame_interval=max(keys[-1] - keys[-2], last - keys[-1]),
        width=found["streams"][0]["width"],
        height=found["streams"][0]["height"],
    )


@asynccontextmanager
async def publishing(url: str, *options: str) -> AsyncIterator[None]:
    """Debian's ffmpeg, at the speed of a live source."""
    command = ("ffmpeg", "-v", "error", "-re", *options, "-f", "flv", url)
    child = await asyncio.create_subprocess_exec(*command, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


@asynccontextmanager
async def stalling(port: int, after: float) -> AsyncIterator[int]:
    """A connection to a port that carries nothing for a while, once."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, out = await asyncio.open_connection("127.0.0.1", port)
        back = asyncio.create_task(_pipe(inner, writer))
        loop = asyncio.get_running_loop()
        stall_at = loop.time() + after
        while data := await reader.read(1 << 16):
            if loop.time() > stall_at:
                stall_at = float("inf")
                await asyncio.sleep(STALL)
            out.write(data)
            await out.drain()
        out.close()
        await back

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)


async def measured(rig: Rig, channel: str, count: int) -> list[HealthMeasured]:
    async with asyncio.timeout(30):
        while True:
            found = [each for each in rig.platform.of(HealthMeasured) if each.channel_id == channel]
            if len(found) >= count:
                return found
            await rig.platform.wait_for(HealthMeasured, len(rig.platform.of(HealthMeasured)) + 1)


SOURCE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30")
SOUND = ("-f", "lavfi", "-re", "-i", "sine=sample_rate=48000", "-c:a", "aac", "-b:a", "64k")
ENCODED = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-b:v", "300k")


async def test_four_publishers_and_what_is_said_of_them(tmp_path: Path) -> None:
    """As they are, with rare key frames, without sound, over a connection that stalls."""
    copied = ("-i", str(RECORDING), "-c", "copy")
    async with running(tmp_path) as rig, AsyncExitStack() as open_:
        port = await open_.enter_async_context(stalling(rig.port, 3.0))
        stalled = f"rtmp://127.0.0.1:{port}/live/{key_of('stalled')}"
        for url, options in (
            (rig.url("good"), copied),
            (rig.url("rare"), (*SOURCE, *SOUND, *ENCODED, "-g", "900")),
            (rig.url("mute"), (*SOURCE, *ENCODED, "-g", "60")),
            (stalled, copied),
        ):
            await open_.enter_async_context(publishing(url, *options))
        good, rare, mute, late = [
            (await measured(rig, channel, 4)) for channel in ("good", "rare", "mute", "stalled")
        ]
        progress = [
            each for each in rig.platform.of(PublishProgressed) if each.channel_id == "good"
        ]
        recorded = probed(RECORDING, progress[3].media_time / 1000)
        as_recorded(good[3], recorded)
        assert recorded.key_frame_interval > 2.5
        assert good[3].warnings == ["key-frames-rare"]

        assert "key-frames-rare" in rare[2].warnings
        assert rare[3].key_frame_interval == pytest.approx(7.5, abs=1)
        assert "Set the key frame interval of your encoder to 2 s." in " ".join(rare[3].details)
        assert rare[3].frame_rate == pytest.approx(30, abs=1)

        assert mute[3].warnings == ["no-sound"]
        assert (mute[3].audio_codec, mute[3].audio_bitrate) == ("", 0)
        assert mute[3].key_frame_interval == pytest.approx(2)

        worst = max(late, key=lambda each: each.late)
        assert worst.late == pytest.approx(STALL, abs=0.5)
        assert "late" in worst.warnings
        assert worst.frame_rate == pytest.approx(25, abs=0.5)  # late, and nothing is lost
    assert {each.channel_id for each in rig.platform.of(MeasurementEnded)} == {
        *("good", "rare", "mute", "stalled")
    }
    assert len(rig.platform.of(PublishStopped)) == 4


def as_recorded(found: HealthMeasured, recorded: Recorded) -> None:
    assert found.frame_rate == pytest.approx(recorded.frame_rate, abs=0.1)
    assert found.expected_frame_rate == pytest.approx(recorded.frame_rate, abs=0.01)
    assert found.video_bitrate == pytest.approx(recorded.video_bitrate, rel=0.01)
    assert found.audio_bitrate == pytest.approx(recorded.audio_bitrate, rel=0.01)
    assert found.key_frame_interval == pytest.approx(recorded.key_frame_interval, abs=0.01)
    assert (found.width, found.height) == (recorded.width, recorded.height)
    assert found.video_codec.startswith("avc1.")
    assert found.audio_codec == "mp4a.40.2"
    assert found.frames_missing <= 1
    assert found.late < 0.5
    assert found.hole == pytest.approx(1 / recorded.frame_rate, abs=0.005)
    assert (found.jumps, found.frames_discarded, found.behind_bytes) == (0, 0, 0)


async def test_an_ingest_says_how_full_it_is_until_it_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(role, "MEASURED_EVERY", 0.2)
    settings = {"name": "i7", "place": "there", "max_connections": 9}
    async with running(tmp_path, **settings) as rig:
        (first,) = await rig.platform.wait_for(IngestMeasured)
        assert (first.ingest_id, first.place) == ("i7", "there")
        assert (first.sessions, first.max_sessions) == (0, 9)
        async with publishing(rig.url("good"), "-i", str(RECORDING), "-c", "copy"):
            await rig.platform.wait_for(PublishProgressed)
            said = len(rig.platform.of(IngestMeasured))
            later = (await rig.platform.wait_for(IngestMeasured, said + 1))[-1]
            assert (later.sessions, later.max_sessions) == (1, 9)
    assert rig.platform.of(IngestMeasured)[-1].max_sessions == 0

"""The ingest role over real sockets: refusals, endings and bounds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.errors import Refused
from media.flv import Tag
from schemas.records.broadcast import StreamEnded, StreamResumed
from schemas.records.ingest import (
    PublishProgressed,
    PublishRefused,
    PublishStarted,
    PublishStopped,
    PublishWarned,
)
from tests import rtmp_publisher as client
from tests.integration.ingest_fakes import Rig, Segments, frames, key_of, on_air, running
from tests.rtmp_publisher import Publisher
from tests.waiting import until

BAD_NAME = "NetStream.Publish.BadName"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(tmp_path / "spool") as rig:
        yield rig


@pytest.mark.parametrize("key", ["nonsense", key_of("nobody"), key_of("c1") + "x", ""])
async def test_a_wrong_key_is_refused_in_the_same_words(rig: Rig, key: str) -> None:
    publisher = await Publisher.connect(rig.port, key)
    status = await publisher.status()
    assert status["code"] == BAD_NAME
    assert status["description"].startswith("The stream key is not valid.")
    (refused,) = await rig.platform.wait_for(PublishRefused)
    assert refused.reason == "unknown_key"
    assert refused.channel_id is None
    assert not rig.platform.of(PublishStarted)
    await publisher.close()


async def test_a_second_publisher_is_refused_and_the_first_goes_on(rig: Rig) -> None:
    first = await on_air(rig)
    first.send(frames(10))
    second = await Publisher.connect(rig.port, key_of("c1"))
    status = await second.status()
    assert status["code"] == BAD_NAME
    assert "already live" in status["description"]
    (refused,) = await rig.platform.wait_for(PublishRefused)
    assert (refused.reason, refused.channel_id) == ("already_live", "c1")
    first.send(frames(10, first=10))
    await first.leave()
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert (stopped.reason, stopped.video_frames) == ("publisher_left", 20)
    await second.close()


async def test_a_silent_session_gives_way_to_a_new_one(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await on_air(rig)
    first.send(frames(1))
    monkeypatch.setattr("media.ingest.role.STALE", 0.0)
    second = await on_air(rig)
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert stopped.reason == "connection_lost"
    starts = [
        type(event) for event in rig.platform.events if not isinstance(event, PublishProgressed)
    ]
    assert starts == [PublishStarted, PublishStopped, PublishStarted]
    await first.close()
    await second.leave()


async def test_the_platform_may_refuse(rig: Rig) -> None:
    rig.platform.refuse = True
    publisher = await Publisher.connect(rig.port, key_of("c1"))
    status = await publisher.status()
    assert (status["code"], status["description"]) == (BAD_NAME, "Live elsewhere.")
    (refused,) = await rig.platform.wait_for(PublishRefused)
    assert refused.reason == "already_live"
    await publisher.close()


@pytest.mark.parametrize("away", [False, True])
async def test_without_a_decision_the_publisher_is_told_to_try_again(
    tmp_path: Path, away: bool
) -> None:
    async with running(tmp_path, decision_deadline=0.2) as rig:
        rig.platform.silent, rig.platform.away = not away, away
        publisher = await Publisher.connect(rig.port, key_of("c1"))
        status = await publisher.status()
        assert status["code"] == BAD_NAME
        assert "busy" in status["description"]
        rig.platform.away = False
        await rig.platform.wait_for(PublishStopped)
        await publisher.close()


async def test_the_platform_may_end_a_stream(rig: Rig) -> None:
    publisher = await on_air(rig)
    (started,) = rig.platform.of(PublishStarted)
    rig.platform.hear(
        StreamEnded(
            channel_id="c1", stream_id=started.session_id, reason="x", started_at=1, interruptions=0
        )
    )
    assert (await publisher.status())["description"] == "The platform ended the stream."
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert stopped.reason == "ended_by_platform"
    await publisher.close()


async def test_a_session_ends_when_another_takes_its_stream_over(rig: Rig) -> None:
    publisher = await on_air(rig)
    (started,) = rig.platform.of(PublishStarted)
    for session_id in (started.session_id, "f" * 32):
        rig.platform.hear(
            StreamResumed(
                channel_id="c1",
                stream_id=started.session_id,
                session_id=session_id,
                started_at=1,
                interrupted_at=2,
            )
        )
    assert "took over" in (await publisher.status())["description"]
    assert len(await rig.platform.wait_for(PublishStopped)) == 1
    await publisher.close()


async def test_media_that_packaging_refuses_ends_the_session(rig: Rig) -> None:
    def refusing(segments: Segments) -> None:
        segments.refusal = Refused("unsupported_media", "Video codec HEVC is not supported.")
        segments.warnings.append(("missing_audio", "No audio."))

    rig.prepare = refusing
    publisher = await on_air(rig)
    publisher.send(frames(3))
    status = await publisher.status()
    assert status["description"] == "Video codec HEVC is not supported."
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert stopped.reason == "unsupported_media"
    assert rig.segments["c1"].closed == 1
    await publisher.close()


async def test_warnings_become_events_but_not_a_flood(rig: Rig) -> None:
    publisher = await on_air(rig)
    for number in range(5):
        rig.segments["c1"].warnings.append(("key_frame_interval", "Set it to 2 s."))
        publisher.send(frames(1, first=number))
        await until(lambda number=number: len(rig.segments["c1"].tags) == number + 1)
    await publisher.leave()
    await rig.platform.wait_for(PublishStopped)
    (warned,) = await rig.platform.wait_for(PublishWarned)
    assert (warned.warning, warned.detail) == ("key_frame_interval", "Set it to 2 s.")


async def test_progress_is_told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.ingest.session.PROGRESS_EVERY", 0.05)
    publisher = await on_air(rig)
    publisher.send([*frames(5), Tag(8, 170, b"\xaf\x01abc")])
    await until(lambda: len(rig.segments["c1"].tags) == 6)
    told = await rig.platform.wait_for(
        PublishProgressed, len(rig.platform.of(PublishProgressed)) + 2
    )
    assert (told[-1].video_frames, told[-1].audio_frames, told[-1].media_time) == (5, 1, 170)
    await publisher.close()
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert stopped.reason == "connection_lost"


async def test_an_idle_publisher_is_dropped(tmp_path: Path) -> None:
    async with running(tmp_path, idle_timeout=0.3) as rig:
        publisher = await on_air(rig)
        assert "Nothing was received for 0.3 s." in (await publisher.status())["description"]
        (stopped,) = await rig.platform.wait_for(PublishStopped)
        assert stopped.reason == "idle"
        await publisher.close()


def connections(rig: Rig) -> float | None:
    return rig.ingest.metrics.registry.get_sample_value("millrace_ingest_connections")


async def test_half_open_connections_disturb_no_stream(tmp_path: Path) -> None:
    limits = {"max_half_open": 20, "max_connections_per_address": 1000, "handshake_deadline": 60}
    async with running(tmp_path, **limits) as rig:
        publisher = await on_air(rig)
        idle = []
        for number in range(200):
            idle.append(await asyncio.open_connection("127.0.0.1", rig.port))
            publisher.send(frames(1, first=number))
        late = await on_air(rig, "c2")
        await until(lambda: len(rig.segments["c1"].tags) == 200)
        await until(lambda: connections(rig) == 2 + 19)
        refused = await rig.platform.wait_for(PublishRefused)
        assert {event.reason for event in refused} == {"handshake_timeout"}
        assert len(refused) <= 60
        await publisher.leave()
        await late.leave()
        for _, writer in idle:
            writer.close()


async def test_a_connection_that_never_publishes_is_dropped(tmp_path: Path) -> None:
    async with running(tmp_path, handshake_deadline=0.2) as rig:
        _, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        (refused,) = await rig.platform.wait_for(PublishRefused)
        assert (refused.reason, refused.detail) == (
            "handshake_timeout",
            "did not begin to publish within 0.2 s",
        )
        await until(lambda: connections(rig) == 0)
        writer.close()


async def test_too_many_connections_are_told_so(tmp_path: Path) -> None:
    async with running(tmp_path, max_connections_per_address=1) as rig:
        publisher = await on_air(rig)
        second = await Publisher.connect(rig.port, key_of("c2"))
        status = await second.status()
        assert status["code"] == "NetConnection.Connect.Rejected"
        assert "your address" in status["description"]
        (refused,) = await rig.platform.wait_for(PublishRefused)
        assert refused.reason == "too_many_connections"
        await second.close()
        await until(lambda: connections(rig) == 1)
        await publisher.leave()


async def test_a_protocol_error_on_air_ends_only_that_session(rig: Rig) -> None:
    good, bad = await on_air(rig, "c1"), await on_air(rig, "c2")
    bad.writer.write(client.command("x", 0, None, chunk_size=4096) * 100)
    assert "commands a second" in (await bad.status())["description"]
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert (stopped.channel_id, stopped.reason) == ("c2", "protocol_error")
    good.send(frames(3))
    await until(lambda: len(rig.segments["c1"].tags) == 3)
    await bad.close()
    await good.leave()

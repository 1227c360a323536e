"""The contexts as workers run them: topologies, tables, codec and run loop, without a broker."""

from functools import partial

from infra.streaming.testing import BEGINNING, Delivered, TestWorker
from schemas.records.broadcast import (
    CloseSession,
    OpenSession,
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
    TouchSession,
)
from schemas.records.clock import Tick
from schemas.records.identity import (
    ChannelRegistered,
    IssueStreamKey,
    RegisterChannel,
    StreamKeyIssued,
    StreamKeyRevoked,
)
from schemas.records.ingest import PublishProgressed, PublishStarted, PublishStopped
from tests.functional.workers import identity_app, worker_app

SECOND = 1_000_000


def broadcast_worker() -> TestWorker:
    return TestWorker(partial(worker_app, "broadcast"))


def events(outputs: list[Delivered]) -> list[object]:
    return [output.event for output in outputs]


async def test_publisher_facts_become_commands_of_the_broadcast_context():
    async with broadcast_worker() as worker:
        started = PublishStarted(
            channel_id="c", session_id="s", ingest="i", protocol="rtmp", encoder=None
        )
        progressed = PublishProgressed(
            channel_id="c",
            session_id="s",
            received_bytes=7,
            video_frames=1,
            audio_frames=1,
            media_time=40,
        )
        stopped = PublishStopped(
            channel_id="c",
            session_id="s",
            reason="connection_lost",
            detail="gone",
            received_bytes=7,
            video_frames=1,
            audio_frames=1,
        )
        assert events(await worker.put("ingest-events", "c", started)) == [
            OpenSession(channel_id="c", session_id="s")
        ]
        assert events(await worker.put("ingest-events", "c", progressed)) == [
            TouchSession(channel_id="c", session_id="s", received_bytes=7)
        ]
        outputs = await worker.put("ingest-events", "c", stopped)
        assert events(outputs) == [
            CloseSession(channel_id="c", session_id="s", reason="connection_lost")
        ]
        assert {output.topic for output in outputs} == {"broadcast-commands"}


async def test_a_stream_starts_is_interrupted_resumes_and_is_ended_by_a_tick():
    async with broadcast_worker() as worker:
        put = partial(worker.put, "broadcast-commands", "c")
        at = BEGINNING

        (started,) = await put(OpenSession(channel_id="c", session_id="one"), occurred_at=at)
        assert isinstance(started.event, StreamStarted)
        assert started.topic == "broadcast-events"
        assert started.key == "c"

        (away,) = await put(
            CloseSession(channel_id="c", session_id="one", reason="publisher_left"),
            occurred_at=at + 5 * SECOND,
        )
        assert isinstance(away.event, StreamInterrupted)
        (back,) = await put(
            OpenSession(channel_id="c", session_id="two"), occurred_at=at + 20 * SECOND
        )
        assert isinstance(back.event, StreamResumed)
        assert back.event.stream_id == "one"

        await put(
            CloseSession(channel_id="c", session_id="two", reason="publisher_left"),
            occurred_at=at + 30 * SECOND,
        )
        tick = partial(worker.put, "broadcast-commands", "", Tick(), partition=started.partition)
        assert await tick(occurred_at=at + 60 * SECOND) == []
        (ended,) = await tick(occurred_at=at + 90 * SECOND)
        assert isinstance(ended.event, StreamEnded)
        assert ended.key == "c"
        assert ended.event.interruptions == 2
        assert await tick(occurred_at=at + 91 * SECOND) == []


async def test_a_tick_concerns_only_streams_of_its_own_partition():
    async with broadcast_worker() as worker:
        (started,) = await worker.put(
            "broadcast-commands",
            "c",
            OpenSession(channel_id="c", session_id="s"),
            occurred_at=BEGINNING,
        )
        for partition in range(4):
            outputs = await worker.put(
                "broadcast-commands",
                "",
                Tick(),
                partition=partition,
                occurred_at=BEGINNING + 11 * SECOND,
            )
            assert bool(outputs) == (partition == started.partition)


async def test_a_replaced_stream_key_is_revoked():
    async with TestWorker(identity_app) as worker:
        put = partial(worker.put, "identity-commands", "c")
        described = {"channel_id": "c", "name": "river", "title": "t", "category": "g"}
        assert events(await put(RegisterChannel(**described))) == [ChannelRegistered(**described)]
        issue = partial(IssueStreamKey, channel_id="c", key_digest="0" * 64)
        assert [type(event) for event in events(await put(issue(key_id="one")))] == [
            StreamKeyIssued
        ]
        assert [type(event) for event in events(await put(issue(key_id="two")))] == [
            StreamKeyRevoked,
            StreamKeyIssued,
        ]

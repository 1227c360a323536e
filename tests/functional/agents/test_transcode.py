"""The transcode worker: topology, tables, codec and run loop, without a broker."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from infra.kafka import partition_of
from infra.record import Record
from infra.streaming.testing import BEGINNING, TestWorker
from schemas.records.accounts import RoleGranted, RoleRevoked, UserErased
from schemas.records.broadcast import (
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
)
from schemas.records.clock import Tick
from schemas.records.media import RenditionOpened
from schemas.records.transcode import (
    AdmitStream,
    CostMeasured,
    DescribeSource,
    LadderChanged,
    PoolMeasured,
    ReleaseStream,
    ReportWorker,
    SegmentTranscoded,
    SetTier,
    WorkerJoined,
    WorkerLeft,
)
from tests.functional.workers import PARTITIONS, worker_app

SECOND = 1_000_000
COMMANDS, POOL = "transcode-commands", "default"
POOL_PARTITION = partition_of(POOL.encode(), PARTITIONS)


class Rig:
    """A worker that hears itself, as over the log, and a clock for it."""

    def __init__(self, worker: TestWorker, now: int = BEGINNING, producer: str = "test") -> None:
        self.worker = worker
        self.now = now
        self.producer = producer

    async def put(self, topic: str, key: str, event: Record, **more: Any) -> list[Any]:
        """All that comes of a message, in order."""
        every = await self.worker.put(
            topic, key, event, occurred_at=self.now, producer=self.producer, **more
        )
        for output in every:
            if output.topic in self.worker.app.agents_by_source:
                every += await self.worker.relay(output)
        assert not any(each.topic.endswith("-dlq") for each in every), every
        return every

    async def command(self, command: Record) -> list[Any]:
        return await self.put(COMMANDS, POOL, command)

    async def tick(self, seconds: int = 1) -> list[Any]:
        self.now += seconds * SECOND
        return await self.put(COMMANDS, "", Tick(), partition=POOL_PARTITION)

    async def come(self, stream: str, role: str | None = "affiliate") -> list[Any]:
        """A stream comes, as the platform says it; what comes of the last."""
        channel = f"of-{stream}"
        if role is not None:
            granted = RoleGranted(user_id=channel, role=role, roles=[role])
            await self.put("account-events", channel, granted)
        await self.put("broadcast-events", channel, started(stream))
        return await self.put("media-segments", stream, opened(stream))


def started(stream: str) -> StreamStarted:
    return StreamStarted(
        channel_id=f"of-{stream}", stream_id=stream, session_id="p1", started_at=BEGINNING
    )


def opened(stream: str, rendition: str = "source") -> RenditionOpened:
    return RenditionOpened(
        stream_id=stream,
        session_id="p1",
        rendition=rendition,
        init_object="live/x/init.mp4",
        codecs="avc1.64002A,mp4a.40.2",
        width=1920,
        height=1080,
        frame_rate=60.0,
        channels=2,
        part_target=0.1,
        first_media_sequence=0,
    )


def report(run: int = 1, capacity: int = 350_000) -> ReportWorker:
    return ReportWorker(
        pool=POOL,
        worker_id=f"w.{run}",
        name="w",
        capacity=capacity,
        decoding=0,
        streams=10,
        encoders=["libx264"],
        draining=False,
    )


def events(outputs: list[Any]) -> list[Any]:
    return [each.event for each in outputs]


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with TestWorker(partial(worker_app, "transcode")) as worker:
        yield Rig(worker)


async def test_what_happens_elsewhere_becomes_commands(rig: Rig) -> None:
    channel = "of-s"
    (command, *_) = events(await rig.put("broadcast-events", channel, started("s")))
    assert command == AdmitStream(pool=POOL, stream_id="s", channel_id=channel, session_id="p1")
    away = StreamInterrupted(
        channel_id=channel, stream_id="s", session_id="p1", reason="silence", resume_until=1
    )
    assert await rig.put("broadcast-events", channel, away) == []
    back = StreamResumed(
        channel_id=channel, stream_id="s", session_id="p2", started_at=1, interrupted_at=1
    )
    (command, *_) = events(await rig.put("broadcast-events", channel, back))
    assert command == AdmitStream(pool=POOL, stream_id="s", channel_id=channel, session_id="p2")
    (command, *_) = events(await rig.put("media-segments", "s", opened("s")))
    assert command == DescribeSource(
        pool=POOL, stream_id="s", session_id="p1", width=1920, height=1080, frame_rate=60.0
    )
    assert await rig.put("media-segments", "s", opened("s", "480p30")) == []
    ended = StreamEnded(
        channel_id=channel, stream_id="s", reason="ended", started_at=1, interruptions=1
    )
    (command, *_) = events(await rig.put("broadcast-events", channel, ended))
    assert command == ReleaseStream(pool=POOL, stream_id="s")


@pytest.mark.parametrize(
    ("event", "tier"),
    [
        (RoleGranted(user_id="u", role="operator", roles=["affiliate", "operator"]), "affiliate"),
        (RoleGranted(user_id="u", role="partner", roles=["affiliate", "partner"]), "partner"),
        (RoleRevoked(user_id="u", role="partner", roles=["operator"]), "regular"),
        (UserErased(user_id="u", login="abc"), "regular"),
    ],
)
async def test_roles_become_tiers(rig: Rig, event: Record, tier: Any) -> None:
    (command, *_) = events(await rig.put("account-events", "u", event))
    assert command == SetTier(pool=POOL, channel_id="u", tier=tier)


async def test_decisions_go_where_their_readers_look(rig: Rig) -> None:
    (joined,) = await rig.command(report())
    assert isinstance(joined.event, WorkerJoined)
    assert (joined.topic, joined.key) == ("pool-events", POOL)
    (_, ladder) = await rig.come("s")
    assert isinstance(ladder.event, LadderChanged)
    assert (ladder.topic, ladder.key) == ("transcode-events", "s")
    assert ladder.event.worker_id == "w.1"
    (measured,) = await rig.tick()
    assert isinstance(measured.event, PoolMeasured)
    assert (measured.event.streams, measured.event.wanted, measured.event.served) == (1, 2, 2)


async def test_time_of_other_partitions_says_nothing(rig: Rig) -> None:
    await rig.command(report())
    rig.now += 60 * SECOND
    for partition in {*range(PARTITIONS)} - {POOL_PARTITION}:
        assert await rig.put(COMMANDS, "", Tick(), partition=partition) == []


async def test_a_restarted_worker_goes_on_where_it_was(rig: Rig) -> None:
    await rig.command(report())
    await rig.come("a")
    await rig.come("p", "partner")
    await rig.tick()
    async with TestWorker(partial(worker_app, "transcode"), rig.worker.log) as again:
        said = events(await Rig(again, rig.now, "after the restart").tick(10))
    ladders = [each for each in said if isinstance(each, LadderChanged)]
    assert WorkerLeft(pool=POOL, worker_id="w.1", name="w", reason="lost") in said
    assert {(each.stream_id, each.cause) for each in ladders} == {
        ("a", "worker_lost"),
        ("p", "worker_lost"),
    }


async def test_what_a_message_did_that_was_put_aside_is_forgotten(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool in memory has changed when a row cannot be written: it is built from the tables."""
    await rig.command(report())
    rows = rig.worker.app.tables_by_name["transcode-stream"]

    def full(key: str, value: object) -> None:
        raise ValueError("no room")

    with monkeypatch.context() as broken:
        broken.setattr(type(rows), "__setitem__", lambda self, key, value: full(key, value))
        (letter,) = await rig.worker.put(
            COMMANDS, POOL, AdmitStream(pool=POOL, stream_id="s", channel_id="c", session_id="p")
        )
        assert letter.topic == f"{COMMANDS}-dlq"
    rig.now += 15 * SECOND
    measured = events(await rig.tick())[-1]
    assert measured.streams == 0


async def test_another_pools_commands_are_put_aside(rig: Rig) -> None:
    (letter,) = await rig.worker.put(COMMANDS, "other", ReleaseStream(pool="other", stream_id="s"))
    assert letter.topic == f"{COMMANDS}-dlq"
    assert b"pool must be default" in letter.headers["error"]


async def test_costs_add_up_by_rendition_and_are_forgotten_after_a_day(rig: Rig) -> None:
    def made(sequence: int, rendition: str = "480p30") -> SegmentTranscoded:
        return SegmentTranscoded(
            stream_id="s",
            worker_id="w.1",
            assignment=1,
            rendition=rendition,
            media_sequence=sequence,
            encoder="libx264",
            recipe="r",
            repeatable=True,
            source_digest="a",
            digest="b",
            frames=60,
            duration=2.0,
            cpu_seconds=0.5,
            gpu_seconds=0.25,
            wall_seconds=0.4,
            delay=0.1,
        )

    topic = "transcode-measurements"
    for sequence in range(3):
        (said,) = await rig.put(topic, "s", made(sequence))
    assert (said.topic, said.key) == ("stream-costs", "s")
    assert said.event == CostMeasured(
        stream_id="s",
        rendition="480p30",
        encoder="libx264",
        segments=3,
        media_seconds=6.0,
        cpu_seconds=1.5,
        gpu_seconds=0.75,
    )
    (said,) = events(await rig.put(topic, "s", made(3, "160p30")))
    assert said.segments == 1
    rig.now += 2 * 86_400 * SECOND
    await rig.put(topic, "s", made(9, "720p60"))
    assert list(rig.worker.rows("cost-by-stream-and-rendition")) == ["s|720p60"]

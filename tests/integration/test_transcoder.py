"""A worker with its processes: source parts in, renditions out, over a real broker."""

import asyncio
import io
import os
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import av
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.clock import SystemClock
from infra.dead_letters import KafkaDeadLetters
from infra.errors import Unavailable
from infra.kafka import EventProducer, LogReader
from infra.record import Record
from infra.settings import TranscoderSettings
from media.encoding.probe import Abilities
from media.transcoding.follower import Follower
from media.transcoding.reports import WorkerReports
from media.transcoding.role import Transcoder
from media.transcoding.topics import Topics
from schemas.records.media import PartProduced, SegmentProduced
from schemas.records.transcode import (
    LadderChanged,
    ReportDeath,
    ReportWorker,
    Rung,
    SegmentTranscoded,
    StreamQuarantined,
)
from schemas.registry import registry
from tests.integration.media_stack import PARTITIONS, MediaStack, media_stack
from tests.integration.test_origin import clip
from tests.waiting import until

R = TypeVar("R", bound=Record)
WITHIN = 60.0


def rung(name: str, width: int, height: int, bitrate: int) -> Rung:
    return Rung(
        name=name,
        width=width,
        height=height,
        frame_rate=25.0,
        bitrate=bitrate,
        state="granted",
        reason="tier",
    )


RUNGS = (rung("240p25", 426, 240, 400_000), rung("160p25", 284, 160, 200_000))


async def abilities() -> Abilities:
    return Abilities(1_000_000, 200, ["libx264"])


class Workers:
    """Workers on a stack, and what is on its logs."""

    def __init__(self, stack: MediaStack, topics: Topics) -> None:
        self.stack, self.topics = stack, topics
        self.sent = 0

    @asynccontextmanager
    async def worker(self, name: str = "a") -> AsyncIterator[Transcoder]:
        """A worker that follows the log; leaving stops it as SIGTERM does."""
        stack, bootstrap, clock = self.stack, self.stack.bootstrap, SystemClock()
        async with (
            EventProducer(
                bootstrap, registry(), role="transcoder", partitions=lambda _: PARTITIONS
            ) as producer,
            KafkaDeadLetters(bootstrap) as letters,
        ):
            follower = Follower(bootstrap, registry(), letters, clock, self.topics)
            worker = Transcoder(
                TranscoderSettings(drain=0),
                name,
                "default",
                abilities,
                follower,
                WorkerReports(producer, stack.store, "default", self.topics),
                letters,
                clock,
            )
            running = asyncio.create_task(worker.run())
            try:
                await asyncio.wait_for(follower.following.wait(), WITHIN)
                yield worker
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    async def assign(self, worker: Transcoder | None, *rungs: Rung) -> None:
        """Decide as a dispatcher would."""
        self.sent += 1
        event = LadderChanged(
            stream_id=self.stack.stream_id,
            channel_id="channel",
            session_id="first",
            pool="default",
            tier="partner",
            worker_id=worker.worker_id if worker else "",
            assignment=self.sent,
            cause="stream_started",
            rungs=list(rungs),
        )
        await self.say(event)

    async def say(self, event: Record) -> None:
        await self.stack.producer.send(self.topics.decisions, self.stack.stream_id, event)

    async def all_of(self, topic: str, kind: type[R]) -> list[R]:
        """Every record of a kind on a topic."""
        async with LogReader(self.stack.bootstrap) as reader:
            partitions = await reader.partitions(topic)
            begins, ends = await reader.begins(partitions), await reader.ends(partitions)
            return [
                envelope.event
                async for batch in reader.read(begins, ends)
                for record in batch
                if isinstance((envelope := registry().decode(record.value)).event, kind)
            ]

    async def segments(self, rendition: str) -> dict[int, SegmentProduced]:
        found = await self.all_of(self.topics.segments, SegmentProduced)
        return {each.media_sequence: each for each in found if each.rendition == rendition}


@pytest.fixture
async def workers(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Workers]:
    monkeypatch.setenv("MILLRACE_STORAGE_URL", f"file://{tmp_path}")
    suffix = uuid.uuid4().hex[:8]
    async with AsyncExitStack() as closing:
        stack = await closing.enter_async_context(media_stack(kafka, tmp_path))
        topics = Topics(
            parts=stack.topics.parts,
            segments=stack.topics.segments,
            decisions=f"decisions-{suffix}",
            commands=f"commands-{suffix}",
            measurements=f"measurements-{suffix}",
        )
        more = [topics.decisions, topics.commands, topics.measurements, f"{topics.parts}-dlq"]
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        closing.push_async_callback(admin.close)
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in more])
        closing.push_async_callback(admin.delete_topics, more)
        yield Workers(stack, topics)


class Source:
    """A publisher who sends a clip in its own time: who cannot follow leaves things out."""

    def __init__(self, stack: MediaStack, publisher: Any) -> None:
        self._stack, self._publisher = stack, publisher
        self._began = stack.clock.now()
        self._sent = 0

    @classmethod
    async def start(cls, stack: MediaStack, seconds: float) -> "Source":
        """One that has sent so many seconds."""
        source = cls(stack, await stack.start())
        await source.send(seconds)
        return source

    async def send(self, until: float) -> None:
        """Send what comes before so many seconds, and was not sent."""
        for tag in clip(until):
            if tag.timestamp < self._sent:
                continue
            due = self._began + tag.timestamp * 1000
            await asyncio.sleep(max(0.0, (due - self._stack.clock.now()) / 1e6))
            await self._publisher.feed([tag], due)
        self._sent = round(until * 1000)


def pictures(media: bytes) -> list[float]:
    """When each picture is shown."""
    with av.open(io.BytesIO(media)) as container:
        return [float(frame.time or 0) for frame in container.decode(video=0)]


def process_of(worker: Transcoder, stream_id: str) -> Any:
    return worker._making[stream_id]._child


async def test_every_rendition_has_the_segments_of_its_source(workers: Workers) -> None:
    stack = workers.stack
    async with workers.worker() as worker:
        await workers.assign(worker, *RUNGS)
        await Source.start(stack, 7.0)
        source = await workers.segments("source")
        assert len(source) >= 2

        async def made() -> bool:
            names = ("240p25", "160p25", "audio_only")
            found = [await workers.segments(name) for name in names]
            return all(segments.keys() >= source.keys() for segments in found)

        await until(made, WITHIN)
        for name, height in (("240p25", 240), ("160p25", 160)):
            for number, segment in (await workers.segments(name)).items():
                whole = source[number]
                assert segment.parts == whole.parts
                assert segment.program_date_time == whole.program_date_time
                init, data = [
                    await stack.store.get(key) for key in (segment.init_object, segment.object)
                ]
                with av.open(io.BytesIO(init + data)) as container:
                    assert container.streams.video[0].height == height
                    assert container.streams.audio
                original = await stack.store.get(whole.init_object)
                original += await stack.store.get(whole.object)
                assert pictures(init + data) == pytest.approx(pictures(original), abs=1e-4)

        async def measured() -> bool:
            found = await workers.all_of(workers.topics.measurements, SegmentTranscoded)
            return {each.rendition for each in found} >= {"240p25", "160p25"}

        await until(measured, WITHIN)
        costs = await workers.all_of(workers.topics.measurements, SegmentTranscoded)
        assert {each.worker_id for each in costs} == {worker.worker_id}
        assert {each.encoder for each in costs} == {"libx264", "copy"}
        assert all(each.cpu_seconds > 0 for each in costs if each.encoder == "libx264")
        reports = await workers.all_of(workers.topics.commands, ReportWorker)
        assert reports[0].capacity == 1_000_000


async def test_a_process_that_is_killed_costs_no_segment(workers: Workers) -> None:
    stack = workers.stack
    async with workers.worker() as worker:
        await workers.assign(worker, *RUNGS)
        publisher = await Source.start(stack, 3.0)

        async def begun() -> bool:
            parts = await workers.all_of(workers.topics.parts, PartProduced)
            return any(part.rendition == "160p25" for part in parts)

        await until(begun, WITHIN)
        os.kill(process_of(worker, stack.stream_id).pid, signal.SIGKILL)
        await publisher.send(9.0)
        source = await workers.segments("source")

        async def made() -> bool:
            return (await workers.segments("160p25")).keys() >= source.keys()

        await until(made, WITHIN)
        (death,) = await workers.all_of(workers.topics.commands, ReportDeath)
        assert death.detail == "ended by signal 9"
        assert death.kept_object == "" or pictures(await stack.store.get(death.kept_object))
        same: dict[tuple[str, int, int], set[str]] = {}
        for part in await workers.all_of(workers.topics.parts, PartProduced):
            key = part.rendition, part.media_sequence, part.part
            same.setdefault(key, set()).add(part.digest)
        assert all(len(digests) == 1 for digests in same.values())


async def test_another_worker_goes_on_where_the_first_was(workers: Workers) -> None:
    stack = workers.stack
    async with workers.worker("a") as first, workers.worker("b") as second:
        await workers.assign(first, *RUNGS)
        publisher = await Source.start(stack, 5.0)

        async def one_segment() -> bool:
            return 0 in await workers.segments("160p25")

        await until(one_segment, WITHIN)
        await workers.assign(second, *RUNGS)
        await publisher.send(9.0)
        source = await workers.segments("source")

        async def made() -> bool:
            return (await workers.segments("160p25")).keys() >= source.keys()

        await until(made, WITHIN)
        await until(lambda: stack.stream_id not in first._making, WITHIN)
        assert stack.stream_id in second._making

        async def both() -> bool:
            found = await workers.all_of(workers.topics.measurements, SegmentTranscoded)
            return {each.worker_id for each in found} == {first.worker_id, second.worker_id}

        await until(both, WITHIN)
        found = await workers.all_of(workers.topics.measurements, SegmentTranscoded)
        digests: dict[tuple[str, int], set[str]] = {}
        for each in found:
            digests.setdefault((each.rendition, each.media_sequence), set()).add(each.digest)
        assert all(len(each) == 1 for each in digests.values())


async def test_a_stream_that_is_over_leaves_no_process(workers: Workers) -> None:
    stack = workers.stack
    async with workers.worker() as worker:
        await workers.assign(worker, *RUNGS)
        await Source.start(stack, 2.0)
        await until(lambda: process_of(worker, stack.stream_id), WITHIN)
        process = process_of(worker, stack.stream_id)
        await workers.assign(None)
        await until(lambda: not process.running, WITHIN)
        assert worker._making == {}


async def test_the_part_that_processes_died_of_is_a_dead_letter(workers: Workers) -> None:
    stack = workers.stack
    async with workers.worker() as worker:
        await workers.assign(worker, *RUNGS)
        source = await Source.start(stack, 2.0)
        await until(lambda: process_of(worker, stack.stream_id), WITHIN)
        process = process_of(worker, stack.stream_id)
        os.kill(process.pid, signal.SIGSTOP)
        await source.send(3.0)
        await until(lambda: worker._making[stack.stream_id].waiting > 0.5, WITHIN)
        os.kill(process.pid, signal.SIGKILL)

        async def told() -> bool:
            deaths = await workers.all_of(workers.topics.commands, ReportDeath)
            return bool(deaths) and bool(pictures(await stack.store.get(deaths[0].kept_object)))

        await until(told, WITHIN)
        quarantined = StreamQuarantined(
            stream_id=stack.stream_id,
            channel_id="channel",
            deaths=3,
            media_sequence=0,
            kept_object="",
            detail="ended by signal 9",
        )
        await workers.say(quarantined)

        async def buried() -> bool:
            try:
                return bool(await workers.all_of(f"{workers.topics.parts}-dlq", PartProduced))
            except Unavailable:
                return False

        await until(buried, WITHIN)

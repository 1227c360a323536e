"""Writes views: reads the log in batches, projects, and stores rows and then positions.

One writer serves the views of one store, so that a store that is away stops no other. Processes
share the partitions by Kafka's group protocol; where each view goes on is what is stored beside
its rows, never the group's committed offsets. A process that dies at any point has stored rows
that its positions do not cover yet at worst: they are written again, to the same effect.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from infra.clock import Clock, SystemClock
from infra.errors import MillraceError, Unavailable
from infra.record import Codec
from sinks import metrics
from sinks.dead_letters import DeadLetters
from sinks.lane import Lane
from sinks.projection import Failure, Hole, Message, decoded
from sinks.store import Store
from sinks.view import View

log = structlog.get_logger()

Answer = TypeVar("Answer")
OnHole = Callable[[Hole], Awaitable[None]]

FETCH_WAIT_MS: Final = 20
"""How long a fetch may wait at the broker; a message that just missed one waits as long."""
FOLLOW_SECONDS: Final = 0.5
"""How often an idle writer looks whether a view was rebuilt."""
PROBE_SECONDS: Final = 5.0
"""How often the writer asks Kafka where the log ends."""
LONGEST_BACKOFF: Final = 2.0
BATCH_MESSAGES: Final = 5000
"""Messages written at once, at most."""


class Health(msgspec.Struct, frozen=True):
    """How a writer is."""

    store: str
    partitions: int
    """Partitions this process has; another process may have the rest."""
    oldest_unapplied: float
    """Age in seconds of the oldest message known that is not in the views; 0 if there is none."""
    kafka_silent: float
    """Seconds since Kafka last answered."""
    waiting_for: str
    """The server that is away; empty if none is."""

    def well(self, limit: float) -> bool:
        """Whether the views are at most so many seconds behind, and Kafka is there."""
        return self.oldest_unapplied <= limit and self.kafka_silent <= limit + PROBE_SECONDS


class ViewWriter:
    """Keeps the views of one store up to date. `run` it until it is cancelled.

    `instance` names one of several processes that share a group. One that is started again under
    the same name takes its partitions back at once, not after the session of the dead one is over.
    """

    def __init__(
        self,
        bootstrap: str,
        store: Store,
        views: Sequence[View],
        codec: Codec,
        *,
        dead_letters: DeadLetters,
        on_hole: OnHole | None = None,
        group: str = "views",
        instance: str | None = None,
        clock: Clock | None = None,
        max_consecutive_dead_letters: int = 100,
    ) -> None:
        (self._kind,) = {view.store for view in views}
        self._bootstrap = bootstrap
        self._store = store
        self._views = views
        self._codec = codec
        self._dead_letters = dead_letters
        self._on_hole = on_hole
        self._group = f"{group}-{self._kind}"
        self._instance = instance
        self._clock = clock or SystemClock()
        self._most_dead_letters = max_consecutive_dead_letters
        self._lanes = [Lane(view, store) for view in views]
        self._lasting = [lane for lane in self._lanes if lane.view.lasting]
        self._expiring = [lane for lane in self._lanes if not lane.view.lasting]
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._oldest: int | None = None
        self._kafka_answered = self._clock.monotonic()
        self._followed = self._clock.monotonic()
        self._waiting_for = ""

    def health(self) -> Health:
        """How it is now."""
        age = 0.0 if self._oldest is None else self._clock.now() / 1e6 - self._oldest / 1e3
        silent = self._clock.monotonic() - self._kafka_answered
        return Health(self._kind, len(self._assigned), max(0.0, age), silent, self._waiting_for)

    async def run(self) -> None:
        """Write until cancelled. Raises MillraceError if going on would do harm."""
        await self._insist(self._kind, lambda: self._store.setup(self._views))
        while not _cancelled():
            await self._insist("kafka", self._consume)
        raise asyncio.CancelledError

    async def _consume(self) -> None:
        topics = {topic for view in self._views for topic in view.topics}
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=self._group,
            group_instance_id=self._instance,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_partition_fetch_bytes=1 << 20,
            session_timeout_ms=6000,
            heartbeat_interval_ms=1500,
        )
        consumer.subscribe(topics=sorted(topics), listener=_Rebalances(self._assign))
        try:
            await consumer.start()
            probe = asyncio.create_task(self._probe(consumer))
            try:
                while not _cancelled():
                    await self._turn(consumer)
            finally:
                probe.cancel()
        except KafkaError as error:
            raise Unavailable(f"Kafka at {self._bootstrap}: {error!r}") from error
        finally:
            self._assign(frozenset())
            with contextlib.suppress(KafkaError):
                await consumer.stop()

    async def _turn(self, consumer: AIOKafkaConsumer) -> None:
        await self._take_up(consumer)
        batches = await consumer.getmany(timeout_ms=200, max_records=BATCH_MESSAGES)
        await self._write(batches)
        now = self._clock.monotonic()
        if now - self._followed > FOLLOW_SECONDS:
            self._followed = now
            for lane in self._lanes:
                await self._insist(self._kind, lane.follow)

    def _assign(self, partitions: frozenset[TopicPartition]) -> None:
        """The group gave this process these partitions, and has taken all others."""
        self._assigned = partitions
        for lane in self._lanes:
            lane.forget()

    async def _take_up(self, consumer: AIOKafkaConsumer) -> None:
        """Find where to go on in partitions that are new here, or in a new generation."""
        assigned = self._assigned
        missing = [lane for lane in self._lanes if any(lane.lacks(tp) for tp in assigned)]
        if not missing:
            return
        ends = await consumer.end_offsets(list(assigned))
        recent = await self._recent(consumer, missing, ends)
        for lane in missing:
            await self._insist(self._kind, partial(lane.load, ends, recent))
        with contextlib.suppress(IllegalStateError):
            for partition in assigned & self._assigned:
                lanes = [lane for lane in self._lanes if lane.reads(partition)]
                consumer.seek(partition, min(lane.offset(partition) for lane in lanes))

    async def _recent(
        self, consumer: AIOKafkaConsumer, lanes: Sequence[Lane], ends: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """Where the messages begin whose rows have not expired yet, if there are such views."""
        spans = [lane.view.expires for lane in lanes if lane.view.expires is not None]
        if not spans:
            return {}
        since = self._clock.now() // 1000 - max(spans) * 1000
        found = await consumer.offsets_for_times(dict.fromkeys(ends, since))
        return {tp: found[tp].offset if found.get(tp) else end for tp, end in ends.items()}

    async def _write(self, batches: Mapping[TopicPartition, Sequence[Any]]) -> None:
        if not batches:
            return
        self._oldest = min(records[0].timestamp for records in batches.values())
        messages = {tp: decoded(self._codec, records) for tp, records in batches.items()}
        # Who is told of an outcome finds it in the views.
        for lanes in (self._lasting, self._expiring):
            await asyncio.gather(*(self._write_lane(lane, messages) for lane in lanes))
        now = self._clock.now() / 1e6
        delay = metrics.DELAY.labels(self._kind)
        for records in batches.values():
            delay.observe(max(0.0, now - records[-1].timestamp / 1e3))
        self._oldest = None

    async def _write_lane(
        self, lane: Lane, messages: Mapping[TopicPartition, Sequence[Message]]
    ) -> None:
        taken = lane.take(messages)
        for hole in taken.holes:
            await self._report(hole)
        for failure in taken.failures:
            await self._bury(failure)
        if lane.failures_in_a_row >= self._most_dead_letters:
            raise MillraceError(
                f"view {lane.view.name} could not take {lane.failures_in_a_row} messages in a row; "
                f"the last: {taken.failures[-1].error}"
            )
        await self._insist(self._kind, lambda: lane.write(taken))
        name = lane.view.name
        metrics.MESSAGES.labels(name, "applied").inc(taken.applied)
        metrics.MESSAGES.labels(name, "repeat").inc(taken.repeats)
        metrics.MESSAGES.labels(name, "dead-lettered").inc(len(taken.failures))

    async def _report(self, hole: Hole) -> None:
        metrics.HOLES.labels(hole.view).inc()
        log.error("hole in a producer's sequence", **msgspec.structs.asdict(hole))
        if self._on_hole is not None:
            await self._insist("kafka", partial(self._on_hole, hole))

    async def _bury(self, failure: Failure) -> None:
        record = failure.message.record
        log.error(
            "dead letter",
            view=failure.view,
            origin=f"{record.topic}/{record.partition}/{record.offset}",
            error=str(failure.error),
        )
        await self._insist("kafka", lambda: self._dead_letters.put(failure))

    async def _probe(self, consumer: AIOKafkaConsumer) -> None:
        """Know that Kafka is there, and how far behind it the views are."""
        while True:
            with contextlib.suppress(KafkaError, TimeoutError):
                ends = await asyncio.wait_for(
                    consumer.end_offsets(list(self._assigned)), PROBE_SECONDS
                )
                self._kafka_answered = self._clock.monotonic()
                self._measure(ends)
            metrics.UNAPPLIED.labels(self._kind).set(self.health().oldest_unapplied)
            await asyncio.sleep(PROBE_SECONDS)

    def _measure(self, ends: Mapping[TopicPartition, int]) -> None:
        for partition, end in ends.items():
            lanes = [lane for lane in self._lanes if lane.reads(partition)]
            if any(lane.lacks(partition) for lane in lanes):
                continue
            behind = end - min(lane.offset(partition) for lane in lanes)
            metrics.LAG.labels(self._kind, partition.topic, partition.partition).set(behind)

    async def _insist(self, server: str, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Call until the server answers, with a bounded back-off."""
        delay = 0.01
        while not _cancelled():
            try:
                answer = await call()
            except Unavailable as error:
                metrics.UNAVAILABLE.labels(self._kind, server).inc()
                if self._waiting_for != server and delay > 0.1:
                    log.warning(
                        "waiting for a server", store=self._kind, server=server, error=str(error)
                    )
                    self._waiting_for = server
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_BACKOFF)
            else:
                if self._waiting_for == server:
                    log.info("server is back", store=self._kind, server=server)
                    self._waiting_for = ""
                return answer
        raise asyncio.CancelledError


def _cancelled() -> bool:
    """Whether this task is to end: Python 3.11's `wait_for`, inside clients, may swallow that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, assign: Callable[[frozenset[TopicPartition]], None]) -> None:
        self._assign = assign

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """All partitions are given up before they are shared out anew."""
        self._assign(frozenset())

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """The share of this process."""
        self._assign(frozenset(assigned))

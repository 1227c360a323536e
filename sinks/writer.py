"""Writes views: reads the log in batches, projects, and stores rows and then positions.

One writer serves the views of one store, so that a store that is away stops no other; and each view
goes at its own pace, so that a slow one holds no other either. Processes share the partitions by
Kafka's group protocol; where each view goes on is what is stored beside its rows, never the group's
committed offsets. A process that dies at any point has stored rows that its positions do not cover
yet at worst: they are written again, to the same effect.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from infra.clock import Clock, SystemClock
from infra.dead_letters import DeadLetters
from infra.errors import MillraceError, Unavailable
from infra.fetching import hold_whole_fetches
from infra.record import Codec
from sinks import metrics
from sinks.feed import FETCHED, Backlog, Feed
from sinks.group import Rebalances, member
from sinks.health import PROBE_SECONDS, Health
from sinks.lane import OWED_SECONDS, Lane
from sinks.patience import Patience, cancelled
from sinks.projection import Failure, Hole, Message, Taken
from sinks.store import Store
from sinks.view import StoreKind, View

log = structlog.get_logger()

OnHole = Callable[[Hole], Awaitable[None]]

FOLLOW_SECONDS: Final = 0.5
"""How often the writer looks whether a view was rebuilt."""
BATCH_MESSAGES: Final[dict[StoreKind, int]] = {"redis": 100, "cassandra": 500}
"""Messages of a partition that a view takes at once, at most: others stand behind no more. A write
to Cassandra takes some groups of its log, however large it is."""
MANY: Final = FETCHED // 2
"""Messages of a fetch after which the next one is made at once: the writer is behind."""
PACE_SECONDS: Final[dict[StoreKind, float]] = {"redis": 0.0, "cassandra": 0.1}
"""How long the writer waits after it found few. What comes after silence is taken at once,
and what comes then is taken together: a write of a few messages costs a server not much less than
one of many, and nobody waits for an answer from Cassandra."""


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
        self._most = BATCH_MESSAGES[self._kind]
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
        self._lanes = [Lane(view, store, self._clock) for view in views]
        self._lasting = [lane for lane in self._lanes if lane.view.lasting]
        self._expiring = [lane for lane in self._lanes if not lane.view.lasting]
        self._topics = sorted({topic for view in views for topic in view.topics})
        self._before = {
            topic: [lane for lane in self._lasting if lane.reads(topic)] for topic in self._topics
        }
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._shared_out = False
        self._ready = False
        self._kafka_answered = self._clock.monotonic()
        self._patience = Patience(self._kind)

    def health(self) -> Health:
        """How it is now."""
        oldest = min((lane.oldest for lane in self._lanes if lane.oldest is not None), default=None)
        age = 0.0 if oldest is None else self._clock.now() / 1e6 - oldest / 1e3
        silent = self._clock.monotonic() - self._kafka_answered
        waiting = self._patience.waiting_for
        partitions = len(self._assigned)
        return Health(self._kind, self._ready, partitions, max(0.0, age), silent, waiting)

    async def run(self) -> None:
        """Write until cancelled. Raises MillraceError if going on would do harm."""
        await self._patience.insist(self._kind, lambda: self._store.setup(self._views))
        while not cancelled():
            await self._patience.insist("kafka", self._consume)
        raise asyncio.CancelledError

    async def _consume(self) -> None:
        consumer = member(self._bootstrap, self._group, self._instance)
        feed = Feed(consumer, self._codec, self._lanes)
        backlog = Backlog(self._bootstrap, self._codec)
        consumer.subscribe(topics=self._topics, listener=Rebalances(partial(self._assign, feed)))
        try:
            await consumer.start()
            hold_whole_fetches(consumer)
            await _together(
                self._fetch(feed),
                self._follow(),
                self._probe(consumer),
                *(self._serve(lane, consumer, feed, backlog) for lane in self._lanes),
            )
        except KafkaError as error:
            raise Unavailable(f"Kafka at {self._bootstrap}: {error!r}") from error
        finally:
            self._assign(feed, None)
            await backlog.close()
            with contextlib.suppress(KafkaError):
                await consumer.stop()

    async def _fetch(self, feed: Feed) -> None:
        """Read the end of the log, and wake the views that it concerns."""
        while not cancelled():
            came = await feed.fetch()
            _wake(lane for lane in self._lanes if not came.keys().isdisjoint(lane.view.topics))
            if 0 < came.total() < MANY:
                await asyncio.sleep(PACE_SECONDS[self._kind])

    async def _follow(self) -> None:
        """Know when a view was rebuilt."""
        while not cancelled():
            await asyncio.sleep(FOLLOW_SECONDS)
            with contextlib.suppress(Unavailable):
                active = await self._store.current(self._views)
                for lane in self._lanes:
                    lane.follow(active[lane.view.name])

    def _assign(self, feed: Feed, partitions: frozenset[TopicPartition] | None) -> None:
        """The group gave this process these partitions, and has taken all others."""
        self._assigned = partitions or frozenset()
        self._shared_out = partitions is not None
        feed.clear()
        for lane in self._lanes:
            lane.forget()
        _wake(self._lanes)

    async def _serve(
        self, lane: Lane, consumer: AIOKafkaConsumer, feed: Feed, backlog: Backlog
    ) -> None:
        """Keep one view up to date."""
        while not cancelled():
            lane.news.clear()
            await self._take_up(lane, consumer, feed)
            self._ready = self._ready or self._all_taken_up()
            messages = await self._next(lane, feed, backlog)
            if not messages:
                lane.oldest = None
                await self._rest(lane)
                continue
            lane.oldest = min(found[0].record.timestamp for found in messages.values())
            taken = lane.take(messages)
            feed.moved()
            await self._write(lane, taken)
            self._measure_delay(messages)
            if lane.view.lasting:
                _wake(self._expiring)

    async def _rest(self, lane: Lane) -> None:
        """Wait for news, and meanwhile store what is owed."""
        try:
            async with asyncio.timeout(OWED_SECONDS if lane.owes else None):
                await lane.news.wait()
        except TimeoutError:
            await self._patience.insist(self._kind, lane.settle)

    async def _take_up(self, lane: Lane, consumer: AIOKafkaConsumer, feed: Feed) -> None:
        """Find where to go on in partitions that are new here, or in a new generation."""
        missing = [partition for partition in self._assigned if lane.lacks(partition)]
        if not missing:
            return
        ends = await consumer.end_offsets(missing)
        recent = await self._recent(lane, consumer, ends)
        await self._patience.insist(self._kind, partial(lane.load, ends, recent))
        for partition in ends:
            feed.begin(partition)
        if lane.view.lasting:
            _wake(self._expiring)  # it may be past what they waited for

    def _all_taken_up(self) -> bool:
        lacking = (lane.lacks(partition) for lane in self._lanes for partition in self._assigned)
        return self._shared_out and not any(lacking)

    async def _recent(
        self, lane: Lane, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """Where the messages begin whose rows have not expired yet, if rows do."""
        if lane.view.expires is None:
            return {}
        since = self._clock.now() // 1000 - lane.view.expires * 1000
        found = await consumer.offsets_for_times(dict.fromkeys(ends, since))
        return {tp: found[tp].offset if found.get(tp) else end for tp, end in ends.items()}

    async def _next(
        self, lane: Lane, feed: Feed, backlog: Backlog
    ) -> dict[TopicPartition, Sequence[Message]]:
        """The messages that a view takes next."""
        found = {}
        for partition, offset in lane.offsets.items():
            messages = feed.after(partition, offset, self._most)
            if messages is not None and not messages:
                continue
            limit = self._limit(lane, partition)
            if limit is not None and limit <= offset:
                continue
            if messages is None:
                read = partial(backlog.read, partition, offset, self._most)
                messages = await self._patience.insist("kafka", read)
            if limit is not None:
                messages = [each for each in messages if each.record.offset < limit]
            if messages:
                found[partition] = messages
        return found

    def _limit(self, lane: Lane, partition: TopicPartition) -> int | None:
        """Who is told of an outcome finds it in the views: those come first."""
        if lane.view.lasting:
            return None
        before = self._before[partition.topic]
        return min((other.stored(partition) for other in before), default=None)

    async def _write(self, lane: Lane, taken: Taken) -> None:
        for hole in taken.holes:
            await self._report(hole)
        for failure in taken.failures:
            await self._bury(failure)
        if lane.failures_in_a_row >= self._most_dead_letters:
            raise MillraceError(
                f"view {lane.view.name} could not take {lane.failures_in_a_row} messages in a row; "
                f"the last: {taken.failures[-1].error}"
            )
        await self._patience.insist(self._kind, lambda: lane.write(taken))
        name = lane.view.name
        metrics.MESSAGES.labels(name, "applied").inc(taken.applied)
        metrics.MESSAGES.labels(name, "repeat").inc(taken.repeats)
        metrics.MESSAGES.labels(name, "dead-lettered").inc(len(taken.failures))

    def _measure_delay(self, messages: Mapping[TopicPartition, Sequence[Message]]) -> None:
        now, delay = self._clock.now() / 1e6, metrics.DELAY.labels(self._kind)
        for found in messages.values():
            delay.observe(max(0.0, now - found[-1].record.timestamp / 1e3))

    async def _report(self, hole: Hole) -> None:
        metrics.HOLES.labels(hole.view).inc()
        log.error("hole in a producer's sequence", **msgspec.structs.asdict(hole))
        if self._on_hole is not None:
            await self._patience.insist("kafka", partial(self._on_hole, hole))

    async def _bury(self, failure: Failure) -> None:
        record = failure.message.record
        log.error(
            "dead letter",
            view=failure.view,
            origin=f"{record.topic}/{record.partition}/{record.offset}",
            error=str(failure.error),
        )
        reader = f"views/{failure.view}"
        await self._patience.insist(
            "kafka", lambda: self._dead_letters.put(record, failure.error, reader)
        )

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
        for lane in self._lanes:
            for partition in lane.offsets:
                if partition in ends:
                    where = (lane.view.name, partition.topic, partition.partition)
                    metrics.LAG.labels(*where).set(ends[partition] - lane.stored(partition))


def _wake(lanes: Iterable[Lane]) -> None:
    for lane in lanes:
        lane.news.set()


async def _together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run until one of them fails, and then end all."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

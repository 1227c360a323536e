"""The end of the log, read and decoded once for all views of a store; each has its own pace.

The newest messages are kept until every view that reads them has taken them, but not more than so
many: a view that is further behind reads the log again by itself, and holds nobody.
"""

import asyncio
import contextlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from infra.errors import Unavailable
from infra.kafka import connect
from infra.record import Codec
from sinks.projection import Message, decoded

KEPT: Final = 20_000
"""Messages kept for views that are behind, about 2 kB each."""
AHEAD: Final = 2_000
"""Messages of a partition that are read before the view that is furthest has taken them."""
FETCHED: Final = 1_000
"""Messages decoded at once, at most."""
_FETCH_MS: Final = 200
_SOON_MS: Final = 50
"""How long to wait for messages while partitions that have too many are left out."""


class Follower(Protocol):
    """Who takes messages of some partitions in order."""

    @property
    def leads(self) -> bool:
        """Whether the end of the log goes with it; the others take what those have taken."""
        ...

    def reads(self, topic: str) -> bool:
        """Whether it takes messages of the topic."""
        ...

    def offset(self, partition: TopicPartition) -> int | None:
        """Offset of the next message it needs; None if it has not taken up the partition."""
        ...


class _Window:
    """All messages of a partition from `start` up to `end`."""

    def __init__(self, start: int) -> None:
        self.start = self.end = start
        self.messages: list[Message] = []

    def add(self, messages: Sequence[Message]) -> None:
        self.messages += messages
        self.end = messages[-1].record.offset + 1

    def index(self, offset: int) -> int:
        return bisect_left(self.messages, offset, key=lambda message: message.record.offset)

    def drop(self, count: int) -> None:
        if count:
            self.start = self.messages[count - 1].record.offset + 1
            del self.messages[:count]


class Feed:
    """Fetches the end of the log for its followers, not much faster than the fastest of them."""

    def __init__(
        self, consumer: AIOKafkaConsumer, codec: Codec, followers: Sequence[Follower]
    ) -> None:
        self._consumer = consumer
        self._codec = codec
        self._followers = followers
        self._windows: dict[TopicPartition, _Window] = {}
        self._moved = asyncio.Event()

    def clear(self) -> None:
        """The partitions are shared out anew."""
        self._windows.clear()

    def begin(self, partition: TopicPartition) -> None:
        """A follower has taken up a partition. Who leads is never behind the end of the log."""
        offset = max(self._leading(partition), default=None)
        window = self._windows.get(partition)
        if offset is not None and (window is None or offset > window.end):
            with contextlib.suppress(IllegalStateError):  # it was taken away a moment ago
                self._consumer.seek(partition, offset)
                self._windows[partition] = _Window(offset)
        self._moved.set()

    def moved(self) -> None:
        """A follower has taken messages."""
        self._moved.set()

    def after(self, partition: TopicPartition, offset: int, most: int) -> Sequence[Message] | None:
        """Messages from an offset on; None if they are not kept any more, or are not yet."""
        window = self._windows.get(partition)
        if window is None or offset >= window.end:
            return ()
        if offset < window.start:
            return None
        first = window.index(offset)
        return window.messages[first : first + most]

    async def fetch(self) -> Counter[str]:
        """Fetch what comes next, and return how many messages of which topics came."""
        self._moved.clear()
        wanted = {tp: window for tp, window in self._windows.items() if self._has_room(tp, window)}
        if not wanted:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), _FETCH_MS / 1000)
            return Counter()
        some = len(wanted) < len(self._windows)
        try:
            batches = await self._consumer.getmany(
                *wanted, timeout_ms=_SOON_MS if some else _FETCH_MS, max_records=FETCHED
            )
        except IllegalStateError:  # a partition was taken away a moment ago
            return Counter()
        for partition, records in batches.items():
            self._take(partition, wanted[partition], records)
        self._trim(batches)
        came: Counter[str] = Counter()
        for partition, records in batches.items():
            came[partition.topic] += len(records)
        return came

    def _take(self, partition: TopicPartition, asked: _Window, records: Sequence[Any]) -> None:
        window = self._windows.get(partition)
        if window is asked:
            window.add(decoded(self._codec, records))
        elif window is not None:  # it began elsewhere meanwhile: these may not be the next ones
            with contextlib.suppress(IllegalStateError):
                self._consumer.seek(partition, window.end)

    def _has_room(self, partition: TopicPartition, window: _Window) -> bool:
        if len(window.messages) < AHEAD:
            return True
        furthest = max(self._leading(partition), default=window.start)
        return len(window.messages) - window.index(furthest) < AHEAD

    def _leading(self, partition: TopicPartition) -> list[int]:
        """The places of those who lead; of the others if nobody who reads the topic leads."""
        readers = [each for each in self._followers if each.reads(partition.topic)]
        return _places([each for each in readers if each.leads] or readers, partition)

    def _trim(self, partitions: Collection[TopicPartition]) -> None:
        for partition in partitions:
            if window := self._windows.get(partition):
                needed = min(_places(self._followers, partition), default=window.start)
                window.drop(window.index(needed))
        while (too_many := sum(len(each.messages) for each in self._windows.values()) - KEPT) > 0:
            most = max(self._windows.values(), key=lambda window: len(window.messages))
            most.drop(min(too_many, len(most.messages)))


def _places(followers: Sequence[Follower], partition: TopicPartition) -> list[int]:
    found = (follower.offset(partition) for follower in followers)
    return [offset for offset in found if offset is not None]


class Backlog:
    """Reads what a feed does not keep any more."""

    def __init__(self, bootstrap: str, codec: Codec) -> None:
        self._bootstrap = bootstrap
        self._codec = codec
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()

    async def read(self, partition: TopicPartition, offset: int, most: int) -> list[Message]:
        """At most so many messages from an offset on. Raises Unavailable."""
        async with self._turn:
            try:
                consumer = await self._started()
                consumer.assign([partition])
                consumer.seek(partition, offset)
                found = await consumer.getmany(partition, timeout_ms=1000, max_records=most)
                consumer.unsubscribe()  # or it would fetch on
            except KafkaError as error:
                await self.close()
                raise Unavailable(f"Kafka at {self._bootstrap}: {error!r}") from error
        return decoded(self._codec, found.get(partition, ()))

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_partition_fetch_bytes=1 << 18,
                fetch_max_wait_ms=100,
            )
            await connect(consumer, self._bootstrap)
            self._consumer = consumer
        return self._consumer

    async def close(self) -> None:
        """Let go of the connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with contextlib.suppress(KafkaError):
                await consumer.stop()

"""Reads the log in pages for those who catch up, on a few connections."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from api.deadline import give
from infra.errors import InvalidRecord, Unavailable
from infra.kafka import Delivery, partition_of
from infra.record import Codec, Meta, Record

log = structlog.get_logger()

READERS: Final = 4
"""Pages that are read at the same time; others wait their turn."""
ANSWER_SECONDS: Final = 1.5
"""For Kafka to say what there is, a turn and a connection included."""
PAGE_SECONDS: Final = 1.5
"""For the messages of a page."""
PAGE_BYTES: Final = 4 << 20
PAGE_MESSAGES: Final = 20_000
"""Messages looked at for a page, whether or not the filter keeps them."""
BATCH: Final = 500
"""Messages decoded in one go, while nobody else is served: about 10 ms."""
FIND_SECONDS: Final = 5.0
_FETCH_WAIT_MS: Final = 20


class Told(msgspec.Struct, frozen=True):
    """A message as clients get it."""

    topic: str
    partition: int
    offset: int
    key: str
    type: str
    """Avro full name."""
    meta: Meta
    """`occurred_at` is in microseconds since 1970."""
    data: Any
    """The fields of the record."""


class Entry(msgspec.Struct, frozen=True):
    """A message that was read: decoded once, encoded once, whoever gets it."""

    partition: int
    offset: int
    timestamp: int
    """When it was written, in milliseconds."""
    key: str
    type: str
    meta: Meta
    json: bytes
    """Told, as JSON."""


class Piece(msgspec.Struct, frozen=True):
    """Messages of one partition, in order."""

    partition: int
    reached: int
    """Offset of the message that comes next."""
    entries: list[Entry]


class Span(msgspec.Struct, frozen=True):
    """What a topic has: offsets by partition."""

    begins: list[int]
    ends: list[int]


class Log:
    """Pages of topics. Every method raises Unavailable."""

    def __init__(self, bootstrap: str, codec: Codec, partitions: Callable[[str], int]) -> None:
        self._bootstrap = bootstrap
        self._codec = codec
        self.partitions = partitions
        self._idle: list[AIOKafkaConsumer] = []
        self._turns = asyncio.Semaphore(READERS)

    async def close(self) -> None:
        """Close the connections."""
        while self._idle:
            await self._idle.pop().stop()

    async def span(self, topic: str) -> Span:
        """Where a topic begins and ends now."""
        tps = self._tps(topic)
        async with self._reader(ANSWER_SECONDS) as consumer:
            begins = await consumer.beginning_offsets(tps)
            ends = await consumer.end_offsets(tps)
        return Span([begins[tp] for tp in tps], [ends[tp] for tp in tps])

    async def page(
        self, topic: str, starts: Mapping[int, int], ends: Sequence[int]
    ) -> AsyncGenerator[Piece, None]:
        """Messages of partitions from `starts` up to before `ends`, as many as one page looks at.

        What cannot be decoded is left out: it is among the dead letters of those who read the
        topic. Use it with `aclosing`: it holds a connection.
        """
        async with self._reader(PAGE_SECONDS + 1) as consumer:
            async for tp, reached, records in self._records(
                consumer, topic, starts, ends, PAGE_SECONDS
            ):
                yield Piece(tp.partition, reached, entries(self._codec, records))

    async def find(
        self, topic: str, key: str, ids: Collection[str], since: int
    ) -> dict[str, Delivery]:
        """Those of the messages that were written under a key since then (microseconds)."""
        where = partition_of(key.encode(), self.partitions(topic))
        tp = TopicPartition(topic, where)
        found: dict[str, Delivery] = {}
        async with self._reader(FIND_SECONDS) as consumer:
            async with asyncio.timeout(ANSWER_SECONDS):
                at = (await consumer.offsets_for_times({tp: since // 1000 - 1000}))[tp]
                end = (await consumer.end_offsets([tp]))[tp]
            if at is None:
                return {}
            give(FIND_SECONDS)
            ends = [end] * (where + 1)
            start = at.offset
            while start < end:
                async for _, reached, records in self._records(
                    consumer, topic, {where: start}, ends, FIND_SECONDS
                ):
                    start = reached
                    for entry in entries(self._codec, records):
                        if entry.meta.event_id in ids:
                            name = entry.meta.event_id
                            found[name] = Delivery(name, topic, where, entry.offset)
                if len(found) == len(ids):
                    break
        return found

    async def told(self, topic: str, key: str, since: int, until: int) -> list[Record]:
        """What was written under a key between two moments (microseconds), in order."""
        tp = TopicPartition(topic, partition_of(key.encode(), self.partitions(topic)))
        found: list[Record] = []
        async with self._reader(FIND_SECONDS) as consumer:
            async with asyncio.timeout(ANSWER_SECONDS):
                at = (await consumer.offsets_for_times({tp: since // 1000}))[tp]
                over = (await consumer.offsets_for_times({tp: until // 1000}))[tp]
                end = over.offset if over else (await consumer.end_offsets([tp]))[tp]
            give(FIND_SECONDS)
            start = end if at is None else at.offset
            ends = [end] * (tp.partition + 1)
            while start < end:
                async for _, reached, records in self._records(
                    consumer, topic, {tp.partition: start}, ends, FIND_SECONDS
                ):
                    start = reached
                    own = [each for each in records if each.key == key.encode()]
                    found += [self._codec.decode(each.value or b"").event for each in own]
        return found

    async def offsets_at(self, topic: str, time: int) -> list[int]:
        """Of the first message of each partition written at `time` (microseconds) or later."""
        tps = self._tps(topic)
        async with self._reader(ANSWER_SECONDS) as consumer:
            found = await consumer.offsets_for_times(dict.fromkeys(tps, time // 1000))
            ends = await consumer.end_offsets(tps)
        return [found[tp].offset if found.get(tp) else ends[tp] for tp in tps]

    async def _records(
        self,
        consumer: AIOKafkaConsumer,
        topic: str,
        starts: Mapping[int, int],
        ends: Sequence[int],
        seconds: float,
    ) -> AsyncIterator[tuple[TopicPartition, int, list[Any]]]:
        """(partition, offset after it, raw records), until a page is full or time is up."""
        left = {TopicPartition(topic, p): at for p, at in starts.items() if at < ends[p]}
        if not left:
            return
        consumer.assign(list(left))
        for tp, at in left.items():
            consumer.seek(tp, at)
        loop = asyncio.get_running_loop()
        until, messages, size = loop.time() + seconds, 0, 0
        while left and messages < PAGE_MESSAGES and size < PAGE_BYTES and loop.time() < until:
            batches = await consumer.getmany(*left, timeout_ms=200, max_records=BATCH)
            for tp, records in batches.items():
                within = [each for each in records if each.offset < ends[tp.partition]]
                messages += len(within)
                size += sum(len(each.value or b"") for each in within)
                yield tp, min(await consumer.position(tp), ends[tp.partition]), within
            for tp in list(left):
                # Past what was compacted away, and the marks of transactions.
                if await consumer.position(tp) >= ends[tp.partition]:
                    del left[tp]
                    consumer.pause(tp)

    @asynccontextmanager
    async def _reader(self, seconds: float) -> AsyncIterator[AIOKafkaConsumer]:
        """A connection, for so many seconds at most. One that failed is not used again."""
        async with _kafka(self._bootstrap, seconds), AsyncExitStack() as turn:
            async with asyncio.timeout(ANSWER_SECONDS):
                await turn.enter_async_context(self._turns)
                consumer = self._idle.pop() if self._idle else await started(self._bootstrap)
            try:
                yield consumer
                consumer.assign([])
            except BaseException:
                _abandon(consumer)
                raise
            self._idle.append(consumer)

    def _tps(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in range(self.partitions(topic))]


async def started(bootstrap: str) -> AIOKafkaConsumer:
    """A consumer outside any group."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=_FETCH_WAIT_MS,
        max_partition_fetch_bytes=1 << 20,
    )
    try:
        await consumer.start()
    except BaseException:
        _abandon(consumer)
        raise
    return consumer


def entries(codec: Codec, records: Sequence[Any]) -> list[Entry]:
    """Raw records, decoded, without those that cannot be."""
    found = []
    for record in records:
        try:
            envelope = codec.decode(record.value or b"")
        except InvalidRecord as error:
            log.warning(
                "a message that cannot be decoded is not told",
                place=f"{record.topic}/{record.partition}/{record.offset}",
                error=str(error),
            )
            continue
        found.append(_entry(record, envelope.meta, envelope.event))
    return found


def _entry(record: Any, meta: Meta, event: Record) -> Entry:
    key = (record.key or b"").decode(errors="replace")
    told = Told(record.topic, record.partition, record.offset, key, event.FULL_NAME, meta, event)
    return Entry(
        record.partition,
        record.offset,
        record.timestamp,
        key,
        event.FULL_NAME,
        meta,
        msgspec.json.encode(told),
    )


_stopping: set["asyncio.Task[None]"] = set()


def _abandon(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer without waiting for it."""
    task = asyncio.create_task(_stop(consumer))
    _stopping.add(task)
    task.add_done_callback(_stopping.discard)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    with contextlib.suppress(KafkaError, OSError):
        await consumer.stop()


@asynccontextmanager
async def _kafka(bootstrap: str, seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"Kafka at {bootstrap}: {error!r}") from error

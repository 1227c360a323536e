"""Writing to and reading from the log outside the run loop."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from infra.batches import batches
from infra.clock import Clock, SystemClock
from infra.errors import Unavailable
from infra.observability.tracing import traceparent
from infra.record import Codec, Meta, Record


@lru_cache(65536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, as every Kafka client's default partitioner has it (murmur2)."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def min_insync_replicas(replicas: int) -> int:
    """Replicas that must have a record before it is acknowledged.

    With three or more, two: what was acknowledged survives the loss of a broker, and writes go on
    while one is away.
    """
    return 2 if replicas > 2 else 1


class Delivery(msgspec.Struct, frozen=True):
    """Where an acknowledged message is on the log."""

    event_id: str
    topic: str
    partition: int
    offset: int


async def connect(client: AIOKafkaProducer | AIOKafkaConsumer, bootstrap: str) -> None:
    """Start a client; one that does not get there is closed. Raises Unavailable."""
    try:
        await client.start()
    except BaseException as error:
        await client.stop()
        if isinstance(error, KafkaError):
            raise Unavailable(f"Kafka at {bootstrap}: {error}") from error
        raise


@asynccontextmanager
async def tail(
    bootstrap: str, positions: Mapping[TopicPartition, int], *, wait_ms: int = 500
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer outside any group that reads on from `positions`.

    It waits for up to `wait_ms` for something new. What fails while it is open is Unavailable.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        fetch_min_bytes=1,
        fetch_max_wait_ms=wait_ms,
    )
    await connect(consumer, bootstrap)
    try:
        consumer.assign(list(positions))
        for partition, offset in positions.items():
            consumer.seek(partition, offset)
        yield consumer
    except KafkaError as error:
        raise Unavailable(f"Kafka at {bootstrap}: {error}") from error
    finally:
        await consumer.stop()


class EventProducer:
    """Writes records with their meta; acknowledged means on every in-sync replica.

    `role` names the writer; one process run is one producer (`role-<12 hex digits>`), whose
    messages to a topic partition are numbered from 0.
    """

    def __init__(
        self,
        bootstrap: str,
        codec: Codec,
        *,
        role: str,
        partitions: Callable[[str], int],
        clock: Clock | None = None,
    ) -> None:
        self.name = f"{role}-{uuid.uuid4().hex[:12]}"
        self._codec = codec
        self._partitions = partitions
        self._clock = clock or SystemClock()
        self._next: dict[tuple[str, int], int] = {}
        self._turns: defaultdict[tuple[str, int], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._bootstrap = bootstrap
        self._kafka: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        self._kafka = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            request_timeout_ms=30_000,
        )
        await connect(self._kafka, self._bootstrap)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._kafka is not None:
            await self._kafka.stop()

    async def post(
        self,
        topic: str,
        key: str,
        event: Record,
        *,
        cause: Meta | None = None,
        event_id: str | None = None,
        partition: int | None = None,
    ) -> "asyncio.Future[Delivery]":
        """Queue a message, in order; the future is its acknowledgement, or raises Unavailable.

        Raises Unavailable itself if there has been no room for it in the queue for too long.
        """
        assert self._kafka is not None, "use `async with`"
        where = partition
        if where is None:
            where = partition_of(key.encode(), self._partitions(topic))
        identity = event_id or str(uuid.uuid4())
        # While a batch is full `send` waits, and who comes later may go first. A number that
        # follows a higher one would be taken for a repeat: so one after another.
        async with self._turns[topic, where]:
            sequence = self._next.get((topic, where), 0)
            meta = Meta(
                event_id=identity,
                occurred_at=self._clock.now(),
                producer=self.name,
                sequence=sequence,
                causation_id=cause.event_id if cause else None,
                correlation_id=(cause.correlation_id or cause.event_id) if cause else identity,
            )
            value = self._codec.encode(meta, event)
            trace = traceparent(meta.correlation_id or identity, identity).encode()
            try:
                sent = await self._kafka.send(
                    topic, value, key.encode(), partition=where, headers=[("traceparent", trace)]
                )
            except KafkaError as error:
                raise Unavailable(
                    f"Kafka has not taken a message for {topic}: {error!r}"
                ) from error
            self._next[topic, where] = sequence + 1
        return asyncio.ensure_future(_delivered(identity, topic, sent))

    async def send(
        self,
        topic: str,
        key: str,
        event: Record,
        *,
        cause: Meta | None = None,
        event_id: str | None = None,
        partition: int | None = None,
    ) -> Delivery:
        """Write a message and wait until it is acknowledged. Raises Unavailable."""
        posted = await self.post(
            topic, key, event, cause=cause, event_id=event_id, partition=partition
        )
        return await posted


async def _delivered(identity: str, topic: str, sent: "asyncio.Future[Any]") -> Delivery:
    try:
        record = await sent
    except KafkaError as error:
        raise Unavailable(f"Kafka did not take a message for {topic}: {error}") from error
    return Delivery(identity, topic, record.partition, record.offset)


class LogReader:
    """Reads partitions between offsets, outside any consumer group."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._kafka: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        self._kafka = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=1 << 22,
            fetch_max_wait_ms=50,
        )
        await connect(self._kafka, self._bootstrap)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._kafka is not None:
            await self._kafka.stop()

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        assert self._kafka is not None, "use `async with`"
        return self._kafka

    async def partitions(self, topic: str) -> list[TopicPartition]:
        """The partitions of a topic, in order. Raises Unavailable if the topic does not exist."""
        await self._consumer._client._wait_on_metadata(topic)
        numbers = self._consumer._client.cluster.partitions_for_topic(topic)
        if not numbers:
            raise Unavailable(f"topic {topic} does not exist; run `millrace topics apply`")
        return [TopicPartition(topic, number) for number in sorted(numbers)]

    async def ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset after the last message of each partition."""
        return dict(await self._consumer.end_offsets(list(partitions)))

    async def begins(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset of the first message kept in each partition."""
        return dict(await self._consumer.beginning_offsets(list(partitions)))

    async def at(
        self, partitions: Iterable[TopicPartition], time: int
    ) -> dict[TopicPartition, int]:
        """The offset of the first message from `time` (microseconds) on; else the end."""
        wanted = list(partitions)
        found = await self._consumer.offsets_for_times(dict.fromkeys(wanted, time // 1000))
        ends = await self.ends(wanted)
        return {tp: found[tp].offset if found.get(tp) else ends[tp] for tp in wanted}

    def batches(self, partition: TopicPartition, start: int, end: int) -> AsyncIterator[list[Any]]:
        """`read` of one partition, for who reads much: see `infra.batches`."""
        return batches(self._consumer._client, partition, start, end)

    async def read(
        self, starts: dict[TopicPartition, int], ends: dict[TopicPartition, int]
    ) -> AsyncIterator[list[Any]]:
        """Batches of raw records, one partition each, from `starts` up to before `ends`."""
        consumer = self._consumer
        open_ = {tp for tp, start in starts.items() if start < ends[tp]}
        if not open_:
            return
        consumer.assign(list(open_))
        for tp in open_:
            consumer.seek(tp, starts[tp])
        while open_:
            for tp, batch in (await consumer.getmany(timeout_ms=500, max_records=20_000)).items():
                within = [record for record in batch if record.offset < ends[tp]]
                if within:
                    yield within
            for tp in [tp for tp in open_ if await consumer.position(tp) >= ends[tp]]:
                open_.discard(tp)
                consumer.pause(tp)

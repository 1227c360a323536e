"""A log, stores and a writer of their own for tests of views."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.dead_letters import KafkaDeadLetters
from infra.errors import Unavailable
from infra.record import Meta, Record
from schemas.records.broadcast import StreamEnded, StreamStarted
from schemas.registry import registry
from sinks.projection import Hole
from sinks.store import Store
from sinks.view import View
from sinks.views import VIEWS
from sinks.writer import ViewWriter
from tests.waiting import until

PARTITIONS = 4
ORIGIN = 1_700_000_000_000_000


class Log:
    """A topic of its own; every message is of one producer unless said otherwise."""

    def __init__(self, bootstrap: str, topic: str, producer: AIOKafkaProducer) -> None:
        self.bootstrap = bootstrap
        self.topic = topic
        self._producer = producer
        self._next: dict[tuple[str, int], int] = {}

    async def write(
        self,
        event: Record,
        *,
        partition: int = 0,
        sequence: int | None = None,
        producer: str = "test/source/0",
        timestamp_ms: int | None = None,
    ) -> int:
        """Returns the offset."""
        if sequence is None:
            sequence = self._next.get((producer, partition), 0)
            self._next[producer, partition] = sequence + 1
        meta = Meta(
            event_id=str(uuid.uuid4()), occurred_at=ORIGIN, producer=producer, sequence=sequence
        )
        return await self.write_raw(
            registry().encode(meta, event), partition=partition, timestamp_ms=timestamp_ms
        )

    async def write_raw(
        self, value: bytes, *, partition: int = 0, timestamp_ms: int | None = None
    ) -> int:
        record = await self._producer.send_and_wait(
            self.topic, value, partition=partition, timestamp_ms=timestamp_ms
        )
        return int(record.offset)

    async def post(self, event: Record, *, partition: int) -> None:
        """Write what became of a command, without waiting."""
        command = str(uuid.uuid4())
        sequence = self._next.get(("test/source/0", partition), 0)
        self._next["test/source/0", partition] = sequence + 1
        meta = Meta(
            event_id=str(uuid.uuid4()),
            occurred_at=ORIGIN,
            producer="test/source/0",
            sequence=sequence,
            causation_id=command,
            correlation_id=command,
        )
        await self._producer.send(self.topic, registry().encode(meta, event), partition=partition)

    async def flush(self) -> None:
        await self._producer.flush()


@asynccontextmanager
async def new_log(bootstrap: str) -> AsyncIterator[Log]:
    topic = f"test-{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=0)
    try:
        names = [topic, f"{topic}-dlq"]
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
        await producer.start()
        yield Log(bootstrap, topic, producer)
    finally:
        await producer.stop()
        await admin.delete_topics([topic, f"{topic}-dlq"])
        await admin.close()


def view(name: str, log: Log) -> View:
    """A real view that reads the test's topic."""
    return msgspec.structs.replace(VIEWS[name], topics=(log.topic,))


def started(n: int, stream: int = 0) -> StreamStarted:
    stream_id = f"c{n}-s{stream}"
    return StreamStarted(
        channel_id=f"c{n}", stream_id=stream_id, session_id=stream_id, started_at=ORIGIN + stream
    )


def ended(n: int, stream: int = 0) -> StreamEnded:
    return StreamEnded(
        channel_id=f"c{n}",
        stream_id=f"c{n}-s{stream}",
        reason="gone",
        started_at=ORIGIN + stream,
        interruptions=2,
    )


@asynccontextmanager
async def writing(
    log: Log, store: Store, *views: View, **options: Any
) -> AsyncIterator[tuple[ViewWriter, list[Hole]]]:
    """A writer that runs meanwhile, and the holes that it reports."""
    holes: list[Hole] = []

    async def on_hole(hole: Hole) -> None:
        holes.append(hole)

    async with KafkaDeadLetters(log.bootstrap) as letters:
        writer = ViewWriter(
            log.bootstrap,
            store,
            views,
            registry(),
            dead_letters=letters,
            on_hole=on_hole,
            group=log.topic,
            **options,
        )
        task = asyncio.create_task(writer.run())
        try:
            yield writer, holes
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled() and task.exception() is not None:
        raise task.exception()  # type: ignore[misc]


class KeptLetters:
    """Dead letters in a list."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []

    async def put(self, record: Any, error: Exception, reader: str) -> None:
        self.errors.append(error)


async def caught_up(log: Log, store: Store, found: View, ends: dict[int, int]) -> None:
    """Wait until a view has read each partition up to its end."""

    async def reached() -> bool:
        try:
            generation = (await store.generations(found)).active
            positions = await store.positions(found, generation)
        except Unavailable:  # it may have come back a moment ago
            return False
        offsets = {tp.partition: position.offset for tp, position in positions.items()}
        return all(offsets.get(partition, 0) >= end for partition, end in ends.items())

    await until(reached)

"""Agents in tests, without a broker: put messages in, see what comes out.

    async with TestWorker(lambda: broadcast_app()) as worker:
        outputs = await worker.put("ingest-events", "c1", PublishStarted(…))
        assert outputs[0].event == OpenSession(…)

Built on Faust's `agent.test_context()`: the real decoding, handlers, tables, flush and journal
run; only the broker is a list in memory.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, NoReturn, Self

import msgspec

from infra.errors import MillraceError
from infra.kafka import partition_of
from infra.record import Meta, Record
from infra.streaming import journal
from infra.streaming.app import App
from infra.streaming.flush import BATCH_BYTES, Written
from infra.streaming.journal import PartitionState
from infra.streaming.wire import Header, Output

BEGINNING = 1_700_000_000_000_000
"""Event time of the first message put without `occurred_at`, in microseconds; each later + 1 s."""


class WorkerStoppedError(MillraceError):
    """The worker would have left its process with exit code 70. The message is the reason."""


class Delivered(msgspec.Struct, frozen=True):
    """A record that an agent wrote. `meta` and `event` are None for a dead letter."""

    topic: str
    partition: int
    offset: int
    key: str
    meta: Meta | None
    event: Any
    value: bytes | None
    headers: dict[str, bytes]


class RawRecord(msgspec.Struct, frozen=True):
    """What a consumer would have fetched."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


class MemoryLog:
    """Topics as lists, in place of the producer."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], list[Output]] = {}
        self.order: list[tuple[str, int, int]] = []
        """Every write, in the order it came: topic, partition, offset."""
        self.journal = ""
        """The journal's topic."""

    async def ship(
        self, topic: str, partition: int, records: Iterable[Output], *, limit: int = BATCH_BYTES
    ) -> list[Awaitable[Written]]:
        """Append the records."""
        kept = self.records.setdefault((topic, partition), [])
        base, added = len(kept), list(records)
        kept.extend(added)
        self.order.extend((topic, partition, base + index) for index in range(len(added)))
        acknowledged: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        acknowledged.set_result(Written(base, len(added)))
        return [acknowledged]

    async def append(self, lists: dict[int, list[Output]]) -> dict[int, Written]:
        """Append to the journal."""
        written = {}
        for partition, records in lists.items():
            (acknowledged,) = await self.ship(self.journal, partition, records)
            written[partition] = await acknowledged
        return written


class TestWorker:
    """One worker that owns every partition. `app_factory` returns an app with its agents.

    A second TestWorker given the first one's `log` continues from its journal, as after a restart.
    """

    __test__ = False

    def __init__(self, app_factory: Callable[[], App], log: MemoryLog | None = None) -> None:
        self._app_factory = app_factory
        self.log = log or MemoryLog()
        self._contexts = AsyncExitStack()
        self._agents: dict[str, Any] = {}
        self._offsets: dict[tuple[str, int], int] = {}
        self._sequences: dict[tuple[str, str, int], int] = {}
        self._stopped: str | None = None
        self._put = 0

    async def __aenter__(self) -> Self:
        self.app = app = self._app_factory()
        app.halt = self._halt
        app.producer = self.log
        app.finalize()
        topic = self.log.journal = journal.topic_of(app.config.name)
        count = max((app.config.partitions(name) for name in app.agents_by_source), default=1)
        for partition in range(count):
            self._restore(topic, partition)
        app.outbox.closed = False
        for name, agent in app.agents.items():
            source = next(a.source for a in app.agents_by_source.values() if a.name in name)
            self._agents[source] = await self._contexts.enter_async_context(agent.test_context())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._contexts.aclose()

    async def put(
        self,
        topic: str,
        key: str,
        event: Record,
        *,
        occurred_at: int | None = None,
        producer: str = "test",
        sequence: int | None = None,
        partition: int | None = None,
        traceparent: str | None = None,
    ) -> list[Delivered]:
        """Deliver a message; what came of it. Raises WorkerStoppedError."""
        where = partition
        if where is None:
            where = partition_of(key.encode(), self.app.config.partitions(topic))
        counter = (producer, topic, where)
        number = self._sequences.get(counter, 0) if sequence is None else sequence
        self._sequences[counter] = number + 1
        self._put += 1
        meta = Meta(
            event_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{topic}/{where}/{producer}/{number}")),
            occurred_at=occurred_at or BEGINNING + self._put * 1_000_000,
            producer=producer,
            sequence=number,
        )
        value = self.app.config.codec.encode(meta, event)
        headers = () if traceparent is None else (("traceparent", traceparent.encode()),)
        return await self.put_raw(topic, key.encode(), value, partition=where, headers=headers)

    async def relay(self, record: Delivered) -> list[Delivered]:
        """Deliver an agent's output to the agent that reads its topic; what came of it."""
        return await self.put_raw(
            record.topic, record.key.encode(), record.value, partition=record.partition
        )

    async def put_raw(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int = 0,
        headers: tuple[Header, ...] = (),
    ) -> list[Delivered]:
        """Deliver any bytes; what came of them. Raises WorkerStoppedError."""
        place = self.app.outbox.states[partition].places.get(topic, 0)
        offset = self._offsets.get((topic, partition), place)
        self._offsets[topic, partition] = offset + 1
        return await self.deliver([RawRecord(topic, partition, offset, key, value, headers)])

    async def deliver(self, records: list[RawRecord]) -> list[Delivered]:
        """Deliver records of one partition as one list; what came of them."""
        seen = len(self.log.order)
        await self.take(records)
        own = journal.topic_of(self.app.config.name)
        return [self._read(*place) for place in self.log.order[seen:] if place[0] != own]

    async def take(self, records: list[RawRecord]) -> None:
        """Deliver records of one partition as one list, and do not look at what comes of them."""
        try:
            await self._agents[records[0].topic].put(records)
            await self.app.outbox.flusher.flush()
        except BaseException:
            if self._stopped is None:
                raise
        if self._stopped is not None:
            raise WorkerStoppedError(self._stopped)

    def rows(self, table: str) -> dict[str, Any]:
        """Every row of a table, over all partitions."""
        found = self.app.tables_by_name[table]
        return {
            key: found.decode(raw)
            for state in self.app.outbox.states.values()
            for key, raw in state.table(table).items()
        }

    def _read(self, topic: str, partition: int, offset: int) -> Delivered:
        key, value, headers = self.log.records[topic, partition][offset]
        named = dict(headers)
        envelope = None
        if value is not None and "origin-offset" not in named:
            envelope = self.app.config.codec.decode(value)
        return Delivered(
            topic,
            partition,
            offset,
            key.decode(errors="replace") if key else "",
            envelope.meta if envelope else None,
            envelope.event if envelope else None,
            value,
            named,
        )

    def _restore(self, topic: str, partition: int) -> None:
        state = PartitionState()
        for key, value, _ in self.log.records.get((topic, partition), []):
            assert key is not None
            state.absorb(key, value)
        state.settle_marks()
        state.end = len(self.log.records.get((topic, partition), []))
        self.app.outbox.states[partition] = state

    def _halt(self, reason: str) -> NoReturn:
        self._stopped = reason
        raise WorkerStoppedError(reason)

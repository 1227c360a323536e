"""Connections to the servers of the settings: the log, the stores of views."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Final, Self

import structlog

from infra.errors import Unavailable
from infra.kafka import Delivery, EventProducer
from infra.record import Meta, Record
from infra.settings import (
    CassandraSettings,
    ChatSettings,
    KafkaSettings,
    RedisSettings,
)
from schemas import sources
from schemas.registry import registry
from sinks.retention import Lifetimes
from sinks.store import Store
from sinks.stores.cassandra import CassandraStore
from sinks.stores.redis import RedisStore
from sinks.view import StoreKind

log = structlog.get_logger()

_RETRY_SECONDS: Final = 2.0
_DAY_SECONDS: Final = 86_400


def producer(role: str) -> EventProducer:
    """A producer of events for one run of a role."""
    return EventProducer(
        KafkaSettings().bootstrap, registry(), role=role, partitions=sources.partitions
    )


def lifetimes() -> Lifetimes:
    """For how long views keep rows of the kinds that do not stay for good."""
    chat = ChatSettings()
    days = {"chat-history": chat.history_days, "chat-audit": chat.audit_days}
    return Lifetimes({name: math.ceil(each * _DAY_SECONDS) for name, each in days.items()})


@asynccontextmanager
async def stores() -> AsyncIterator[dict[StoreKind, Store]]:
    """Every store of views, closed at the end."""
    redis, cassandra = RedisSettings(), CassandraSettings()
    kept: dict[StoreKind, Store] = {
        "redis": RedisStore(redis.url.get_secret_value()),
        "cassandra": CassandraStore(
            cassandra.hosts.split(","),
            cassandra.port,
            cassandra.keyspace,
            replication_factor=cassandra.replication_factor,
            lifetimes=lifetimes(),
        ),
    }
    async with AsyncExitStack() as closing:
        for store in kept.values():
            closing.push_async_callback(store.close)
        yield kept


class LateProducer:
    """A producer that may start after the role that has it: until then it is Unavailable."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._producer: EventProducer | None = None
        self._starting: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._starting = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        assert self._starting is not None
        if self._producer is None:
            self._starting.cancel()
        await asyncio.gather(self._starting, return_exceptions=True)

    async def post(
        self,
        topic: str,
        key: str,
        event: Record,
        *,
        cause: Meta | None = None,
        event_id: str | None = None,
    ) -> "asyncio.Future[Delivery]":
        """Queue a message; the future is its acknowledgement. Raises Unavailable."""
        if self._producer is None:
            raise Unavailable("Kafka was not there yet since this process started")
        return await self._producer.post(topic, key, event, cause=cause, event_id=event_id)

    async def _run(self) -> None:
        while True:
            try:
                async with producer(self._role) as found:
                    self._producer = found
                    await self._stopping.wait()
                    return
            except Unavailable as error:
                log.warning("waiting for a server", server="kafka", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)

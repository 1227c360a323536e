"""Connections to the servers of the settings: the log, the stores of views."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from infra.kafka import EventProducer
from infra.settings import (
    CassandraSettings,
    KafkaSettings,
    RedisSettings,
)
from schemas import sources
from schemas.registry import registry
from sinks.store import Store
from sinks.stores.cassandra import CassandraStore
from sinks.stores.redis import RedisStore
from sinks.view import StoreKind


def producer(role: str) -> EventProducer:
    """A producer of events for one run of a role."""
    return EventProducer(
        KafkaSettings().bootstrap, registry(), role=role, partitions=sources.partitions
    )


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
        ),
    }
    async with AsyncExitStack() as closing:
        for store in kept.values():
            closing.push_async_callback(store.close)
        yield kept

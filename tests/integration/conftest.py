"""What is collected here (tests of other people's programs where these are), and views' servers."""

import os
from collections.abc import AsyncIterator

import pytest
from cassandra.cluster import Cluster

from sinks.store import Store
from sinks.stores.cassandra import CassandraStore
from sinks.stores.redis import RedisStore
from sinks.view import StoreKind
from tests.integration.views import Log, new_log

collect_ignore = [] if os.environ.get("MEDIAMTX") else ["test_mediamtx.py"]


@pytest.fixture
async def log(kafka: str) -> AsyncIterator[Log]:
    """A topic of the test's own, to be written to."""
    async with new_log(kafka) as log:
        yield log


@pytest.fixture
async def stores(
    redis_url: str, cassandra: str, unique: str
) -> AsyncIterator[dict[StoreKind, Store]]:
    """Stores of the test's own, by kind."""
    host, _, port = cassandra.partition(":")
    name = f"test_{unique}"
    redis = RedisStore(redis_url, prefix=f"test-{unique}")
    tables = CassandraStore([host], int(port), name)
    yield {"redis": redis, "cassandra": tables}
    await redis.close()
    await tables.close()
    with Cluster([host], port=int(port), protocol_version=4) as cluster:
        cluster.connect().execute(f"DROP KEYSPACE IF EXISTS {name}", timeout=60)

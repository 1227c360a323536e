"""A writer of views as a process of its own, for tests that kill it.

Arguments: Kafka, Redis, prefix of keys, Cassandra (or -), keyspace, topic, views by name.
"""

import asyncio
import sys
from itertools import groupby

import msgspec

from infra.dead_letters import KafkaDeadLetters
from schemas.registry import registry
from sinks.store import Store
from sinks.stores.cassandra import CassandraStore
from sinks.stores.redis import RedisStore
from sinks.views import VIEWS
from sinks.writer import ViewWriter


async def main() -> None:
    kafka, redis, prefix, cassandra, keyspace, topic, *names = sys.argv[1:]
    found = [msgspec.structs.replace(VIEWS[name], topics=(topic,)) for name in names]
    writers = []
    async with KafkaDeadLetters(kafka) as letters:
        for kind, views in groupby(sorted(found, key=lambda view: view.store), lambda v: v.store):
            store: Store = RedisStore(redis, prefix=prefix)
            if kind == "cassandra":
                host, _, port = cassandra.partition(":")
                store = CassandraStore([host], int(port), keyspace)
            writers.append(
                ViewWriter(
                    kafka,
                    store,
                    list(views),
                    registry(),
                    dead_letters=letters,
                    group=topic,
                    instance="writer",
                ).run()
            )
        await asyncio.gather(*writers)


asyncio.run(main())

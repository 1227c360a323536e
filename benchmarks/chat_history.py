"""Reads of a channel's chat against a naive table that has all of a channel in one partition.

    python -m benchmarks.chat_history CASSANDRA REDIS_URL [--messages 10000000] [--rate 50]

Fills two keyspaces of its own with one channel's messages, drops them at the end. Ours is the view
`chat-history` as its writer makes it, a partition an hour; the naive table has the same columns.
Both are read in turns: the last 50, and 100 before a random moment, through the store, and over
`GET /v1/channels/{id}/chat`. The last 50 as an edge gives them come from the channel's stream in
Redis.
"""

import argparse
import asyncio
import logging
import multiprocessing
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp.test_utils import TestClient, TestServer
from cassandra.cluster import Cluster
from redis.asyncio import Redis

from api.app import make_app
from api.chat.recent import SHOWN, Recent
from api.chat.stream import Streams
from api.places import Places
from benchmarks._chat_history.fill import (
    AUTHORS,
    BEGAN,
    CHANNEL,
    TABLES,
    Channel,
    author,
    fill,
)
from infra.clock import SystemClock
from infra.observability import logs
from infra.record import Envelope, Meta
from infra.redis_link import RedisLink
from schemas.chat_stream import KEPT, encode, id_of, key_of
from schemas.records.chat import MessageSent
from sinks.reader import ViewReader
from sinks.rows import Key, upserted
from sinks.store import Store
from sinks.stores.cassandra import CassandraStore
from sinks.stores.keys import key_text
from sinks.stores.redis import RedisStore
from sinks.view import StoreKind, View
from sinks.views import VIEWS

BEHIND_ALL: Final = "~"
TOLD_SECONDS: Final = 10.0
WARMING: Final = 30
"""Reads that are not counted."""
LAST: Final = 50
PAGE: Final = 100

Asked = Callable[[], Awaitable[Any]]
Address = tuple[str, int]


async def main(arguments: argparse.Namespace) -> None:
    """Fill, read, print."""
    host, _, port = arguments.cassandra.partition(":")
    address, name = (host, int(port)), f"bench_{uuid.uuid4().hex[:8]}"
    channel = Channel(arguments.messages, arguments.rate)
    keyspaces = {table: f"{name}_{table}" for table in TABLES}
    stores = {table: CassandraStore([host], int(port), each) for table, each in keyspaces.items()}
    try:
        for table, store in stores.items():
            await store.setup([TABLES[table]])
        deadline = time.time() + arguments.minutes * 60
        channel = await filled(address, keyspaces, channel, arguments.processes, deadline)
        print(f"{channel.messages:,} messages in {channel.hours} hours", flush=True)
        await asyncio.to_thread(sizes, address, keyspaces)
        async with redis(arguments.redis, name) as hot:
            await read(stores, hot, arguments, channel, name)
    finally:
        for store in stores.values():
            await store.close()
        with Cluster([host], port=int(port), protocol_version=4) as cluster:
            for each in keyspaces.values():
                cluster.connect().execute(f"DROP KEYSPACE IF EXISTS {each}", timeout=120)


async def filled(
    address: Address,
    keyspaces: dict[str, str],
    channel: Channel,
    processes: int,
    deadline: float,
) -> Channel:
    """Write all messages into both tables, or as many as there is time for; tell how far it is."""
    context = multiprocessing.get_context("spawn")
    done, complete = context.Value("q", 0), context.Array("b", channel.hours)
    began, total = time.perf_counter(), channel.messages * len(TABLES)
    workers = [
        context.Process(
            target=fill,
            args=(address, keyspaces, channel, hours, deadline, (done, complete)),
        )
        for hours in (list(range(channel.hours))[n::processes] for n in range(processes))
    ]
    for worker in workers:
        worker.start()
    try:
        while any(worker.is_alive() for worker in workers):
            await asyncio.sleep(TOLD_SECONDS)
            rate = done.value / (time.perf_counter() - began)
            print(f"filled {done.value:12,} rows of {total:,}  {rate:7,.0f} a second", flush=True)
    finally:
        for worker in workers:
            worker.terminate()
    failed = [worker.exitcode for worker in workers if worker.exitcode]
    if failed:
        raise SystemExit(f"filling failed: {failed}")
    hours = [*complete, 0].index(0)
    if not hours:
        raise SystemExit("there was not time for one hour of messages: more --minutes")
    return Channel(channel.hour(hours - 1).stop, channel.rate)


def sizes(address: Address, keyspaces: dict[str, str]) -> None:
    """Let the server write all to the disk; print how much it is, and the largest partition."""
    with Cluster([address[0]], port=address[1], protocol_version=4) as cluster:
        session = cluster.connect()
        for keyspace in keyspaces.values():
            flush = f"ALTER TABLE {keyspace}.chat_history_first WITH memtable_flush_period_in_ms"
            session.execute(f"{flush} = 1000", timeout=60)
        time.sleep(15)  # nothing tells when it has
        for table, keyspace in keyspaces.items():
            where = f"WHERE keyspace_name = '{keyspace}' AND table_name = 'chat_history_first'"
            (disk,) = session.execute(
                f"SELECT mebibytes FROM system_views.disk_usage {where}"
            ).one()
            (most,) = session.execute(
                f"SELECT mebibytes FROM system_views.max_partition_size {where}"
            ).one()
            print(
                f"{table:6} {disk:6,} MiB on disk, largest partition in one file {most:,} MiB",
                flush=True,
            )
            alter = f"ALTER TABLE {keyspace}.chat_history_first"
            session.execute(f"{alter} WITH memtable_flush_period_in_ms = 0", timeout=60)


@asynccontextmanager
async def redis(url: str, prefix: str) -> AsyncIterator[RedisStore]:
    """A store with the channel, its authors and the stream of its last messages."""
    store = RedisStore(url, prefix=prefix)
    users: dict[Key, Any] = {}
    for user_id, login in map(author, range(AUTHORS)):
        users[user_id,] = upserted({"login": login, "display_name": login.title()}, 1)
    await store.setup([VIEWS[name] for name in ("users", "channels-by-id", "chat-purges")])
    await store.apply(VIEWS["users"], "first", users, {}, live=False)
    named: dict[Key, Any] = {(CHANNEL,): upserted({"name": "busy"}, 1)}
    await store.apply(VIEWS["channels-by-id"], "first", named, {}, live=False)
    async with Redis.from_url(url) as direct:
        for offset in range(KEPT):
            fields: Any = {"previous": offset - 1, "entry": encode(offset, 0, message(offset))}
            await direct.xadd(key_of(CHANNEL, prefix), fields, id=id_of(offset))
        yield store
        await store.close()
        async for key in direct.scan_iter(f"{prefix}:*", count=1000):
            await direct.unlink(key)


def message(number: int) -> Envelope:
    """Something that was said lately."""
    user_id, login = author(number % AUTHORS)
    names = dict.fromkeys(MessageSent.__struct_fields__, "") | {"badges": [], "emotes": []}
    said = {"channel_id": CHANNEL, "message_id": str(number), "user_id": user_id, "login": login}
    event = msgspec.convert(
        names | said | {"text": f"message {number}", "kind": "text"}, MessageSent
    )
    return Envelope(Meta(event_id="e", occurred_at=0, producer="p", sequence=number), event)


async def read(
    stores: dict[str, CassandraStore],
    hot: RedisStore,
    arguments: argparse.Namespace,
    channel: Channel,
    prefix: str,
) -> None:
    """Measure reads, of one table and of the other in turns."""
    chance = random.Random(1)
    last = channel.sent_at(channel.messages - 1)
    streams = Streams(RedisLink(arguments.redis), prefix=prefix)

    async def latest() -> None:
        recent = Recent()
        for event in await streams.events(CHANNEL):
            recent.take(event)
        assert len(recent.events()) == SHOWN

    asked: dict[tuple[str, str], Asked] = {("last 50 from the stream", "redis"): latest}
    clients: list[TestClient[Any, Any]] = []
    for table, store in stores.items():
        client = TestClient(TestServer(gateway(TABLES[table], store, hot)))
        await client.start_server()
        clients.append(client)

        async def scan(limit: int, at: int | None, table: str = table) -> None:
            place = None if at is None else key_text((CHANNEL, at, BEHIND_ALL))
            page = await stores[table].scan(TABLES[table], "first", limit, place, CHANNEL)
            assert len(page.rows) == limit

        async def get(limit: int, at: int | None, client: Any = client) -> None:
            query = {"limit": str(limit)} | ({} if at is None else {"to": rfc3339(at)})
            response = await client.get(f"/v1/channels/{CHANNEL}/chat", params=query)
            assert len((await response.json())["data"]) == limit

        def before() -> int:
            return chance.randrange(BEGAN + (last - BEGAN) // 100, last)

        asked["last 50, store", table] = lambda scan=scan: scan(LAST, None)
        asked["page of 100, store", table] = lambda scan=scan: scan(PAGE, before())
        asked["last 50, API", table] = lambda get=get: get(LAST, None)
        asked["page of 100, API", table] = lambda get=get: get(PAGE, before())
    took: dict[tuple[str, str], list[float]] = {each: [] for each in asked}
    for n in range(arguments.reads + WARMING):
        for each, ask in asked.items():
            began = time.perf_counter()
            await ask()
            if n >= WARMING:
                took[each].append(time.perf_counter() - began)
    for (what, table), times in sorted(took.items()):
        times.sort()
        p50, p99 = (times[len(times) * share // 100] * 1e3 for share in (50, 99))
        print(f"{what:24} {table:6} p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  of {len(times)}")
    for client in clients:
        await client.close()


def gateway(view: View, cold: CassandraStore, hot: RedisStore) -> Any:
    """The gateway, with the history in a table."""
    reader = _Reader({"redis": hot, "cassandra": cold}, view)
    clock = SystemClock()
    return make_app(reader, clock=clock, places=Places(origin_url=""), folder=Path())


class _Reader(ViewReader):
    """Reads the history as another view of the same name."""

    def __init__(self, stores: dict[StoreKind, Store], instead: View) -> None:
        super().__init__(stores)
        self._instead = instead

    async def _page(self, found: View, *rest: Any) -> Any:
        return await super()._page(
            self._instead if found.name == self._instead.name else found, *rest
        )


def rfc3339(at: int) -> str:
    """Microseconds since 1970 as text."""
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat().replace("+00:00", "Z")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cassandra", help="host:port")
    parser.add_argument("redis", help="URL")
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--rate", type=int, default=50, help="messages a second in the channel")
    parser.add_argument("--processes", type=int, default=2, help="that fill")
    parser.add_argument("--minutes", type=float, default=60, help="to fill; then it reads")
    parser.add_argument("--reads", type=int, default=500, help="of each kind and table")
    logs.configure("benchmark", level=40)
    logging.getLogger("cassandra").setLevel(logging.ERROR)
    asyncio.run(main(parser.parse_args()))

"""The views of follows on real servers: exact, newest first, proved, the same when made anew."""

import random
from collections.abc import AsyncIterator, Iterator

import pytest
from cassandra.cluster import Cluster

from agents.social.model import Event, Standing, decide, evolve
from infra.kafka import LogReader
from schemas.records.social import FollowChannel, UnfollowChannel
from schemas.registry import registry
from sinks.prove import prove
from sinks.reader import ViewReader
from sinks.rebuild import rebuild
from sinks.rows import Columns
from sinks.store import Store
from sinks.stores.cassandra import CassandraStore
from sinks.stores.redis import RedisStore
from sinks.view import View
from tests.integration.views import Log, caught_up, view, writing

LISTS = ("followers", "followed-channels", "follows")
FOLLOWERS, ASKED = 300, 2_000


@pytest.fixture
async def redis(redis_url: str, unique: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_url, prefix=f"test-{unique}")
    yield store
    await store.close()


@pytest.fixture
async def tables(cassandra: str, unique: str) -> AsyncIterator[CassandraStore]:
    host, _, port = cassandra.partition(":")
    name = f"test_{unique}"
    store = CassandraStore([host], int(port), name)
    yield store
    await store.close()
    with Cluster([host], port=int(port), protocol_version=4) as cluster:
        cluster.connect().execute(f"DROP KEYSPACE IF EXISTS {name}", timeout=60)


class Asked:
    """Follows of one channel, asked for in any order and more than once; what is so in the end."""

    def __init__(self) -> None:
        self.since: dict[str, int] = {}
        self.count = 0

    def events(self) -> Iterator[Event]:
        chance = random.Random(7)
        for now in range(ASKED):
            user = f"u{chance.randrange(FOLLOWERS)}"
            kind = FollowChannel if chance.random() < 0.7 else UnfollowChannel
            before = Standing(self.since.get(user), self.count)
            event = decide(before, kind(channel_id="c", user_id=user), now=now)
            after = evolve(before, event)
            self.count = after.followers
            if after.followed_at is None:
                self.since.pop(user, None)
            else:
                self.since[user] = after.followed_at
            yield event


async def test_what_is_shown_is_the_set(
    log: Log, redis: RedisStore, tables: CassandraStore
) -> None:
    asked = Asked()
    for event in asked.events():
        await log.post(event, partition=0)
    await log.flush()
    await tables.setup([view(name, log) for name in LISTS])
    counts, lists = view("follower-counts", log), [view(name, log) for name in LISTS]
    async with writing(log, redis, counts), writing(log, tables, *lists):
        await caught_up(log, redis, counts, {0: ASKED})
        for found in lists:
            await caught_up(log, tables, found, {0: ASKED})
    reader = ViewReader({"redis": redis, "cassandra": tables})
    row = await reader.get("follower-counts", "c")
    assert row is not None
    assert row["followers"] == asked.count == len(asked.since)
    shown = await everything(reader, "followers", "c")
    assert {row["user_id"]: row["followed_at"] for row in shown} == asked.since
    assert [row["followed_at"] for row in shown] == sorted(asked.since.values(), reverse=True)
    for user, since in list(asked.since.items())[:5]:
        follow = await reader.get("follows", ("c", user))
        assert follow is not None
        assert follow["followed_at"] == since
        assert [row["channel_id"] for row in await everything(reader, LISTS[1], user)] == ["c"]
    await holds(log, redis, counts)
    for found in lists:
        await holds(log, tables, found)


async def holds(log: Log, store: Store, found: View) -> None:
    """The view is what the log says, and the same when it is made anew."""
    async with LogReader(log.bootstrap) as reading:
        before = await prove(reading, store, registry(), found)
        assert before.equal, before.differences[:3]
        await rebuild(reading, store, registry(), found, linger=0.1)
        after = await prove(reading, store, registry(), found)
    assert after.equal
    assert after.found_digest == before.found_digest


async def everything(reader: ViewReader, name: str, within: str) -> list[Columns]:
    rows: list[Columns] = []
    cursor = None
    while True:
        page, cursor = await reader.scan(name, 50, cursor, within=within)
        rows += page
        if cursor is None:
            return rows

"""Views when things break: the writer is killed, a store is away."""

# ruff: noqa: ASYNC220 - starting a process is quick enough for a test

import asyncio
import contextlib
import random
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cassandra.cluster import Cluster
from redis.asyncio import Redis

from infra.kafka import LogReader
from infra.local.ports import free_ports
from schemas.registry import registry
from sinks.prove import prove
from sinks.reader import ViewReader
from sinks.rebuild import rebuild
from sinks.store import FIRST, Store
from sinks.stores.cassandra import CassandraStore
from sinks.stores.redis import RedisStore
from sinks.view import View
from sinks.writer import ViewWriter
from tests.integration.views import Log, caught_up, ended, started, view, writing
from tests.waiting import until

KILLS = 4


@pytest.fixture
def prefix(redis_url: str) -> str:
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def keyspace(cassandra: str) -> Iterator[str]:
    host, _, port = cassandra.partition(":")
    name = f"test_{uuid.uuid4().hex}"
    yield name
    with Cluster([host], port=int(port), protocol_version=4) as cluster:
        cluster.connect().execute(f"DROP KEYSPACE IF EXISTS {name}", timeout=60)


@pytest.fixture
async def redis_store(redis_url: str, prefix: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_url, prefix=prefix)
    yield store
    await store.close()
    async with Redis.from_url(redis_url) as redis:
        async for key in redis.scan_iter(f"{prefix}:*", count=1000):
            await redis.unlink(key)


@pytest.fixture
async def cassandra_store(cassandra: str, keyspace: str) -> AsyncIterator[CassandraStore]:
    host, _, port = cassandra.partition(":")
    store = CassandraStore([host], int(port), keyspace)
    yield store
    await store.close()


async def test_a_writer_killed_again_and_again_loses_nothing(
    log: Log,
    redis_url: str,
    prefix: str,
    cassandra: str,
    keyspace: str,
    redis_store: RedisStore,
    cassandra_store: CassandraStore,
) -> None:
    choose = random.Random(7)
    names = ["live-channels", "stream-status", "stream-history"]
    stores: dict[str, Store] = {"redis": redis_store, "cassandra": cassandra_store}
    views = [view(name, log) for name in names]
    for found in views:
        await stores[found.store].setup([found])
    command = [sys.executable, "-m", "tests.integration.views_process", log.bootstrap]
    command += [redis_url, prefix, cassandra, keyspace, log.topic, *names]
    over = asyncio.Event()
    writing_log = asyncio.create_task(_history(log, choose, over))
    for _ in range(KILLS):
        before = await _total(redis_store, views[0])
        process = subprocess.Popen(command)

        async def moved(before: int = before) -> bool:
            return await _total(redis_store, views[0]) > before

        try:
            await until(moved)
            await asyncio.sleep(choose.uniform(0, 0.05))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    over.set()
    ends = await writing_log
    process = subprocess.Popen(command)
    try:
        for found in views:
            await caught_up(log, stores[found.store], found, ends)
    finally:
        process.kill()
        process.wait()
    async with LogReader(log.bootstrap) as reader:
        for found in views:
            proof = await prove(reader, stores[found.store], registry(), found)
            assert proof.equal, proof.differences[:5]
            assert proof.tally.messages == sum(ends.values())
            assert proof.rows > 10


async def _history(log: Log, choose: random.Random, over: asyncio.Event) -> dict[int, int]:
    """Streams start and end on 40 channels; returns the ends of the partitions."""
    ends = dict.fromkeys(range(4), 0)
    streams = dict.fromkeys(range(40), 0)
    on_air: set[int] = set()
    while not over.is_set():
        n = choose.randrange(40)
        event = ended(n, streams[n]) if n in on_air else started(n, streams[n])
        streams[n] += n in on_air
        on_air ^= {n}
        await log.post(event, partition=n % 4)
        ends[n % 4] += 1
        if sum(ends.values()) % 50 == 0:
            await log.flush()
            await asyncio.sleep(0.1)
    await log.flush()
    return ends


async def _total(store: Store, found: View) -> int:
    positions = await store.positions(found, FIRST)
    return sum(position.offset for position in positions.values())


async def test_cassandra_is_proved_corrupted_and_mended(
    log: Log, cassandra_store: CassandraStore
) -> None:
    history = view("stream-history", log)
    await cassandra_store.setup([history])
    first = (await cassandra_store.generations(history)).active
    reader = ViewReader({"cassandra": cassandra_store})
    async with (
        writing(log, cassandra_store, history),
        LogReader(log.bootstrap) as messages,
    ):
        for stream in range(6):
            await log.write(started(1, stream))
            await log.write(ended(1, stream))
        await log.write(started(2), partition=1)
        await caught_up(log, cassandra_store, history, {0: 12, 1: 1})
        assert (await prove(messages, cassandra_store, registry(), history)).equal
        page, cursor = await reader.scan("stream-history", 4, within="c1")
        rest, _ = await reader.scan("stream-history", 4, cursor, within="c1")
        streams = [row["stream_id"] for row in [*page, *rest]]
        assert streams == [f"c1-s{n}" for n in reversed(range(6))]

        session = cassandra_store._session
        table = f"{session._keyspace}.stream_history_{first}"
        key = f"channel_id = 'c1' AND started_at = {started(1, 3).started_at}"
        where = f"{key} AND stream_id = 'c1-s3'"
        await session.run(f"UPDATE {table} SET reason = 'changed by hand' WHERE {where}")
        proof = await prove(messages, cassandra_store, registry(), history)
        (wrong,) = proof.differences
        assert wrong.key == ("c1", started(1, 3).started_at, "c1-s3")
        assert (wrong.column, wrong.expected, wrong.found) == ("reason", "gone", "changed by hand")

        await rebuild(messages, cassandra_store, registry(), history, linger=1.0)
        await log.write(started(3), partition=2)
        await caught_up(log, cassandra_store, history, {0: 12, 1: 1, 2: 1})
        proof = await prove(messages, cassandra_store, registry(), history)
        assert proof.equal, proof.differences
        assert proof.rows == 8


class OwnRedis:
    """A Redis server of the test's own, which it may stop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (self._port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    async def start(self) -> None:
        program = shutil.which("redis-server")
        assert program, "redis-server is not installed"
        options = ["--port", str(self._port), "--appendonly", "yes", "--save", ""]
        self._process = subprocess.Popen(
            [program, *options, "--dir", str(self._folder), "--logfile", "redis.log"]
        )

        async def answers() -> bool:
            async with Redis.from_url(self.url) as redis:
                with contextlib.suppress(Exception):
                    return bool(await redis.ping())
            return False

        await until(answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


async def test_the_writer_catches_up_when_redis_is_back(
    log: Log, tmp_path: Path, cassandra_store: CassandraStore
) -> None:
    server = OwnRedis(tmp_path)
    await server.start()
    store = RedisStore(server.url)
    live, history = view("live-channels", log), view("stream-history", log)
    await cassandra_store.setup([history])
    try:
        async with (
            writing(log, store, live) as (writer, _),
            writing(log, cassandra_store, history) as (other, _),
        ):
            await log.write(started(1))
            await caught_up(log, store, live, {0: 1})
            server.stop()
            for n in range(2, 12):
                await log.write(started(n))
            await caught_up(log, cassandra_store, history, {0: 11})
            assert other.health().well(1.0)

            async def behind() -> bool:
                return not writer.health().well(1.0) and writer.health().waiting_for == "redis"

            await until(behind)
            await server.start()
            await caught_up(log, store, live, {0: 11})
            await until(lambda: _well(writer))
        async with LogReader(log.bootstrap) as reader:
            proof = await prove(reader, store, registry(), live)
        assert proof.equal
        assert proof.rows == 11
    finally:
        await store.close()
        server.stop()


async def _well(writer: ViewWriter) -> bool:
    return writer.health().well(1.0)

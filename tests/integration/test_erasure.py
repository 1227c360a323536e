"""An erased user: nothing opens their fields any more, and the log still gives the same views."""

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr
from redis.asyncio import Redis

from agents.accounts.agent import KEY_LAG
from infra.errors import InvalidRecord
from infra.kafka import LogReader, partition_of
from infra.names import id_of
from infra.record import Meta, Record
from infra.sealing import DataKey, MasterKeys, new_master_key
from infra.streaming.testing import BEGINNING, Delivered, TestWorker
from schemas import provision, sources
from schemas.records.accounts import EraseUser, RegisterUser, UserKeyIssued
from schemas.records.clock import Tick
from schemas.registry import registry
from sinks.prove import prove
from sinks.reader import ViewReader
from sinks.rebuild import rebuild
from sinks.stores.redis import RedisStore
from sinks.view import View
from sinks.views import VIEWS
from tests.functional.workers import identity_app
from tests.integration.broker import delete_topics
from tests.integration.views import Log, writing
from tests.waiting import until

LAG_MS: Final = 1000
TOPICS: Final = ("account-commands", "account-events", "user-keys")
SHOWN: Final = ("users", "credentials", "user-keys")
_SEALED: Final = re.compile(rb"s1\.[0-9a-f-]{36}\.[0-9a-f]{16}\.[A-Za-z0-9_-]+")
_WRAPPED: Final = re.compile(rb"w1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+")
FIELDS: Final = ("email", "password", "address")


class Platform:
    """The agents of identity, with topics of their own on a real broker."""

    def __init__(self, kafka: str, prefix: str, worker: TestWorker, log: AIOKafkaProducer) -> None:
        self.kafka = kafka
        self.master = MasterKeys(SecretStr(new_master_key()))
        self._prefix = prefix
        self._worker = worker
        self._log = log
        self._sequences: dict[tuple[str, int], int] = {}

    def topic(self, name: str) -> str:
        return self._prefix + name

    def view(self, name: str) -> View:
        topics = tuple(self.topic(topic) for topic in VIEWS[name].topics)
        return msgspec.structs.replace(VIEWS[name], topics=topics)

    async def register(self, login: str, text: str) -> DataKey:
        """Register a user whose personal fields all hold a text; as a gateway does."""
        user = id_of(login)
        key, wrapped = self.master.issue(user)
        issued = UserKeyIssued(key_id=key.key_id, user_id=user, wrapped_key=wrapped)
        await self._write("user-keys", key.key_id, issued)
        command = RegisterUser(
            user_id=user,
            login=login,
            display_name=login,
            key_id=key.key_id,
            sealed_password=key.seal("password", text),
            sealed_email=key.seal("email", text),
            sealed_address=key.seal("address", text),
            channel_exists=False,
        )
        await self.ask(user, command)
        return key

    async def ask(self, user: str, command: Record, at: int = BEGINNING) -> None:
        await self._write("account-commands", user, command)
        await self._take(await self._worker.put("account-commands", user, command, occurred_at=at))

    async def tick(self, at: int) -> None:
        for partition in range(4):
            put = partial(self._worker.put, "account-commands", "", Tick())
            await self._take(await put(partition=partition, occurred_at=at))

    async def _take(self, outputs: list[Delivered]) -> None:
        """Write what agents said to the broker, and let agents hear it."""
        for output in outputs:
            if output.topic in TOPICS:
                await self._send(output.topic, output.key, output.value, output.partition)
            if output.topic in self._worker.app.agents_by_source:
                await self._take(await self._worker.relay(output))

    async def _write(self, topic: str, key: str, event: Record) -> None:
        partition = partition_of(key.encode(), 4)
        number = self._sequences.get((topic, partition), 0)
        self._sequences[topic, partition] = number + 1
        meta = Meta(
            event_id=str(uuid.uuid4()), occurred_at=BEGINNING, producer="gw", sequence=number
        )
        await self._send(topic, key, registry().encode(meta, event), partition)

    async def _send(self, topic: str, key: str, value: bytes | None, partition: int) -> None:
        await self._log.send_and_wait(
            self.topic(topic), value, key=key.encode(), partition=partition
        )

    async def raw(self, topic: str) -> list[Any]:
        """Every record that the broker still has of a topic."""
        async with LogReader(self.kafka) as log:
            partitions = await log.partitions(self.topic(topic))
            starts, ends = await log.begins(partitions), await log.ends(partitions)
            return [each async for batch in log.read(starts, ends) for each in batch]


@pytest.fixture
async def platform(kafka: str) -> AsyncIterator[Platform]:
    prefix = f"test-{uuid.uuid4().hex[:12]}-"
    topics = {
        prefix + name: msgspec.structs.replace(
            sources.topics()[name],
            name=prefix + name,
            max_compaction_lag_ms=LAG_MS if name == "user-keys" else None,
        )
        for name in TOPICS
    }
    assert sources.topics()["user-keys"].max_compaction_lag_ms is not None
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=0)
    await provision.apply(kafka, topics=topics)
    await producer.start()
    try:
        async with TestWorker(identity_app) as worker:
            yield Platform(kafka, prefix, worker, producer)
    finally:
        await producer.stop()
        await delete_topics(kafka, prefix)


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisStore]:
    prefix = f"test-{uuid.uuid4().hex}"
    store = RedisStore(redis_url, prefix=prefix)
    yield store
    await store.close()
    async with Redis.from_url(redis_url) as redis:
        async for key in redis.scan_iter(f"{prefix}:*", count=1000):
            await redis.unlink(key)


@asynccontextmanager
async def viewed(platform: Platform, store: RedisStore) -> AsyncIterator[ViewReader]:
    log = Log(platform.kafka, platform.topic("views"), None)
    async with writing(log, store, *(platform.view(name) for name in SHOWN)) as (_, holes):
        yield ViewReader({"redis": store})
    assert holes == []


async def opened(platform: Platform, reader: ViewReader, login: str) -> str | None:
    """The e-mail address, the way a gateway gets at it."""
    user = id_of(login)
    row = await reader.get("credentials", user)
    if row is None or (key := await reader.get("user-keys", row["key_id"])) is None:
        return None
    data_key = platform.master.unwrap(row["key_id"], user, key["wrapped_key"])
    return data_key.open("email", row["sealed_email"])


def opens(platform: Platform, login: str, wrapped: set[bytes], sealed: set[bytes]) -> int:
    """How many sealed values some wrapped key opens, for whoever has the master key and all."""
    user, found = id_of(login), set()
    for text in sealed:
        key_id = text.decode().removeprefix("s1.").rpartition(".")[0]
        for candidate in wrapped:
            for field in FIELDS:
                try:
                    key = platform.master.unwrap(key_id, user, candidate.decode())
                    key.open(field, text.decode())
                    found.add(text)
                except InvalidRecord:
                    continue
    return len(found)


async def test_an_erased_user_cannot_be_read_anywhere_and_a_replay_gives_the_same(
    platform: Platform, store: RedisStore
) -> None:
    async with viewed(platform, store) as reader:
        await platform.register("river", "river@example.org")
        await platform.register("lake", "lake@example.org")
        for login in ("river", "lake"):

            async def is_there(login: str = login) -> bool:
                return await opened(platform, reader, login) == f"{login}@example.org"

            await until(is_there)

        began = time.monotonic()
        await platform.ask(id_of("river"), EraseUser(user_id=id_of("river")))

        async def is_gone() -> bool:
            rows = [await reader.get(name, id_of("river")) for name in ("users", "credentials")]
            return rows == [None, None] and await opened(platform, reader, "river") is None

        await until(is_gone)
        await asyncio.sleep(LAG_MS / 1000)  # the broker goes by the time between two records
        await platform.tick(BEGINNING + 60_000_000)
        await platform.tick(BEGINNING + KEY_LAG + 120_000_000)

        async def wrapped_keys() -> set[bytes]:
            return {
                found
                for record in await platform.raw("user-keys")
                for found in _WRAPPED.findall(record.value)
            }

        async def compacted() -> bool:
            await asyncio.sleep(0.5)
            return len(await wrapped_keys()) == 1

        await until(compacted, 90)
        print(f"erased to gone from the raw topic: {time.monotonic() - began:.1f} s")
        assert await opened(platform, reader, "lake") == "lake@example.org"

    sealed = {
        found
        for topic in TOPICS
        for record in await platform.raw(topic)
        for found in _SEALED.findall(record.value)
    }
    assert len(sealed) == 6, "what was sealed is still on the log, else this shows nothing"
    wrapped = await wrapped_keys()
    assert opens(platform, "lake", wrapped, sealed) == 3
    assert opens(platform, "river", wrapped, sealed) == 0
    async with LogReader(platform.kafka) as log:
        for name in SHOWN:
            proof = await prove(log, store, registry(), platform.view(name))
            assert proof.equal, proof.differences
            assert (proof.rows, proof.tally.holes, proof.tally.failures) == (1, 0, 0)
            await rebuild(log, store, registry(), platform.view(name), linger=0)
            again = await prove(log, store, registry(), platform.view(name))
            assert again.equal
            assert again.found_digest == proof.found_digest

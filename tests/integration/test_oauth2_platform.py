"""From signing up to a token that was revoked, over a real log, real rules and a real Redis."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import SecretStr
from redis.asyncio import Redis

from api.app import make_app
from api.commands import Commands
from api.idempotency import RedisMemory
from api.limits import Limits
from api.oauth2.authority import Authority
from api.oauth2.keyring import Keyring
from api.oauth2.signing_keys import SigningKeys
from api.oauth2.standing import GrantTokens
from api.oauth2.tokens import AccessTokens
from api.places import Places
from api.sender import Sender
from infra.clock import SystemClock
from infra.dead_letters import KafkaDeadLetters
from infra.kafka import Delivery, EventProducer
from infra.names import id_of
from infra.passwords import Passwords
from infra.record import Record
from infra.sealing import MasterKeys, new_master_key
from infra.streaming.testing import Delivered, TestWorker
from schemas import provision, sources
from schemas.registry import registry
from sinks.reader import ViewReader
from sinks.stores.memory import MemoryStore
from sinks.stores.redis import RedisStore
from sinks.view import View
from sinks.views import VIEWS
from sinks.watch import RedisWatch
from sinks.writer import ViewWriter
from tests.functional.oauth_rig import BACK, ME, PASSWORD, Browser
from tests.functional.workers import identity_app
from tests.integration.broker import delete_topics
from tests.waiting import until

TOPICS = (
    *("account-commands", "account-events", "access-commands", "access-events"),
    *("identity-commands", "identity-events", "user-keys", "signing-keys"),
)
COMMANDS = ("account-commands", "access-commands", "identity-commands")
LISTED = ("grants-by-subject", "applications-by-user")
SHOWN = ("users", "credentials", "user-keys", "applications", "grants", "signing-keys", "channels")
URL = "http://millrace.test"


@dataclass
class Platform:
    """Topics and keys of one test."""

    kafka: str
    redis: str
    prefix: str
    master: MasterKeys
    lists: MemoryStore
    """In place of Cassandra."""

    def view(self, name: str) -> View:
        topics = tuple(self.prefix + topic for topic in VIEWS[name].topics if topic in TOPICS)
        return msgspec.structs.replace(VIEWS[name], topics=topics)


class Prefixed:
    """A producer whose topics are those of the test."""

    def __init__(self, producer: EventProducer, prefix: str) -> None:
        self._producer = producer
        self._prefix = prefix

    async def post(
        self, topic: str, key: str, event: Record, *, event_id: str | None = None
    ) -> "asyncio.Future[Delivery]":
        return await self._producer.post(self._prefix + topic, key, event, event_id=event_id)


@asynccontextmanager
async def working(platform: Platform) -> AsyncIterator[None]:
    """The identity worker's app, fed from the log, and what it says written to it."""
    consumer = AIOKafkaConsumer(
        *(platform.prefix + name for name in COMMANDS),
        bootstrap_servers=platform.kafka,
        group_id=platform.prefix,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    producer = AIOKafkaProducer(bootstrap_servers=platform.kafka, linger_ms=0)
    await consumer.start()
    await producer.start()

    async def take(worker: TestWorker, outputs: list[Delivered]) -> None:
        for output in outputs:
            if output.topic in TOPICS:
                await producer.send_and_wait(
                    platform.prefix + output.topic,
                    output.value,
                    key=output.key.encode(),
                    partition=output.partition,
                )
            if output.topic in worker.app.agents_by_source and output.topic not in COMMANDS:
                await take(worker, await worker.relay(output))

    async def work() -> None:
        async with TestWorker(identity_app) as worker:
            async for record in consumer:
                topic = record.topic.removeprefix(platform.prefix)
                await take(
                    worker,
                    await worker.put_raw(
                        topic, record.key, record.value, partition=record.partition
                    ),
                )

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await consumer.stop()
        await producer.stop()


@asynccontextmanager
async def viewing(platform: Platform) -> AsyncIterator[None]:
    store = RedisStore(platform.redis, prefix=platform.prefix)
    async with KafkaDeadLetters(platform.kafka) as letters:
        writers = [
            ViewWriter(
                platform.kafka,
                kept,
                [platform.view(name) for name in names],
                registry(),
                dead_letters=letters,
                group=f"{platform.prefix}{names[0]}",
            )
            for kept, names in ((store, ("outcomes", *SHOWN)), (platform.lists, LISTED))
        ]
        tasks = [asyncio.create_task(writer.run()) for writer in writers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await store.close()


@asynccontextmanager
async def gateway(platform: Platform) -> AsyncIterator[tuple[Browser, Authority]]:
    """A gateway of its own, with connections of its own."""
    clock = SystemClock()
    async with AsyncExitStack() as closing:
        store = RedisStore(platform.redis, prefix=platform.prefix)
        watch = RedisWatch(store)
        memory = RedisMemory(platform.redis, prefix=platform.prefix)
        limits = Limits(platform.redis, prefix=platform.prefix)
        for each in (store, memory, limits):
            closing.push_async_callback(each.close)
        views = ViewReader({"redis": store, "cassandra": platform.lists})
        producer = await closing.enter_async_context(
            EventProducer(platform.kafka, registry(), role="gateway", partitions=lambda _: 4)
        )
        sender, finder = Sender(Prefixed(producer, platform.prefix)), Nothing()
        commands = Commands(sender, watch, views, memory, finder, clock)
        tokens = AccessTokens(URL, URL, SigningKeys([], platform.master), clock)
        await closing.enter_async_context(Keyring(tokens, views, sender, platform.master, clock))
        passwords = Passwords(time_cost=1, memory_kib=8, lanes=1)
        closing.callback(passwords.close)
        authority = Authority(
            url=URL,
            views=views,
            commands=commands,
            sender=sender,
            tokens=tokens,
            checking=GrantTokens(tokens, views, clock),
            master=platform.master,
            passwords=passwords,
            clock=clock,
            limits=limits,
        )
        app = make_app(
            views,
            clock=clock,
            places=Places(),
            folder=Path(),
            tokens=authority.checking,
            asking=commands,
            authority=authority,
            counting=limits,
            more=[ME],
        )
        client: TestClient[web.Request, web.Application] = TestClient(TestServer(app))
        async with client:
            yield Browser(client), authority


class Nothing:
    """Finds no message: nothing here asks under an idempotency key."""

    async def find(self, topic: str, key: str, ids: Any, since: int) -> dict[str, Delivery]:
        return {}


@pytest.fixture
async def platform(kafka: str, redis_url: str) -> AsyncIterator[Platform]:
    prefix = f"test-{uuid.uuid4().hex[:12]}-"
    topics = {
        prefix + name: msgspec.structs.replace(sources.topics()[name], name=prefix + name)
        for name in TOPICS
    }
    await provision.apply(kafka, topics=topics)
    master = MasterKeys(SecretStr(new_master_key()))
    found = Platform(kafka, redis_url, prefix, master, MemoryStore())
    try:
        async with working(found), viewing(found):
            yield found
    finally:
        await delete_topics(kafka, prefix)
        async with Redis.from_url(redis_url) as redis:
            async for key in redis.scan_iter(f"{prefix}*", count=1000):
                await redis.unlink(key)


async def whoami(browser: Browser, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await browser.client.get("/test/me", headers=headers)).status


async def posted(browser: Browser, path: str, **form: str) -> tuple[int, dict[str, Any]]:
    response = await browser.client.post(path, data=form)
    return response.status, await response.json()


async def test_from_signing_up_to_a_token_that_was_revoked(platform: Platform) -> None:
    async with gateway(platform) as (browser, authority), gateway(platform) as (other, elsewhere):

        async def has_key() -> bool:
            found = [mind.tokens.keys.jwks(mind.clock.now()) for mind in (authority, elsewhere)]
            return all(each["keys"] for each in found)

        await until(has_key, 10)
        assert (await browser.sign_up()).status == 303
        await browser.get("/account")
        await browser.send("/signout")
        assert (await browser.sign_in(password="wrong password")).status == 422
        assert (await browser.sign_in()).status == 303
        client_id, secret = await browser.new_application()
        app = {"client_id": client_id, "client_secret": secret}

        async def tokens() -> dict[str, Any]:
            said = await browser.allow(client_id=client_id, scope="user:read:email")
            code = {"grant_type": "authorization_code", "code": said["code"]}
            status, found = await posted(browser, "/oauth2/token", **code, redirect_uri=BACK, **app)
            assert status == 200, found
            return found

        first = await tokens()
        headers = {"Authorization": f"OAuth {first['access_token']}"}
        valid = await (await other.client.get("/oauth2/validate", headers=headers)).json()
        assert (valid["login"], valid["user_id"]) == ("river", id_of("river"))
        refresh = {"grant_type": "refresh_token", **app}
        status, second = await posted(
            browser, "/oauth2/token", refresh_token=first["refresh_token"], **refresh
        )
        assert status == 200
        assert await whoami(other, second["access_token"]) == 200
        status, again = await posted(
            other, "/oauth2/token", refresh_token=first["refresh_token"], **refresh
        )
        assert (status, again["error"]) == (400, "invalid_grant")
        await stops(other, second["access_token"])
        assert await whoami(browser, first["access_token"]) == 401, "the whole grant ended"

        third = await tokens()
        assert await whoami(other, third["access_token"]) == 200
        token = third["access_token"]
        assert (await posted(browser, "/oauth2/revoke", token=token, **app))[0] == 200
        assert await whoami(browser, token) == 401
        print(f"revoked to refused elsewhere: {await stops(other, token):.1f} s")

        fourth = await tokens()
        assert await whoami(other, fourth["access_token"]) == 200
        await browser.get("/account/erase")
        gone = await browser.send("/account/erase", login="river", password=PASSWORD)
        assert gone.headers["Location"] == "/goodbye"
        await stops(other, fourth["access_token"])
        assert (await browser.sign_in()).status == 422


async def stops(browser: Browser, token: str) -> float:
    """Seconds until a gateway refuses a token: five at most."""
    began = time.monotonic()

    async def refused() -> bool:
        return await whoami(browser, token) == 401

    await until(refused, 5)
    return time.monotonic() - began

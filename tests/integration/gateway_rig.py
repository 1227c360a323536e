"""A gateway on a real log and a real Redis, with topics of its own and somebody who decides."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.identity.model import decide, evolve
from api.access import Rule, anyone
from api.app import make_app
from api.call import Call, endpoint
from api.commands import Commands
from api.feed import Feeds
from api.idempotency import RedisMemory
from api.log import Log
from api.places import Places
from api.publishing import Publishing
from api.sender import Sender
from api.v1.events import Events
from api.v1.parameters import Id
from infra.clock import SystemClock
from infra.dead_letters import KafkaDeadLetters
from infra.kafka import EventProducer
from infra.record import Envelope
from schemas.records.identity import ChannelRegistered, ChannelUpdated, RegisterChannel
from schemas.registry import registry
from schemas.sources import Topic, topics
from sinks.reader import ViewReader
from sinks.stores.redis import RedisStore
from sinks.view import View
from sinks.views import VIEWS
from sinks.watch import RedisWatch
from sinks.writer import ViewWriter
from tests.functional.gateway_fakes import FakeTokens, bearer

__all__ = ["bearer"]

PARTITIONS = 4
Client = TestClient[web.Request, web.Application]


class ChannelPath(msgspec.Struct, frozen=True):
    channel_id: Id


class NewChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    title: str = ""
    category: str = ""


class Registered(msgspec.Struct, frozen=True):
    channel_id: str
    title: str


def register_route(topic: str, rule: Rule = anyone, *, seconds: float = 5.0) -> Any:
    """The pattern of an endpoint: parse, ask, answer."""

    async def put_channel(call: Call, path: ChannelPath, body: NewChannel) -> Registered:
        """Register a channel."""
        event = await call.ask(
            topic,
            path.channel_id,
            RegisterChannel(channel_id=path.channel_id, **msgspec.structs.asdict(body)),
            ChannelRegistered,
            ChannelUpdated,
            seconds=seconds,
        )
        return Registered(event.channel_id, event.title)

    return endpoint("PUT", "/test/channels/{channel_id}", put_channel, rule, errors=(504,))


@dataclass
class Names:
    """Topics and keys of one test."""

    kafka: str
    redis: str
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    @property
    def commands(self) -> str:
        return f"test-{self.mark}-commands"

    @property
    def events(self) -> str:
        return f"test-{self.mark}-events"

    @property
    def topics(self) -> Mapping[str, Topic]:
        """The real topics of identity, open to services, under names of our own."""
        found = {}
        for name, real in ((self.commands, "identity-commands"), (self.events, "identity-events")):
            known = topics()[real]
            found[name] = msgspec.structs.replace(
                known,
                name=name,
                writers=[*known.writers, "services"],
                readers=[*known.readers, "services"],
            )
        return found

    def view(self, name: str) -> View:
        return msgspec.structs.replace(VIEWS[name], topics=(self.events,))


@asynccontextmanager
async def new_names(kafka: str, redis: str) -> AsyncIterator[Names]:
    names = Names(kafka, redis)
    every = [names.commands, names.events, f"{names.events}-dlq"]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in every])
        yield names
    finally:
        await admin.delete_topics(every)
        await admin.close()


def producer(names: Names, role: str = "gateway") -> EventProducer:
    return EventProducer(names.kafka, registry(), role=role, partitions=lambda _: PARTITIONS)


@asynccontextmanager
async def deciding(names: Names) -> AsyncIterator[list[Envelope]]:
    """Decides commands as the identity agent does; gives the commands that came."""
    came: list[Envelope] = []
    consumer = AIOKafkaConsumer(
        names.commands,
        bootstrap_servers=names.kafka,
        group_id=names.mark,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    await consumer.start()

    async def decide_all(events: EventProducer) -> None:
        state: dict[str, Any] = {}
        async for record in consumer:
            envelope = registry().decode(record.value)
            came.append(envelope)
            key = record.key.decode()
            for event in decide(state.get(key), envelope.event):
                state[key] = evolve(state.get(key), event)
                await events.send(names.events, key, event, cause=envelope.meta)

    async with producer(names, "decider") as events:
        task = asyncio.create_task(decide_all(events))
        try:
            yield came
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await consumer.stop()


@asynccontextmanager
async def viewing(names: Names, *views: str) -> AsyncIterator[RedisStore]:
    """The view writer, with the outcomes."""
    store = RedisStore(names.redis, prefix=names.mark)
    async with KafkaDeadLetters(names.kafka) as letters:
        writer = ViewWriter(
            names.kafka,
            store,
            [names.view(name) for name in ("outcomes", *views)],
            registry(),
            dead_letters=letters,
            group=names.mark,
        )
        task = asyncio.create_task(writer.run())
        try:
            yield store
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await store.close()


@asynccontextmanager
async def gateway(names: Names, *more: Any, **options: Any) -> AsyncIterator[Client]:
    """A gateway, from its start to its end."""
    store = RedisStore(names.redis, prefix=names.mark)
    watch = RedisWatch(store)
    memory = RedisMemory(names.redis, prefix=names.mark)
    log = Log(names.kafka, registry(), lambda _: PARTITIONS)
    feeds = Feeds(names.kafka, registry(), log)
    clock, views = SystemClock(), ViewReader({"redis": store})
    async with producer(names) as events:
        sender = Sender(events)
        app = make_app(
            views,
            clock=clock,
            places=Places(),
            folder=Path(),
            tokens=FakeTokens(),
            asking=Commands(sender, watch, views, memory, log, clock),
            following=Events(
                names.topics,
                log,
                feeds,
                Publishing(names.topics, registry(), sender, memory, log, clock),
            ),
            more=more,
            **options,
        )
        try:
            async with TestClient(TestServer(app)) as client:
                yield client
        finally:
            await feeds.close()
            for each in (log, memory, store):
                await each.close()

"""The platform behind a measured gateway, each role in a process of its own, on topics of its own.

python -m benchmarks._gateway.platform worker|views|gateway KAFKA REDIS_URL PREFIX
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop
from aiohttp import web
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.social.agent import decide_follows
from api.app import make_app, make_runner
from api.commands import Commands
from api.places import Places
from api.sender import Sender
from infra.clock import SystemClock
from infra.dead_letters import KafkaDeadLetters
from infra.kafka import EventProducer
from infra.local.ports import free_ports
from infra.observability import logs
from infra.streaming import App, run
from infra.streaming import make_app as make_worker
from schemas.registry import registry
from sinks.reader import ViewReader
from sinks.stores.redis import RedisStore
from sinks.view import View
from sinks.views import VIEWS
from sinks.watch import RedisWatch
from sinks.writer import ViewWriter
from tests.functional.gateway_fakes import FakeTokens, MemoryRequests

PARTITIONS: Final = 4
TOPICS: Final = ("social-commands", "social-events")
VIEWED: Final = ("outcomes", "follows", "follower-counts")


class Prefixed:
    """A producer whose topics are those of the benchmark."""

    def __init__(self, producer: EventProducer, prefix: str) -> None:
        self._producer = producer
        self._prefix = prefix

    async def post(self, topic: str, key: str, event: Any, **more: Any) -> Any:
        """As `EventProducer.post`."""
        return await self._producer.post(f"{self._prefix}-{topic}", key, event, **more)


@asynccontextmanager
async def topics(kafka: str, prefix: str) -> AsyncIterator[None]:
    """The topics, for as long as it is entered."""
    names = [f"{prefix}-{topic}" for topic in TOPICS]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(name, PARTITIONS, 1) for each in names for name in (each, f"{each}-dlq")]
        )
        yield
    finally:
        found = await admin.list_topics()
        await admin.delete_topics([name for name in found if name.startswith(prefix)])
        await admin.close()


def worker(kafka: str, _redis: str, prefix: str) -> None:
    """Decides follows, with the run loop and its journal as the roles have them."""
    logs.configure("worker", level=30)
    run(lambda: deciding(kafka, prefix))


def deciding(kafka: str, prefix: str) -> App:
    """Decides follows."""
    app = make_worker(
        f"{prefix}-worker",
        bootstrap=kafka,
        codec=registry(),
        partitions=lambda _: PARTITIONS,
        dead_letter_topic=lambda topic: f"{topic}-dlq",
        data_dir=Path(tempfile.mkdtemp(prefix="millrace-bench-")),
        web_port=free_ports(1)[0],
    )
    follows = app.Table("follow-by-channel-and-user", value_type=int)
    counts = app.Table("followers-by-channel", value_type=int)
    app.add_agent(
        "decide-follows",
        source=f"{prefix}-social-commands",
        sink=f"{prefix}-social-events",
        handler=partial(decide_follows, follows=follows, counts=counts),
    )
    return app


async def views(kafka: str, redis: str, prefix: str) -> None:
    """Writes the views of follows that are kept in Redis, and the outcomes."""
    logs.configure("views", level=30)
    store = RedisStore(redis, prefix=prefix)
    async with KafkaDeadLetters(kafka) as letters:
        shown = [_view(VIEWS[name], prefix) for name in VIEWED if VIEWS[name].store == "redis"]
        await ViewWriter(
            kafka, store, shown, registry(), dead_letters=letters, group=f"{prefix}-views"
        ).run()


async def gateway(kafka: str, redis: str, prefix: str) -> None:
    """Answers until standard input ends."""
    logs.configure("gateway")
    store, clock = RedisStore(redis, prefix=prefix), SystemClock()
    reader: Any = ViewReader({"redis": store})
    finder: Any = None
    async with EventProducer(
        kafka, registry(), role="gateway", partitions=lambda _: PARTITIONS
    ) as producer:
        sender = Sender(Prefixed(producer, prefix))
        app = make_app(
            reader,
            clock=clock,
            places=Places(),
            folder=Path(),
            tokens=FakeTokens(),
            asking=Commands(sender, RedisWatch(store), reader, MemoryRequests(), finder, clock),
        )
        runner = make_runner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(json.dumps({"port": runner.addresses[0][1], "token": ""}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()
        await store.close()


def _view(view: View, prefix: str) -> View:
    mine = tuple(f"{prefix}-{topic}" for topic in view.topics if topic in TOPICS)
    return msgspec.structs.replace(view, topics=mine)


if __name__ == "__main__":
    role, *arguments = sys.argv[1:]
    if role == "worker":
        worker(*arguments)
    roles: dict[str, Callable[..., Any]] = {"views": views, "gateway": gateway}
    uvloop.run(roles[role](*arguments))

"""The workers and all views in memory: what a gateway asks is decided, and shown."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from pydantic import SecretStr

from api.app import make_app
from api.commands import Commands
from api.places import Places
from api.sender import Sender
from infra.clock import Clock, ManualClock
from infra.errors import Unavailable
from infra.kafka import Delivery, partition_of
from infra.names import id_of
from infra.record import Envelope, Meta, Record
from infra.sealing import MasterKeys
from infra.streaming.testing import Delivered, TestWorker
from schemas.records.accounts import RegisterUser
from schemas.records.broadcast import OpenSession, StreamEnded, StreamStarted
from schemas.registry import registry
from sinks.reader import ViewReader
from sinks.retention import FOR_GOOD, Lifetimes
from sinks.rows import Key
from sinks.store import Page
from sinks.stores.keys import key_of_text, key_text
from sinks.stores.memory import MemoryStore
from sinks.view import View, changes
from sinks.views import VIEWS
from tests.functional.gateway_fakes import AtOnce, FakeTokens, MemoryRequests
from tests.functional.workers import PARTITIONS, chat_app, platform_app


class OrderedStore(MemoryStore):
    """Scans in the order that the view declares. It may fail to answer."""

    def __init__(self, clock: Clock, lifetimes: Lifetimes) -> None:
        super().__init__(clock, lifetimes=lifetimes)
        self.failure: Exception | None = None

    @property
    def stands(self) -> bool:
        return self.failure is None

    async def get(self, view: View, generation: str, key: Key) -> Mapping[str, Any] | None:
        if self.failure:
            raise self.failure
        return await super().get(view, generation, key)

    async def scan(
        self,
        view: View,
        generation: str,
        limit: int,
        cursor: str | None = None,
        within: str | None = None,
    ) -> Page:
        if self.failure:
            raise self.failure
        rows = self._rows(view, generation)

        def place(key: Key) -> list[Any]:
            return [
                -value if name in view.newest_first else value
                for name, value in zip(view.key, key, strict=True)
            ]

        keys = [key for key, row in rows.items() if row.cells and within in (None, key[0])]
        if cursor is not None:
            after = place(key_of_text(view, cursor))
            keys = [key for key in keys if place(key) > after]
        page = sorted(keys, key=place)[:limit]
        more = key_text(page[-1]) if len(keys) > limit else None
        return Page([(key, rows[key].columns or {}) for key in page], more)


class Platform:
    """What stands behind a gateway."""

    def __init__(self, lifetimes: Lifetimes = FOR_GOOD) -> None:
        self.clock = ManualClock()
        self.store = OrderedStore(self.clock, lifetimes)
        self.views = ViewReader({"redis": self.store, "cassandra": self.store}, self.clock)
        self.said: list[Record] = []
        """What the gateway wrote, in order."""
        self.asked: list[bytes] = []
        """The same, as it lies on the log."""
        self.away = False
        """Whether nothing can be written."""
        self.workers: list[TestWorker] = []
        self._sequences: Counter[tuple[str, int]] = Counter()
        self._versions: Counter[str] = Counter()
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self.store.setup(list(VIEWS.values()))
        self.worker = await self._open.enter_async_context(TestWorker(platform_app))
        chats = await self._open.enter_async_context(TestWorker(partial(chat_app, self.clock)))
        self.workers += [self.worker, chats]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    def gateway(self, **more: Any) -> web.Application:
        """A gateway of it; `more` of what a gateway may offer."""
        views: Any = self.views
        log: Any = self
        watch: Any = AtOnce(views)
        return make_app(
            views,
            clock=self.clock,
            places=Places(origin_url="http://media.test"),
            folder=Path(),
            tokens=FakeTokens(),
            master=MasterKeys(SecretStr("A" * 43)),
            asking=Commands(Sender(log), watch, views, MemoryRequests(), log, self.clock),
            **more,
        )

    async def post(
        self, topic: str, key: str, event: Record, *, event_id: str | None = None
    ) -> "asyncio.Future[Delivery]":
        """Decide a command at once, and show what came of it; show an event. Raises Unavailable."""
        if self.away:
            raise Unavailable("Kafka is away")
        where = partition_of(key.encode(), PARTITIONS)
        meta = Meta(
            event_id=event_id or str(uuid.uuid4()),
            occurred_at=self.clock.now(),
            producer="gateway",
            sequence=self._sequences[topic, where],
            correlation_id=event_id,
        )
        self._sequences[topic, where] += 1
        value = registry().encode(meta, event)
        self.said.append(event)
        self.asked.append(value)
        every: list[Delivered] = []
        readers = [each for each in self.workers if topic in each.app.agents_by_source]
        for worker in readers:
            every += await worker.put_raw(topic, key.encode(), value, partition=where)
        if not readers or topic.endswith("-events"):
            await self._apply(topic, Envelope(meta, event))
        for output in every:
            await self._show(output)
            for worker in self.workers:
                if output.topic in worker.app.agents_by_source:
                    every += await worker.relay(output)
        future: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        future.set_result(Delivery(meta.event_id, topic, where, meta.sequence))
        return future

    async def find(
        self, topic: str, key: str, ids: Collection[str], since: int
    ) -> Mapping[str, Delivery]:
        return {}

    async def sign_up(self, login: str, display_name: str = "") -> str:
        """A user with a channel; their id."""
        user = id_of(login)
        key = f"{user}.{'0' * 16}"
        await self.post(
            "account-commands",
            user,
            RegisterUser(
                user_id=user,
                login=login,
                display_name=display_name or login.title(),
                key_id=key,
                sealed_password=f"s1.{key}.AAAA",
                channel_exists=False,
            ),
        )
        return user

    async def publish(self, channel_id: str, stream_id: str) -> None:
        """Go on air as the broadcast worker decides it."""
        command = OpenSession(channel_id=channel_id, session_id=stream_id)
        await self.post("broadcast-commands", channel_id, command)

    async def go_live(self, channel_id: str, stream_id: str, started_at: int) -> None:
        event = StreamStarted(
            channel_id=channel_id, stream_id=stream_id, session_id="s", started_at=started_at
        )
        await self.tell("broadcast-events", event)

    async def go_offline(self, channel_id: str, stream_id: str, started_at: int) -> None:
        event = StreamEnded(
            channel_id=channel_id,
            stream_id=stream_id,
            reason="publisher_left",
            started_at=started_at,
            interruptions=0,
        )
        await self.tell("broadcast-events", event)

    async def tell(self, topic: str, event: Record) -> None:
        """Show an event of another worker's."""
        meta = Meta(
            event_id=str(uuid.uuid4()), occurred_at=self.clock.now(), producer="o", sequence=0
        )
        await self._apply(topic, Envelope(meta, event))

    async def _show(self, output: Delivered) -> None:
        assert output.meta is not None, output.headers
        await self._apply(output.topic, Envelope(output.meta, output.event))

    async def _apply(self, topic: str, message: Envelope) -> None:
        self._versions[topic] += 1
        for view in VIEWS.values():
            if topic in view.topics:
                found = changes(view, message, self._versions[topic])
                await self.store.apply(view, "first", found, {}, live=True)

"""A platform in memory that decides about subscriptions, and gateways that share its log."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from typing import Any, Self

import msgspec
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from api.app import make_runner
from api.commands import Commands
from api.cursor import Cursor
from api.eventsub.messages import DELIVERIES
from api.eventsub.naming import Names
from api.eventsub.sockets import Sockets
from api.eventsub.subscriptions import Offer
from api.feed import Wanted, taken
from api.log import Entry, Piece, Span, Told
from api.sender import Sender
from infra.sealing import MasterKeys
from infra.streaming.testing import Delivered, TestWorker
from schemas.records.access import GrantStarted, TokensIssued
from tests.functional.gateway_fakes import AtOnce, MemoryPresence, MemoryRequests, bearer
from tests.functional.platform import Platform
from tests.functional.workers import PARTITIONS, worker_app

Client = TestClient[web.Request, web.Application]
MASTER = MasterKeys(SecretStr("A" * 43))


class Deliveries:
    """The topic of deliveries: feeds and pages in one."""

    def __init__(self) -> None:
        self.kept: list[list[Entry]] = [[] for _ in range(PARTITIONS)]
        self.changed = asyncio.Condition()

    async def add(self, output: Delivered) -> None:
        assert output.meta is not None
        kept = self.kept[output.partition]
        told = Told(
            *(output.topic, output.partition, len(kept), output.key),
            *(output.event.FULL_NAME, output.meta, output.event),
        )
        text = msgspec.json.encode(told)
        kept.append(Entry(told.partition, told.offset, 0, told.key, told.type, told.meta, text))
        async with self.changed:
            self.changed.notify_all()

    def partitions(self, topic: str) -> int:
        return PARTITIONS

    async def span(self, topic: str) -> Span:
        return Span([0] * PARTITIONS, [len(kept) for kept in self.kept])

    async def page(
        self, topic: str, starts: Mapping[int, int], ends: Sequence[int]
    ) -> AsyncGenerator[Piece, None]:
        for partition, start in starts.items():
            await asyncio.sleep(0)
            yield Piece(partition, ends[partition], self.kept[partition][start : ends[partition]])

    async def follow(
        self, cursor: Cursor, principal: str, wanted: Wanted, **_: Any
    ) -> AsyncGenerator[list[tuple[Entry, str]], None]:
        yield []
        while True:
            async with self.changed:
                news = self._news(cursor)
                if not news:
                    await self.changed.wait()
            if new := taken(cursor, news, wanted):
                yield new

    def _news(self, cursor: Cursor) -> list[Entry]:
        return [
            entry
            for place, kept in zip(cursor.places, self.kept, strict=True)
            for entry in kept[place.offset :]
        ]


class EventPlatform(Platform):
    """The platform, with the worker that decides about subscriptions."""

    def __init__(self) -> None:
        super().__init__()
        self.deliveries = Deliveries()
        self.presence = MemoryPresence()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        worker = TestWorker(lambda: worker_app("eventsub"))
        self.workers.append(await self._open.enter_async_context(worker))
        return self

    async def _show(self, output: Delivered) -> None:
        await super()._show(output)
        if output.topic == DELIVERIES:
            await self.deliveries.add(output)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Client]:
        """A client of a gateway."""
        sockets = self._sockets(2.0)
        async with sockets.running():
            app = self.gateway(eventsub=Offer(sockets, MASTER))
            async with TestClient(TestServer(app)) as client:
                client.sockets = sockets  # type: ignore[attr-defined]
                yield client

    @asynccontextmanager
    async def stopping(
        self, *, drain: float = 5.0
    ) -> AsyncIterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """The address of a gateway that runs as in production, and what stops it."""
        sockets = self._sockets(drain)
        async with sockets.running():
            runner = make_runner(self.gateway(eventsub=Offer(sockets, MASTER)))
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0]
            try:
                yield f"http://{host}:{port}", runner.cleanup
            finally:
                await runner.cleanup()

    def _sockets(self, drain: float) -> Sockets:
        log: Any = self
        views: Any = self.views
        deliveries: Any = self.deliveries
        sender = Sender(log)
        commands = Commands(sender, AtOnce(views), views, MemoryRequests(), log, self.clock)
        return Sockets(
            *(deliveries, deliveries, Names(views), sender, commands, self.presence),
            *(MASTER, self.clock),
            drain=drain,
        )

    async def consent(self, user_id: str, client_id: str, *scopes: str) -> None:
        """A user gives an application access."""
        grant = f"{user_id}-{client_id}"
        started = GrantStarted(
            subject_id=user_id,
            grant_id=grant,
            client_id=client_id,
            user_id=user_id,
            flow="authorization_code",
            scopes=list(scopes),
        )
        issued = TokensIssued(
            subject_id=user_id,
            grant_id=grant,
            client_id=client_id,
            user_id=user_id,
            scopes=list(scopes),
            token_id="t",
            access_expires_at=1,
        )
        for event in (started, issued):
            await self.post("access-events", user_id, event)


def asked(channel_id: str, kind: str = "stream.online", **more: Any) -> dict[str, Any]:
    """The body of a request for a webhook."""
    return {
        "type": kind,
        "version": "1",
        "condition": {"broadcaster_user_id": channel_id},
        "transport": {
            "method": "webhook",
            "callback": "https://hook.example/",
            "secret": "correct horse",
        },
    } | more


def over(session_id: str) -> dict[str, str]:
    return {"method": "websocket", "session_id": session_id}


APP = bearer()


def user(user_id: str, *scopes: str) -> dict[str, str]:
    """Headers with the token of a user."""
    return bearer(*scopes, client=f"test/{user_id}")


async def heard(socket: ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next message, which must be of a kind."""
    message = await socket.receive(timeout=10)
    assert message.type is WSMsgType.TEXT, message
    found: dict[str, Any] = message.json()
    assert found["metadata"]["message_type"] == kind, found
    return found

"""One WebSocket session: what its client is told, in order, until either side has enough."""

import asyncio
import contextlib
from collections import deque
from typing import Any, Final

import msgspec
from aiohttp import ClientConnectionResetError, WSMsgType, web

from api.eventsub.messages import (
    NOTIFICATION,
    REVOCATION,
    Session,
    session_message,
    socket_message,
)
from api.eventsub.naming import Names
from api.log import Entry
from infra.clock import Clock
from infra.errors import Unavailable
from schemas.eventsub_fields import timestamp
from schemas.records.eventsub import DeliveryRequested

UNUSED_SECONDS: Final = 10.0
"""From the welcome to the first subscription."""
WAITING: Final = 1000
"""Messages that a client may be behind."""
SEND_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 0.5


class Ended(Exception):
    """The session is over: close code, reason, and what its subscriptions become."""

    def __init__(self, code: int, reason: str, status: str) -> None:
        super().__init__(reason)
        self.code, self.reason, self.status = code, reason, status


LEFT: Final = "websocket_disconnected"
UNUSED = Ended(4003, "connection unused", "websocket_connection_unused")
INBOUND = Ended(4001, "client sent inbound traffic", "websocket_received_inbound_traffic")
SLOW = Ended(4005, "network timeout", "websocket_network_timeout")
BROKEN = Ended(4000, "internal server error", "websocket_internal_error")
NOT_MOVED = Ended(4004, "reconnect grace time expired", "websocket_failed_to_reconnect")


class Held(msgspec.Struct, frozen=True):
    """What a session takes along to its next connection."""

    id: str
    generation: int
    """How often it went over to another connection."""
    connected_at: str
    keepalive: int
    client_id: str = ""
    user_id: str = ""
    """Whose it is since its first subscription."""


class SocketSession:
    """A session on one connection."""

    def __init__(
        self, held: Held, socket: web.WebSocketResponse, names: Names, clock: Clock, base: str
    ) -> None:
        """`base`: where its client reached the gateway, as a WebSocket's address."""
        self.held = held
        self.base = base
        self.used = False
        """Whether it ever had a subscription."""
        self.costs: dict[str, int] = {}
        """Cost of its subscriptions by id, as far as this gateway heard of them."""
        self.catching_up: list[Entry] | None = None
        """What is heard while what came before is still being read."""
        self.moving = False
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._socket = socket
        self._names = names
        self._clock = clock
        self._waiting: deque[DeliveryRequested | str] = deque()
        self._news = asyncio.Event()

    def hear(self, delivery: DeliveryRequested) -> None:
        """Take a message that is for this session."""
        name = delivery.subscription_id
        if delivery.kind in (NOTIFICATION, REVOCATION):
            self._put(delivery)
        if delivery.kind in (REVOCATION, "deleted"):
            self.costs.pop(name, None)
        elif delivery.kind == "created":
            self.subscribed(name, delivery.cost)

    def subscribed(self, subscription_id: str, cost: int) -> None:
        """It has a subscription."""
        self.used = True
        self.costs[subscription_id] = cost

    def move(self, url: str) -> None:
        """Ask the client to come to another connection; nothing is told on this one any more."""
        self.moving = True
        session = Session(self.held.id, "reconnecting", self.held.connected_at, None, url)
        self._put(session_message("session_reconnect", self._clock.now(), session))

    def end(self, why: Ended) -> None:
        """Let the connection be closed."""
        if not self.ended.done():
            self.ended.set_result(why)

    async def run(self) -> Ended | None:
        """Talk to the client until the session is over; None if the client left."""
        tasks = [
            asyncio.create_task(each) for each in (self._write(), self._read(), self._unused())
        ]
        try:
            waiting: list[asyncio.Future[Any]] = [*tasks, self.ended]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
            return self.ended.result() if self.ended.done() else None
        except Ended as why:
            return why
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def welcome(self) -> None:
        """Say who we are. Before anything else is sent."""
        held = self.held
        session = Session(held.id, "connected", held.connected_at, held.keepalive)
        await self._send(session_message("session_welcome", self._clock.now(), session))

    def _put(self, message: DeliveryRequested | str) -> None:
        if len(self._waiting) >= WAITING:
            self.end(SLOW)
            return
        self._waiting.append(message)
        self._news.set()

    async def _write(self) -> None:
        """Send what waits, and a sign of life where nothing does."""
        while True:
            try:
                await asyncio.wait_for(self._news.wait(), self.held.keepalive * 0.9)
            except TimeoutError:
                await self._send(session_message("session_keepalive", self._clock.now()))
                continue
            self._news.clear()
            while self._waiting:
                await self._send(await self._text(self._waiting[0]))
                self._waiting.popleft()

    async def _text(self, message: DeliveryRequested | str) -> str:
        if isinstance(message, str):
            return message
        while True:
            try:
                event = await self._names.completed(message.data) if message.data else None
                return socket_message(message, event, self._clock.now())
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)

    async def _send(self, text: str) -> None:
        try:
            await asyncio.wait_for(self._socket.send_str(text), SEND_SECONDS)
        except TimeoutError as slow:
            raise SLOW from slow
        except (ClientConnectionResetError, ConnectionError):
            with contextlib.suppress(asyncio.CancelledError):
                self.end(Ended(1000, "", LEFT))

    async def _read(self) -> None:
        """A client says nothing; pings are answered, and pongs taken, by aiohttp."""
        async for message in self._socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                raise INBOUND

    async def _unused(self) -> None:
        await asyncio.sleep(UNUSED_SECONDS)
        if not self.used:
            raise UNUSED
        await asyncio.Event().wait()


def connected(session_id: str, now: int, keepalive: int) -> Held:
    """A new session."""
    return Held(session_id, 0, timestamp(now), keepalive)

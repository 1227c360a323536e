"""The WebSocket sessions of this gateway: one reader of the log tells them all.

A session goes over to another connection, perhaps at another gateway, by a sealed address: it
holds who the session is, and its place on the log. From there the next connection goes on, and
the one before tells nothing more: nothing is lost, and nothing comes twice.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import msgspec
import structlog
from aiohttp import web
from prometheus_client import Counter, Gauge

from api.access import public
from api.commands import Commands, uuid7
from api.deadline import give
from api.errors import TooMany
from api.eventsub.leases import Leases
from api.eventsub.listening import Listening, delivery_of
from api.eventsub.moving import Moving
from api.eventsub.naming import Names
from api.eventsub.presence import Presence
from api.eventsub.session import (
    BROKEN,
    LEFT,
    NOT_MOVED,
    Ended,
    SocketSession,
    connected,
)
from api.feed import Feeds
from api.log import Entry, Log
from api.places import host_of
from api.routes import Route
from api.sender import Sender
from infra.clock import Clock
from infra.errors import InvalidRecord, MillraceError, Unavailable
from infra.sealing import MasterKeys
from schemas.records.eventsub import DeliveryRequested, SubscriptionCreated

log = structlog.get_logger()

SESSIONS: Final = 5000
"""Sessions of one gateway."""
SESSIONS_EACH: Final = 3
"""Sessions with subscriptions of one user under one application."""
IN_A_SESSION: Final = 300
KEEPALIVE: Final = (10, 600)
"""Seconds of silence that a client may choose."""
CLOSE_SECONDS: Final = 1.0
"""For a client to say goodbye as well; a gateway that stops waits no longer."""
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_SESSIONS = Gauge("millrace_eventsub_sessions", "WebSocket sessions.")
_TOLD = Counter("millrace_eventsub_socket_messages_total", "Messages for WebSocket sessions.")
_ENDED = Counter("millrace_eventsub_sessions_ended_total", "Sessions that ended.", ["code"])


class Totals(msgspec.Struct, frozen=True):
    """What a session has; what an application has, as a row of `eventsub-totals`."""

    subscriptions: int = 0
    cost: int = 0


class Sockets:
    """All sessions of this gateway."""

    def __init__(
        self,
        feeds: Feeds,
        reading: Log,
        names: Names,
        sender: Sender,
        commands: Commands,
        presence: Presence,
        master: MasterKeys,
        clock: Clock,
        *,
        url: str = "",
        drain: float = 5.0,
    ) -> None:
        """`url`: where clients reach the gateway; empty: as they did.

        `drain`: seconds for clients to go over to another gateway when this one stops.
        """
        self._listening = Listening(feeds, reading)
        self._names = names
        self._leases = Leases(sender, presence, clock)
        self._moving = Moving(commands, master, clock)
        self._clock = clock
        self._url = url
        self._drain = drain
        self._sessions: dict[str, SocketSession] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._saying: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._empty = asyncio.Event()
        """Set once the last session has gone over."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hear the log, and keep the sessions, for as long as the context is open."""
        self._tasks = [
            asyncio.create_task(self._listening.follow(self._hear)),
            asyncio.create_task(self._leases.keep(self._sessions)),
        ]
        for task in self._tasks:
            task.add_done_callback(self._broke)
        try:
            yield
        finally:
            await self._stop_tasks()
            await asyncio.gather(*self._saying, return_exceptions=True)

    async def totals(self, session_id: str, client_id: str, user_id: str) -> Totals:
        """What a session has, before it gets one more. Of one at another gateway: nothing.

        Raises InvalidRecord for a session that there is not, or that is somebody else's, TooMany.
        """
        if not _UUID.fullmatch(session_id):
            raise InvalidRecord("transport.session_id: there is no such session")
        session = self._sessions.get(session_id)
        if session is None:
            if not await self._leases.is_here(session_id):
                raise InvalidRecord("transport.session_id: there is no such session")
            return Totals()
        owner = (session.held.client_id, session.held.user_id)
        if owner not in (("", ""), (client_id, user_id)):
            raise InvalidRecord("transport.session_id: the session is another user's")
        theirs = sum(
            (each.held.client_id, each.held.user_id) == (client_id, user_id)
            for each in self._sessions.values()
        )
        if len(session.costs) >= IN_A_SESSION:
            raise TooMany(f"a session has {IN_A_SESSION} subscriptions at most", 60)
        if owner == ("", "") and theirs >= SESSIONS_EACH:
            raise TooMany(f"a user has {SESSIONS_EACH} sessions at most", 60)
        return Totals(len(session.costs), sum(session.costs.values()))

    def subscribed(self, made: SubscriptionCreated) -> None:
        """A session has one more subscription: its owner is known from now on."""
        session = self._sessions.get(made.session_id or "")
        if session is not None:
            session.subscribed(made.subscription_id, made.cost)
            session.held = msgspec.structs.replace(
                session.held, client_id=made.client_id, user_id=made.user_id or ""
            )

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A client's connection, from the handshake on. Raises Unavailable before it."""
        if len(self._sessions) >= SESSIONS or self._stopping:
            raise Unavailable("no more sessions are taken here")
        if not self._listening.hears.is_set():
            raise Unavailable("deliveries are not heard yet")
        host_of(request)  # turned away unless it is a plain one: it goes into addresses
        base = self._url or f"{request.scheme}://{request.host}"
        give(None)
        socket = web.WebSocketResponse(
            timeout=CLOSE_SECONDS, heartbeat=30, max_msg_size=4096, compress=False
        )
        await socket.prepare(request)
        session, why = None, None
        try:
            session = await self._open(socket, request, base.replace("http", "ws", 1))
            _SESSIONS.set(len(self._sessions))
            why = await session.run()
        except Ended as ended:
            why = ended
        except MillraceError as error:
            log.warning("a session could not go on", error=str(error))
            why = BROKEN
        finally:  # also where the client's leaving cancels this
            if session is not None:
                self._left(session, why)
        if why is not None and why.code >= 4000:
            await socket.close(code=why.code, message=why.reason.encode())
        return socket

    def _left(self, session: SocketSession, why: Ended | None) -> None:
        """A connection is over; its session as well, unless another connection has it."""
        _ENDED.labels(why.code if why else 1000).inc()
        if self._sessions.get(session.held.id) is session:
            del self._sessions[session.held.id]
        _SESSIONS.set(len(self._sessions))
        if not self._sessions and self._stopping:
            self._empty.set()
        if not session.moving:
            task = asyncio.create_task(self._leases.end(session, why.status if why else LEFT))
            self._saying.add(task)
            task.add_done_callback(self._saying.discard)

    async def move_all(self) -> None:
        """Ask all clients to come to other connections, and wait for them to leave."""
        if not self._sessions:
            return
        self._stopping = True
        await self._stop_tasks()
        place = self._listening.place
        for session in self._sessions.values():
            if place is None or session.catching_up is not None:
                session.end(NOT_MOVED)  # its place is not the one that all others have
                continue
            token = self._moving.token(session.held, place)
            session.move(f"{session.base}/ws?reconnect={token}")
        log.info("sessions go over to other connections", count=len(self._sessions))
        try:
            async with asyncio.timeout(self._drain):
                await self._empty.wait()
        except TimeoutError:
            for session in self._sessions.values():
                session.end(NOT_MOVED)

    def _broke(self, task: "asyncio.Task[None]") -> None:
        """Nobody stays with a gateway that does not hear the log any more: that is our fault."""
        if task.cancelled() or task.exception() is None:
            return
        log.error("sessions are not told any more", error=repr(task.exception()))
        self._listening.hears.clear()
        for session in self._sessions.values():
            session.end(BROKEN)

    async def _stop_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _open(
        self, socket: web.WebSocketResponse, request: web.Request, base: str
    ) -> SocketSession:
        """A new session, or one that comes from another connection. Raises Ended."""
        token, now = request.query.get("reconnect"), self._clock.now()
        if token is None:
            held = connected(str(uuid7(now)), now, _keepalive(request))
            session = SocketSession(held, socket, self._names, self._clock, base)
            await self._begin(session)
            return session
        moved = await self._moving.take(token)
        session = SocketSession(moved.held, socket, self._names, self._clock, base)
        session.used, session.catching_up = True, []
        await self._begin(session)
        mine = partial(_tell, session)
        await self._listening.again(moved.place, session.catching_up, mine)
        session.catching_up = None
        return session

    async def _begin(self, session: SocketSession) -> None:
        self._sessions[session.held.id] = session
        await self._leases.begin(session)
        await session.welcome()

    def _hear(self, entry: Entry) -> None:
        delivery = delivery_of(entry)
        session = self._sessions.get(delivery.session_id or "")
        if session is None:
            return
        _TOLD.inc()
        if session.catching_up is not None:
            session.catching_up.append(entry)
        else:
            session.hear(delivery)


SOCKETS: web.AppKey[Sockets] = web.AppKey("eventsub-sockets", Sockets)


async def connect(request: web.Request) -> web.StreamResponse:
    """GET /ws: EventSub over WebSocket."""
    return await request.app[SOCKETS].serve(request)


ROUTES: Final = (Route("GET", "/ws", connect, public),)


def _tell(session: SocketSession, delivery: DeliveryRequested) -> None:
    if delivery.session_id == session.held.id:
        session.hear(delivery)


def _keepalive(request: web.Request) -> int:
    """The silence that the client chose; the nearest that there is."""
    low, high = KEEPALIVE
    text = request.query.get("keepalive_timeout_seconds", "")
    if not (text.isascii() and text.isdigit()):
        return low
    return max(low, min(high, int(text[:4])))

"""A chat edge: its connections, their sessions, and what goes on meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

import structlog
from prometheus_client import Gauge

from api.chat.addresses import Addresses
from api.chat.desk import Desk
from api.chat.dialect import Client, Failure
from api.chat.json_client import JsonClient
from api.chat.presence import SAY_SECONDS
from api.chat.session import Session
from api.chat.sockets import Connection, Refusal, Upgrade
from infra.errors import MillraceError

log = structlog.get_logger()

PATH: Final = "/chat"
"""Where JSON is spoken."""
_TICK: Final = 1.0
_SHARES: Final = int(SAY_SECONDS / _TICK)
"""Each session is looked at in one of so many ticks."""
_SWEEP_TICKS: Final = 15

_CONNECTIONS = Gauge("millrace_chat_edge_connections", "Connections.", ["dialect"])


class WebClient(Client, Protocol):
    """A client at the end of a WebSocket."""

    session: Session

    def heard(self, text: str) -> None:
        """A message came."""
        ...


Front = Callable[[Connection, Callable[[Client], Session]], WebClient]
"""Makes the client of a connection; the function that it is given makes a client's session."""


class Edge:
    """All sessions. For protocols that are not over WebSocket as well: see `open` and `ended`."""

    def __init__(self, desk: Callable[[Callable[[], None]], Desk]) -> None:
        """`desk` is called with what tells everybody that nothing is heard (see `Channels`)."""
        self.desk = desk(self._say_away)
        self._sessions: dict[Session, int] = {}
        """And in which tick each is looked at."""
        self._tick = 0
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, client: Client) -> Session:
        """The session of a new connection."""
        session = Session(self.desk, client)
        self._sessions[session] = self._tick % _SHARES
        _CONNECTIONS.labels(client.dialect.name).inc()
        return session

    def ended(self, session: Session) -> None:
        """Its connection is gone."""
        if self._sessions.pop(session, None) is not None:
            _CONNECTIONS.labels(session.client.dialect.name).dec()
            session.end()

    def _say_away(self) -> None:
        for session in self._sessions:
            if session.seats:
                session.client.failed(
                    Failure("chat-away", "Chat is not heard at the moment. It goes on by itself.")
                )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep everything up to date for as long as the context is open."""
        parts = (self.desk.channels.run(), self.desk.speaking.run(), self._run())
        tasks = [asyncio.create_task(part) for part in parts]
        for task in tasks:
            task.add_done_callback(self._part_ended)
        try:
            yield
        finally:
            await self.desk.speaking.drain()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def until_broken(self) -> None:
        """Wait for ever, or raise what a part of the edge has failed with."""
        await self._broken

    def _part_ended(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._broken.done():
            self._broken.set_exception(error)

    def say_goodbye(self, over: float) -> None:
        """Ask all clients to come again, spread over so many seconds."""
        for session in self._sessions:
            session.client.reconnect(random.randrange(int(over * 1000) + 1))  # noqa: S311

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._tick += 1
            due = [each for each, at in self._sessions.items() if at == self._tick % _SHARES]
            await _tried("sessions were not looked at", self._look_at(due))
            await _tried("who is here is not told", self.desk.presence.say())
            if self._tick % _SWEEP_TICKS == 0:
                await self.desk.channels.sweep()

    async def _look_at(self, sessions: list[Session]) -> None:
        for session in sessions:
            self._is_here(session)
        for session in sessions:
            await session.look_again()

    def _is_here(self, session: Session) -> None:
        if session.user is not None and session in self._sessions:
            for channel_id in session.seats:
                self.desk.presence.came(channel_id, session.user.user_id, session.user.login)


class Talk:
    """The handler of the edge's WebSockets: whoever comes to a path speaks its protocol."""

    def __init__(
        self, edge: Edge, addresses: Addresses, fronts: Mapping[str, Front] | None = None
    ) -> None:
        """`fronts`: protocols beside JSON, by path."""
        self._edge = edge
        self._addresses = addresses
        self._fronts: dict[str, Front] = {PATH: JsonClient, **(fronts or {})}

    def admit(self, upgrade: Upgrade) -> Refusal | None:
        """Only paths where something is spoken. Pages of any site may come: no cookie counts."""
        if upgrade.path not in self._fronts:
            return Refusal(404, f"chat is at {PATH}")
        return self._addresses.refusal(self._addresses.asking(upgrade))

    def on_open(self, connection: Connection) -> None:
        """See api.chat.sockets.Handler."""
        self._addresses.came(self._addresses.asking(connection.upgrade))
        make = self._fronts[connection.upgrade.path]
        connection.session = make(connection, self._edge.open)

    def on_text(self, connection: Connection, text: str) -> None:
        """See api.chat.sockets.Handler."""
        connection.session.heard(text)

    def on_lagging(self, connection: Connection) -> None:
        """See api.chat.sockets.Handler."""
        connection.session.session.lagging()

    def on_drain(self, connection: Connection) -> None:
        """See api.chat.sockets.Handler."""
        connection.session.session.drained()

    def on_close(self, connection: Connection, code: int) -> None:
        """See api.chat.sockets.Handler."""
        self._addresses.went(self._addresses.asking(connection.upgrade))
        if connection.session is not None:
            self._edge.ended(connection.session.session)


async def _tried(what: str, doing: Coroutine[Any, Any, None]) -> None:
    """What fails now is done again next time."""
    try:
        await doing
    except MillraceError as error:
        log.warning(what, error=str(error))

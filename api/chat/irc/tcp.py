"""IRC over TCP: lines, as clients have spoken it since before there were WebSockets (RFC 1459)."""

import asyncio
import ssl
from typing import Final

import structlog

from api.chat.addresses import Addresses
from api.chat.edge import Edge
from api.chat.irc.client import Irc, IrcClient
from api.chat.irc.lines import LONGEST_REST, LONGEST_TAGS
from api.chat.sockets import Limits, Outlet

log = structlog.get_logger()

REGISTER_SECONDS: Final = 15.0
"""For a client to say who it is, and for us to find out."""
_LONGEST: Final = LONGEST_TAGS + LONGEST_REST + 2
_FULL: Final = b"ERROR :There is no room at the moment: try again in a while\r\n"
_TOO_MANY: Final = b"ERROR :Your address has too many connections\r\n"
_TOO_LONG: Final = b":tmi.twitch.tv 417 * :Input line was too long\r\n"
_BACKLOG: Final = 1_024


class LineConnection(Outlet):
    """A client at the end of a TCP connection."""

    def __init__(self, server: "LineServer") -> None:
        super().__init__(server.limits)
        self._server = server
        self._waiting = b""
        """The beginning of a line."""
        self._client: IrcClient | None = None
        self._due: asyncio.TimerHandle | None = None

    @property
    def open(self) -> bool:
        """Whether it is there, and not about to go."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End it, after what was sent before. TCP has no words for why."""
        self._straight = False  # nothing goes past the transport, which takes nothing more
        if self._transport is not None:
            self._transport.close()

    def say_goodbye(self) -> None:
        """Ask the client to come again, now."""
        if self._client is not None:
            self._client.reconnect(0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        super().connection_made(transport)
        if (refusal := self._server.admit(self)) is not None:
            self.send(refusal)
            self.close()
            return
        self._client = self._server.irc.client(self, self._server.edge.open, frames=False)
        loop = asyncio.get_running_loop()
        self._due = loop.call_later(REGISTER_SECONDS, self._expect_registered)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        lines, newline, self._waiting = (self._waiting + data).rpartition(b"\n")
        if self._client is None or not self.open:
            return
        if newline:
            self._hear(self._client, lines.decode(errors="replace"))
        if len(self._waiting) > _LONGEST:
            self.send(_TOO_LONG)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        super().connection_lost(exc)
        self._server.gone(self)
        if self._due is not None:
            self._due.cancel()
        if self._client is not None:
            self._server.edge.ended(self._client.session)

    def lagging(self) -> None:
        """See Outlet."""
        if self._client is not None:
            self._client.session.lagging()

    def drained(self) -> None:
        """See Outlet."""
        if self._client is not None:
            self._client.session.drained()

    def _hear(self, client: IrcClient, lines: str) -> None:
        """An error of ours ends this connection, and none but this."""
        try:
            client.heard(lines)
        except Exception as error:
            log.error("a line of IRC was not understood as it should", exc_info=error)
            self.close()

    def _expect_registered(self) -> None:
        if self._client is not None and not self._client.welcome:
            self.close()


class LineServer:
    """IRC on as many ports as are listened to."""

    def __init__(self, edge: Edge, irc: Irc, limits: Limits, addresses: Addresses) -> None:
        self.edge = edge
        self.limits = limits
        self.irc = irc
        self._addresses = addresses
        self._servers: list[asyncio.Server] = []
        self._open: dict[LineConnection, str] = {}
        """And under which name its address is counted."""
        self._emptied = asyncio.Event()

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; the port listened to. Raises OSError where it is taken."""
        server = await asyncio.get_running_loop().create_server(
            lambda: LineConnection(self),
            host,
            port,
            backlog=_BACKLOG,
            ssl=tls,
            ssl_handshake_timeout=self.limits.handshake if tls else None,
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def __len__(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def admit(self, connection: LineConnection) -> bytes | None:
        """Count one more; or what it is told if there is no room for it."""
        if len(self.edge) >= self.limits.connections:
            return _FULL
        name = self._addresses.connecting(connection.peer)
        if self._addresses.refusal(name) is not None:
            return _TOO_MANY
        self._addresses.came(name)
        self._open[connection] = name
        return None

    def gone(self, connection: LineConnection) -> None:
        """It is no more."""
        if (name := self._open.pop(connection, None)) is not None:
            self._addresses.went(name)
        self._emptied.set()

    async def close(self, *, over: float = 0.0) -> None:
        """Take no more; end all, spread over so many seconds, and wait for them to be gone."""
        for server in self._servers:
            server.close()
        everyone = list(self._open)
        for connection in everyone:
            connection.say_goodbye()
            connection.close()
            await asyncio.sleep(over / len(everyone))
        loop = asyncio.get_running_loop()
        last = loop.call_later(self.limits.closing, self._cut_off)
        while self._open:
            self._emptied.clear()
            await self._emptied.wait()
        last.cancel()

    def _cut_off(self) -> None:
        for connection in list(self._open):
            connection.abort()

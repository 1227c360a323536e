"""Takes connections, counts them, pings them, and lets them go."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Final

from api.chat.sockets.connection import Connection, Handler
from api.chat.sockets.frames import Code
from api.chat.sockets.handshake import Refusal, Upgrade
from api.chat.sockets.limits import Limits

_BACKLOG: Final = 4_096
_STEP: Final = 0.25
"""Seconds between two looks at deadlines."""


def everybody(upgrade: Upgrade) -> Refusal | None:
    """Admit all."""
    return None


class Server:
    """WebSockets on one port."""

    def __init__(
        self,
        handler: Handler,
        limits: Limits | None = None,
        *,
        admit: Callable[[Upgrade], Refusal | None] = everybody,
        subprotocols: Sequence[str] = (),
        count: Callable[[], int] | None = None,
    ) -> None:
        """`admit` is called for each that there is room for; `subprotocols` are those we speak.

        `count`: connections, where others than those of this server count as well.
        """
        self.handler = handler
        self.limits = limits or Limits()
        self._admit = admit
        self._subprotocols = frozenset(subprotocols)
        self._count = count or self.__len__
        self._servers: asyncio.Server | None = None
        self._open: dict[Connection, int] = {}
        """And in which step of a ping's period each is pinged."""
        self._arrived: dict[Connection, float] = {}
        self._closing: dict[Connection, float] = {}
        """Those two with their deadlines, the nearest first."""
        self._steps = max(1, round(self.limits.ping / _STEP))
        self._due: list[dict[Connection, None]] = [{} for _ in range(self._steps)]
        self._step = 0
        self._timer: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Listen. Raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        self._servers = await loop.create_server(
            lambda: Connection(self), host, port, backlog=_BACKLOG, ssl=tls
        )
        self._timer = loop.call_later(_STEP, self._look, loop)

    @property
    def port(self) -> int:
        """The port listened to."""
        assert self._servers is not None
        return int(self._servers.sockets[0].getsockname()[1])

    def __len__(self) -> int:
        """How many connections are open."""
        return len(self._open)

    async def close(self, code: int = Code.RESTART, *, over: float = 0.0) -> None:
        """Take no more; close all, spread over so many seconds, and wait for them to be gone."""
        if self._servers is not None:
            self._servers.close()
        for connection in list(self._arrived):
            connection.abort()
        everyone = list(self._open)
        pause = over / max(1, len(everyone))
        began = asyncio.get_running_loop().time()
        for number, connection in enumerate(everyone):
            connection.close(code, "the server restarts")
            ahead = began + number * pause - asyncio.get_running_loop().time()
            if ahead > 0:
                await asyncio.sleep(ahead)
        await self._all_gone()
        if self._timer is not None:
            self._timer.cancel()

    async def _all_gone(self) -> None:
        while self._open or self._closing or self._arrived:
            self._empty.clear()
            await self._empty.wait()

    def arrived(self, connection: Connection) -> None:
        """See Doorkeeper."""
        if len(self._arrived) >= self.limits.handshakes:
            next(iter(self._arrived)).abort()
        self._arrived[connection] = _now() + self.limits.handshake

    def opening(self, upgrade: Upgrade) -> tuple[str | None, Refusal | Code | None]:
        """See Doorkeeper."""
        spoken = next((each for each in upgrade.subprotocols if each in self._subprotocols), None)
        if self._count() >= self.limits.connections:
            return spoken, Code.TRY_LATER
        return spoken, self._admit(upgrade)

    def opened(self, connection: Connection) -> None:
        """See Doorkeeper."""
        self._arrived.pop(connection, None)
        self._open[connection] = self._step
        self._due[self._step][connection] = None

    def closing(self, connection: Connection) -> None:
        """See Doorkeeper."""
        self._arrived.pop(connection, None)
        self._forget(connection)
        self._closing[connection] = _now() + self.limits.closing

    def gone(self, connection: Connection) -> None:
        """See Doorkeeper."""
        self._arrived.pop(connection, None)
        self._closing.pop(connection, None)
        self._forget(connection)
        self._empty.set()

    def _forget(self, connection: Connection) -> None:
        step = self._open.pop(connection, None)
        if step is not None:
            del self._due[step][connection]

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ping those whose turn it is; cut off those whose time is up."""
        self._timer = loop.call_later(_STEP, self._look, loop)
        self._step = (self._step + 1) % self._steps
        for connection in list(self._due[self._step]):
            connection.keep_alive()
        now = _now()
        for waiting in (self._arrived, self._closing):
            late = []
            for connection, deadline in waiting.items():
                if deadline > now:
                    break
                late.append(connection)
            for connection in late:
                connection.abort()


def _now() -> float:
    return asyncio.get_running_loop().time()

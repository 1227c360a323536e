"""Waits for rows of a view that expire: Redis says of each write to one, to whoever watches it."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import structlog
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from infra.errors import Unavailable
from sinks.stores.redis import channel
from sinks.views import view_named

log = structlog.get_logger()

PATIENCE: Final = 1.0
"""Seconds for Redis to confirm that a row is watched."""

Answer = TypeVar("Answer")


class _Watched:
    """Those who watch one row."""

    def __init__(self) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.written: set[asyncio.Event] = set()


class RedisWatch:
    """Watches rows over one connection, however many they are.

    A connection that breaks wakes everyone who watches: they look for themselves.
    """

    def __init__(self, url: str, *, prefix: str = "millrace") -> None:
        # One plain connection: a client that reconnects by itself would not say what it missed.
        self._pool: Any = ConnectionPool.from_url(url, socket_connect_timeout=PATIENCE, protocol=2)
        self._prefix = prefix
        self._rows: dict[str, _Watched] = {}
        self._connection: Any = None
        self._connecting = asyncio.Lock()
        self._listening: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Let go of the connection; whoever watches is woken."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    @asynccontextmanager
    async def watching(self, view: str, key: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the row is written, from now on. Raises Unavailable."""
        name = channel(self._prefix, view_named(view), key)
        written = asyncio.Event()
        watched = self._rows.get(name)
        first = watched is None
        if watched is None:
            watched = self._rows[name] = _Watched()
        watched.written.add(written)
        try:
            if first:
                await _patiently(self._send("SUBSCRIBE", name))
            await _patiently(asyncio.shield(watched.ready))
            yield written
        finally:
            watched.written.discard(written)
            if not watched.written and self._rows.get(name) is watched:
                del self._rows[name]
                watched.ready.cancel()
                with contextlib.suppress(Unavailable):
                    await _patiently(self._send("UNSUBSCRIBE", name))

    async def _send(self, command: str, name: str) -> None:
        async with self._connecting:
            if self._listening is None or self._listening.done():
                self._connection = self._pool.make_connection()
                await self._connection.connect()
                self._listening = asyncio.create_task(self._listen(self._connection))
        await self._connection.send_command(command, name, check_health=False)

    async def _listen(self, connection: Any) -> None:
        try:
            while True:
                self._take(await connection.read_response(timeout=math.inf))
        except (RedisError, OSError) as error:
            log.warning("watching rows was interrupted", error=str(error))
        finally:
            rows, self._rows = self._rows, {}
            for watched in rows.values():
                if not watched.ready.done():
                    watched.ready.set_exception(Unavailable("Redis went away"))
                    watched.ready.exception()
                for written in watched.written:
                    written.set()
            await connection.disconnect(nowait=True)

    def _take(self, message: list[Any]) -> None:
        kind, name = message[0], message[1].decode()
        watched = self._rows.get(name)
        if watched is None:
            return
        if kind == b"subscribe" and not watched.ready.done():
            watched.ready.set_result(None)
        if kind == b"message":
            for written in watched.written:
                written.set()


async def _patiently(call: "Coroutine[Any, Any, Answer] | asyncio.Future[Answer]") -> Answer:
    try:
        return await asyncio.wait_for(call, PATIENCE)
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable(f"Redis does not say what is written: {error!r}") from error

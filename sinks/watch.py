"""Waits for rows of a view that expire: Redis says of each write to one, to whoever watches it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from infra.errors import Unavailable
from sinks.stores.redis import RedisStore, channel
from sinks.views import view_named

PATIENCE: Final = 1.0
"""Seconds for Redis to confirm that a row is watched."""


class _Watched:
    """Those who watch one row."""

    def __init__(self) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.told = False
        self.written: set[asyncio.Event] = set()


class RedisWatch:
    """Watches rows over the link of a store, however many they are.

    The same link tells the store which rows were written, in order: who is woken here and reads
    then finds no row from before. A link that breaks wakes everyone who watches: they look for
    themselves.
    """

    greetings: tuple[tuple[str, ...], ...] = ()

    def __init__(self, store: RedisStore) -> None:
        self._link = store.link
        self._prefix = store.prefix
        self._rows: dict[str, _Watched] = {}
        self._link.listen(self)

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
                await self._link.tell("SUBSCRIBE", name)
                watched.told = True
            await _patiently(watched.ready)
            yield written
        finally:
            watched.written.discard(written)
            if not watched.written and self._rows.get(name) is watched:
                del self._rows[name]
                watched.ready.cancel()
                if watched.told:  # and by the same connection: all rows go with one that is lost
                    await self._link.tell("UNSUBSCRIBE", name)

    def pushed(self, message: list[Any]) -> None:
        """Wake those whose row it is."""
        kind, name = message[0], message[1]
        if kind not in (b"subscribe", b"message"):
            return
        watched = self._rows.get(name.decode())
        if watched is None:
            return
        if kind == b"subscribe" and not watched.ready.done():
            watched.ready.set_result(None)
        if kind == b"message":
            for written in watched.written:
                written.set()

    def lost(self) -> None:
        """Wake everyone."""
        rows, self._rows = self._rows, {}
        for watched in rows.values():
            if not watched.ready.done():
                watched.ready.set_exception(Unavailable("Redis went away"))
                watched.ready.exception()
            for written in watched.written:
                written.set()


async def _patiently(ready: "asyncio.Future[None]") -> None:
    try:
        await asyncio.wait_for(asyncio.shield(ready), PATIENCE)
    except TimeoutError as error:
        raise Unavailable("Redis does not say what is written") from error

"""Objects as the origin serves them: recent ones from bounded memory, each read once for all."""

import asyncio
from collections import OrderedDict
from typing import Final

from infra.errors import MillraceError
from media.storage import ObjectStore

MAX_CACHED: Final = 8 << 20
"""Objects above this size are streamed from storage, never held whole."""


class TooLargeError(MillraceError):
    """The object is not held in memory; `size` is its size in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes, above {MAX_CACHED}")
        self.size = size


class Objects:
    """A read-through cache over an object store, whose objects never change."""

    def __init__(self, store: ObjectStore, max_bytes: int) -> None:
        self._store, self._max_bytes = store, max_bytes
        self._cached: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._reading: dict[str, asyncio.Task[bytes]] = {}

    @property
    def cached_bytes(self) -> int:
        """Bytes held in memory."""
        return self._bytes

    async def get(self, key: str) -> bytes:
        """The whole object; simultaneous calls share one read.

        Raises TooLargeError, NotFound, Unavailable.
        """
        cached = self._cached.get(key)
        if cached is not None:
            self._cached.move_to_end(key)
            return cached
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.ensure_future(self._read(key))
        return await asyncio.shield(reading)

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """A range straight from storage, for objects too large to hold."""
        return await self._store.get_range(key, start, end)

    async def _read(self, key: str) -> bytes:
        try:
            size = await self._store.size(key)
            if size > MAX_CACHED:
                raise TooLargeError(size)
            data = await self._store.get(key)
        finally:
            del self._reading[key]
        self._cached[key] = data
        self._bytes += len(data)
        while self._bytes > self._max_bytes:
            _, dropped = self._cached.popitem(last=False)
            self._bytes -= len(dropped)
        return data

"""Rows read from Redis, kept until Redis says that they were written (client-side caching).

The server remembers what a connection has read, and says on the same connection, in order with its
answers, when somebody writes it (`CLIENT TRACKING`, Redis 6). So what is kept is what a read would
find, but for the time that the word takes. If the connection breaks, or nothing was heard over it
for a second, nothing that is kept counts.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import structlog

from infra.redis_link import RedisLink
from sinks.standing import Read

log = structlog.get_logger()

MOST: Final = 20_000
"""Rows and indexes kept; the ones that were read first go first."""
MOST_RANGES: Final = 200
"""Ranges kept of one index."""
TRUSTED_SECONDS: Final = 1.0
"""How long silence is taken for no news; the link asks four times as often."""

Decode = Callable[[Any], Any]
Range = tuple[bytes, bytes, int]


class RedisRows:
    """Reads keys over a link, and keeps what they hold."""

    greetings: tuple[tuple[str, ...], ...] = (("CLIENT", "TRACKING", "ON"),)

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._kept: dict[bytes, Read[Any]] = {}
        self._reading: set[bytes] = set()
        link.listen(self)

    @property
    def stands(self) -> bool:
        """Whether a write to what is kept would have been heard of."""
        return monotonic() - self._link.heard_at < TRUSTED_SECONDS

    async def read(self, command: str, key: str, decode: Decode) -> Read[Any]:
        """What a key holds. Raises Unavailable."""
        name = key.encode()
        found = self._kept.get(name)
        if found is not None and name not in self._reading and self.stands:
            return found
        if name in self._reading:
            return Read(decode(await self._link.ask(command, name)))
        # Known before it is asked: the word that it was written may come right after the answer.
        entry = self._enter(name)
        self._reading.add(name)
        try:
            entry.value = decode(await self._link.ask(command, name))
        except BaseException:
            self._forget(name)
            raise
        finally:
            self._reading.discard(name)
        return entry

    async def ranges(self, key: str, wanted: Range) -> tuple[list[bytes], Read[Any]]:
        """Members of a sorted set between two of them, so many at most; and the set as read."""
        name = key.encode()
        entry = self._kept.get(name)
        if entry is None or not self.stands:
            entry = self._enter(name)
            entry.value = {}
        found = entry.value.get(wanted)
        if found is None:
            low, high, limit = wanted
            found = await self._link.ask("ZRANGE", name, low, high, "BYLEX", "LIMIT", 0, limit)
            if len(entry.value) < MOST_RANGES:
                entry.value[wanted] = found
        return found, entry

    def pushed(self, message: list[Any]) -> None:
        """Forget what was written; None stands for everything."""
        if message[0] != b"invalidate":
            return
        if message[1] is None:
            self.lost()
            return
        for name in message[1]:
            self._forget(name)

    def lost(self) -> None:
        """Forget everything: writes may have gone unheard."""
        kept, self._kept = self._kept, {}
        for entry in kept.values():
            entry.stands = False

    def _enter(self, name: bytes) -> Read[Any]:
        self._forget(name)
        if len(self._kept) >= MOST:
            self._forget(next(iter(self._kept)))
        entry = self._kept[name] = Read[Any](None, stands=True)
        return entry

    def _forget(self, name: bytes) -> None:
        entry = self._kept.pop(name, None)
        if entry is not None:
            entry.stands = False

"""Which WebSocket sessions there are, at any gateway: in the Redis that all of them share.

Nothing is decided by it. Who subscribes for a session that is gone is told at once; without Redis
they are taken at their word, and the platform finds out by itself (`agents.eventsub.subscribers`).
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final, Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

KEPT_SECONDS: Final = 120
"""For how long a session counts as there that its gateway spoke of."""
WAIT_SECONDS: Final = 0.25


class Presence(Protocol):
    """Knows sessions. No method raises."""

    async def here(self, session_ids: Iterable[str]) -> None:
        """These are there."""
        ...

    async def gone(self, session_id: str) -> None:
        """This one is over."""
        ...

    async def is_here(self, session_id: str) -> bool:
        """Whether a session is there, as far as is known."""
        ...


class RedisPresence:
    """Keys that go by themselves."""

    def __init__(self, url: str, *, prefix: str = "millrace") -> None:
        self._redis: Any = Redis.from_url(
            url, socket_connect_timeout=WAIT_SECONDS, socket_timeout=WAIT_SECONDS
        )
        self._prefix = prefix

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def here(self, session_ids: Iterable[str]) -> None:
        """These are there."""
        async with self._redis.pipeline(transaction=False) as calls:
            for name in session_ids:
                calls.set(self._key(name), 1, ex=KEPT_SECONDS)
            await self._patiently(calls.execute())

    async def gone(self, session_id: str) -> None:
        """This one is over."""
        await self._patiently(self._redis.delete(self._key(session_id)))

    async def is_here(self, session_id: str) -> bool:
        """Whether a session is there; True where Redis does not say."""
        found = await self._patiently(self._redis.exists(self._key(session_id)))
        return found is None or bool(found)

    async def _patiently(self, call: Any) -> Any:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await call
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("sessions are not shared", error=repr(error))
            return None

    def _key(self, session_id: str) -> str:
        return f"{self._prefix}:eventsub:session:{session_id}"

"""`/healthz`: whether the gateway serves, and which server behind it is away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from aiohttp import web

from api.problems import RETRY_SECONDS
from infra.clock import Clock
from infra.errors import MillraceError

log = structlog.get_logger()

Check = Callable[[], Awaitable[object]]
"""Asks a server something, and raises Unavailable if it is away."""

WAIT_SECONDS: Final = 1.0
FRESH_SECONDS: Final = 1.0
"""Anyone may ask, but servers are asked once in so long."""
NEEDED: Final = "redis"
"""Without it nobody is known and next to nothing is shown: better another gateway."""


class Health:
    """Knows which servers answer."""

    def __init__(self, servers: Mapping[str, Check], clock: Clock) -> None:
        self._servers = servers
        self._clock = clock
        self._fresh_until = -1.0
        self._asking: asyncio.Task[None] | None = None
        self._found: dict[str, str] = {}

    async def look(self) -> dict[str, str]:
        """`ok` or `away`, by server."""
        if self._clock.monotonic() >= self._fresh_until:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
            await asyncio.shield(self._asking)
        return self._found

    async def _ask(self) -> None:
        try:
            found = await asyncio.gather(*(self._well(name) for name in self._servers))
            self._found = dict(zip(self._servers, found, strict=True))
            self._fresh_until = self._clock.monotonic() + FRESH_SECONDS
        finally:
            self._asking = None

    async def _well(self, name: str) -> str:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._servers[name]()
        except (MillraceError, TimeoutError) as error:
            log.warning("a server is away", server=name, error=repr(error))
            return "away"
        return "ok"


HEALTH: web.AppKey[Health] = web.AppKey("health", Health)


async def healthz(request: web.Request) -> web.Response:
    """200 while there is much that can be answered: `ok`, or `degraded` without some server."""
    servers = await request.app[HEALTH].look()
    away = [name for name, state in servers.items() if state != "ok"]
    status = "away" if NEEDED in away else "degraded" if away else "ok"
    headers = {"Cache-Control": "no-store"}
    if status == "away":
        headers["Retry-After"] = str(RETRY_SECONDS)
    return web.json_response(
        {"status": status, "servers": servers},
        status=503 if status == "away" else 200,
        headers=headers,
    )

"""Closes connections that never finish a request: slow headers, and half-open floods."""

import asyncio
from typing import Any, Final

import structlog
from aiohttp import web
from prometheus_client import Counter

log = structlog.get_logger()

HEADER_SECONDS: Final = 10.0
"""From connecting until the headers of the first request are there."""
MOST_HALF_OPEN: Final = 2000
"""Connections without a request; of more, the oldest are closed."""
_LOOK_SECONDS: Final = 0.5

_CLOSED = Counter("millrace_gateway_half_open_closed_total", "Connections closed half open.")


async def watch(
    runner: web.AppRunner, *, seconds: float = HEADER_SECONDS, most: int = MOST_HALF_OPEN
) -> None:
    """Look at the connections of a runner's server until cancelled.

    aiohttp bounds how long an idle connection is kept after a request, and nothing before it.
    """
    since: dict[Any, float] = {}
    loop = asyncio.get_running_loop()
    while True:
        connections = runner.server.connections if runner.server else ()
        waiting = [each for each in connections if _waits(each)]
        now = loop.time()
        since = {each: since.get(each, now) for each in waiting}
        oldest_first = sorted(since, key=lambda each: since[each])
        surplus = set(oldest_first[: max(0, len(oldest_first) - most)])
        for each in oldest_first:
            if each in surplus or now - since[each] > seconds:
                _CLOSED.inc()
                each.force_close()
        await asyncio.sleep(_LOOK_SECONDS)


def _waits(connection: Any) -> bool:
    """Whether a connection has had no request yet."""
    return bool(connection._request_count == 0)

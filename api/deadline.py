"""Whoever asks hears within two seconds, also while a server is away."""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from aiohttp import web

from api.problems import Handler
from infra.errors import Unavailable

SECONDS: Final = 1.8
"""For all that a request needs of servers, unless it is given more."""

_CURRENT: ContextVar[asyncio.Timeout | None] = ContextVar("deadline", default=None)


@web.middleware
async def in_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """End a request whose time is up. Raises Unavailable."""
    deadline = asyncio.timeout(SECONDS)
    _CURRENT.set(deadline)
    try:
        async with deadline:
            return await handler(request)
    except TimeoutError as slow:
        raise Unavailable("a server did not answer in time") from slow


def give(seconds: float | None) -> None:
    """Let the request under way take so long from now on; None: as long as it likes.

    For what takes long by its nature, once the servers that it needs have answered.
    """
    _set(None if seconds is None else asyncio.get_running_loop().time() + seconds)


@contextmanager
def standing_still(at_most: float | None = None) -> Iterator[None]:
    """The time of the request under way does not run on meanwhile; `at_most` seconds may pass.

    For what waits for no server: work of our own, or that the platform decides.
    """
    deadline, loop = _CURRENT.get(), asyncio.get_running_loop()
    until, now = deadline.when() if deadline else None, loop.time()
    give(at_most)
    try:
        yield
    finally:
        _set(None if until is None else until + loop.time() - now)


def _set(when: float | None) -> None:
    if (deadline := _CURRENT.get()) is not None:
        with contextlib.suppress(RuntimeError):  # it is over
            deadline.reschedule(when)

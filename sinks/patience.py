"""Waits for servers that are away, as long as it takes, and says so once."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from infra.errors import Unavailable
from sinks import metrics

log = structlog.get_logger()

LONGEST_BACKOFF: Final = 2.0
_SHORT: Final = 0.1
"""Seconds of back-off up to which nothing is said."""

Answer = TypeVar("Answer")


class Patience:
    """Calls until a server answers. Several may wait, each for itself."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._waiting: defaultdict[str, set[object]] = defaultdict(set)

    @property
    def waiting_for(self) -> str:
        """A server that is away; empty if none is."""
        return next((server for server, waiting in self._waiting.items() if waiting), "")

    async def insist(self, server: str, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Call until the server answers, with a bounded back-off."""
        delay, waiting, me = 0.01, self._waiting[server], object()
        try:
            while not cancelled():
                try:
                    return await call()
                except Unavailable as error:
                    metrics.UNAVAILABLE.labels(self._store, server).inc()
                    if delay > _SHORT:
                        self._wait(server, me, error)
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, LONGEST_BACKOFF)
            raise asyncio.CancelledError
        finally:
            if me in waiting:
                waiting.discard(me)
                if not waiting and not cancelled():
                    log.info("server is back", store=self._store, server=server)

    def _wait(self, server: str, who: object, error: Unavailable) -> None:
        waiting = self._waiting[server]
        if not waiting:
            log.warning("waiting for a server", store=self._store, server=server, error=str(error))
        waiting.add(who)


def cancelled() -> bool:
    """Whether this task is to end: Python 3.11's `wait_for`, inside clients, may swallow that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

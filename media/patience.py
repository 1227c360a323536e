"""Object storage that is waited for: what is written now and then fails is written again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog

from infra.clock import Clock
from infra.errors import Unavailable
from media.storage import ObjectStore

log = structlog.get_logger()

_RETRY: Final = 0.5
_T = TypeVar("_T")


class GaveUp(Unavailable):
    """Storage was away for longer than anyone waits. The message is for the publisher."""


class PatientStore:
    """Storage of one session: `put` and `get` wait while it is away, for `patience` seconds."""

    def __init__(self, store: ObjectStore, clock: Clock, patience: float, **bound: Any) -> None:
        self._store, self._clock, self._patience = store, clock, patience
        self._log = log.bind(**bound)
        self._since: float | None = None

    @property
    def away_for(self) -> float:
        """Seconds for which storage has failed; 0 while it does not."""
        return 0.0 if self._since is None else self._clock.monotonic() - self._since

    async def put(self, key: str, data: bytes) -> None:
        """Write an object whole. Raises GaveUp."""
        await self._insist(lambda: self._store.put(key, data))

    async def get(self, key: str) -> bytes:
        """The object's bytes. Raises NotFound, GaveUp."""
        return await self._insist(lambda: self._store.get(key))

    async def delete(self, keys: list[str]) -> None:
        """Delete objects, or leave them to the sweep if storage is away."""
        try:
            await self._store.delete(keys)
        except Unavailable as error:
            self._log.warning("parts not deleted", count=len(keys), error=str(error))

    async def _insist(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        while True:
            try:
                result = await attempt()
            except Unavailable as error:
                await self._failed(error)
                continue
            if self._since is not None:
                self._log.info("storage is back", after_seconds=round(self.away_for, 1))
                self._since = None
            return result

    async def _failed(self, error: Unavailable) -> None:
        if self._since is None:
            self._since = self._clock.monotonic()
            self._log.error("storage fails, media waits in the spool", error=str(error))
        if self.away_for >= self._patience:
            raise GaveUp(
                f"The platform's storage was away for {self._patience:g} s; connect again later."
            ) from error
        await asyncio.sleep(_RETRY)

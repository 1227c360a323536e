"""Rows that many ask for at once."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from api.views import Views
from infra.clock import Clock

FRESH_SECONDS: Final = 1.0
MOST: Final = 20_000
"""Rows that are remembered."""

_Read = asyncio.Task[Mapping[str, Any] | None]


class Glance:
    """Rows of one view, each read at most once a second however many ask."""

    def __init__(self, views: Views, view: str, clock: Clock) -> None:
        self._views = views
        self._view = view
        self._clock = clock
        self._known: dict[str, tuple[float, _Read]] = {}

    async def get(self, key: str) -> Mapping[str, Any] | None:
        """The row under a key, or None. Raises Unavailable."""
        now = self._clock.monotonic()
        until, reading = self._known.get(key, (now, None))
        if reading is None or now >= until:
            if len(self._known) >= MOST:
                self._known.clear()
            reading = asyncio.create_task(self._read(key))
            reading.add_done_callback(_heard)
            self._known[key] = now + FRESH_SECONDS, reading
        return await asyncio.shield(reading)

    async def _read(self, key: str) -> Mapping[str, Any] | None:
        return await self._views.get(self._view, key)


def _heard(reading: _Read) -> None:
    if not reading.cancelled():
        reading.exception()  # whoever waited has it; nobody may have

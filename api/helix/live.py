"""Everything that is on air, read once for all who ask."""

import asyncio
from typing import Final

import msgspec
from aiohttp import web

from api.views import CHANNELS_BY_ID, LIVE_CHANNELS, ChannelRow, LiveRow, Views, typed
from infra.clock import Clock

FRESH_SECONDS: Final = 1.0
"""How old it may be; where reading takes long, older: it takes a twentieth of the time at most."""
SHARE: Final = 20
MOST: Final = 10_000
"""Streams; there may be more, but no list goes further."""
_PAGE: Final = 500


class OnAir(msgspec.Struct, frozen=True):
    """A stream and what its channel says of it."""

    stream_id: str
    started_at: int
    channel: ChannelRow
    viewers: int = 0
    """Nobody counts them yet."""

    @property
    def place(self) -> tuple[int, int, str]:
        """Where it stands: most viewers first, then the newest."""
        return -self.viewers, -self.started_at, self.stream_id


class Seen:
    """A look at everything that is on air, which counts until the next."""

    def __init__(self, clock: Clock, until: float) -> None:
        self._clock = clock
        self._until = until

    @property
    def stands(self) -> bool:
        """Whether it counts."""
        return self._clock.monotonic() < self._until


class Live:
    """Streams on air in order of place."""

    def __init__(self, views: Views, clock: Clock) -> None:
        self._views = views
        self._clock = clock
        self._found: list[OnAir] = []
        self.seen = Seen(clock, -1.0)
        """What `streams` gave last."""
        self._reading: asyncio.Task[None] | None = None

    async def streams(self) -> list[OnAir]:
        """All of them. Raises Unavailable."""
        if not self.seen.stands:
            if self._reading is None:
                self._reading = asyncio.create_task(self._read())
                self._reading.add_done_callback(self._read_done)
            await asyncio.shield(self._reading)
        return self._found

    async def of(self, channel_ids: list[str], views: Views | None = None) -> list[OnAir]:
        """Those of some channels, as they are at this moment. Raises Unavailable.

        Read from `views` if they are given: those of a call, which notes what it stands on.
        """
        views = views or self._views
        rows = await asyncio.gather(*(views.get(LIVE_CHANNELS, key) for key in channel_ids))
        live = [typed(row, LiveRow) for row in rows if row]
        return sorted(await _joined(live, views), key=lambda stream: stream.place)

    async def _read(self) -> None:
        started = self._clock.monotonic()
        found: list[OnAir] = []
        cursor = None
        while len(found) < MOST:
            rows, cursor = await self._views.scan(LIVE_CHANNELS, _PAGE, cursor)
            found += await _joined([typed(row, LiveRow) for row in rows], self._views)
            if cursor is None:
                break
        self._found = sorted(found, key=lambda stream: stream.place)
        took = self._clock.monotonic() - started
        self.seen = Seen(self._clock, self._clock.monotonic() + max(FRESH_SECONDS, SHARE * took))

    def _read_done(self, task: asyncio.Task[None]) -> None:
        self._reading = None
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody may have


async def _joined(live: list[LiveRow], views: Views) -> list[OnAir]:
    """With their channels; without those whose registration has not reached the view."""
    rows = await asyncio.gather(*(views.get(CHANNELS_BY_ID, row.channel_id) for row in live))
    return [
        OnAir(stream.stream_id, stream.started_at, typed(row, ChannelRow))
        for stream, row in zip(live, rows, strict=True)
        if row
    ]


LIVE: web.AppKey[Live] = web.AppKey("live", Live)

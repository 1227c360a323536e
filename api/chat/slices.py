"""What streams have for those who missed it: read and encoded once for all who ask at about once.

When an edge goes, everybody in a channel comes back at about the same offset, and is told the same.
"""

import asyncio
from collections import OrderedDict
from typing import Final, NamedTuple

import structlog

from api.chat.dialect import Dialect, Event, Place
from api.chat.recent import settled
from api.chat.seeing import for_everybody, for_moderators
from api.chat.stream import Streams
from infra.errors import InvalidRecord
from schemas.chat_stream import Batch, Entry, record_of

log = structlog.get_logger()

SLICE: Final = 100
"""Entries of a stream that somebody is told at once: what may wait for each client."""
SHARED: Final = 128
"""Slices that are remembered."""
SHARED_SECONDS: Final = 5.0


class Missed:
    """What somebody was not told, or a slice of it."""

    def __init__(self, events: list[Event], last: int) -> None:
        self.events = events
        """Without what later ones among them took back."""
        self.last = last
        """Up to this offset it is everything."""
        self._encoded: dict[Dialect, bytes] = {}

    def encoded(self, dialect: Dialect, place: Place) -> bytes:
        """The events as they go over the wire; empty if this protocol has no words for them."""
        found = self._encoded.get(dialect)
        if found is None:
            found = dialect.events(place, self.events) if self.events else b""
            self._encoded[dialect] = found
        return found

    def until(self, offset: int) -> "Missed":
        """What of it is not after an offset."""
        if self.last <= offset:
            return self
        return Missed([event for event in self.events if event.offset <= offset], offset)


class _Asked(NamedTuple):
    channel_id: str
    since: int
    moderates: bool


class Slices:
    """Of all channels."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._reading: OrderedDict[_Asked, asyncio.Task[Missed | None]] = OrderedDict()
        """Those under way, and those that were read lately."""

    async def after(self, channel_id: str, since: int, *, moderates: bool) -> Missed | None:
        """What comes after an offset; None: some of it is gone. Raises Unavailable.

        Nothing, up to `since`, where the stream does not go as far: Redis lost something just now,
        and has it again soon.
        """
        asked = _Asked(channel_id, since, moderates)
        reading = self._reading.get(asked)
        if reading is None:
            reading = self._reading[asked] = asyncio.create_task(self._read(asked))
            reading.add_done_callback(_seen)
            if len(self._reading) > SHARED:
                self._reading.popitem(last=False)
        return await asyncio.shield(reading)

    async def _read(self, asked: _Asked) -> Missed | None:
        lasts = 0.0
        try:
            page = await self._streams.after(asked.channel_id, asked.since, SLICE)
            if len(page) == SLICE:  # nothing will be added to it
                lasts = SHARED_SECONDS
            return _missed(page, asked)
        finally:
            asyncio.get_running_loop().call_later(lasts, self._reading.pop, asked, None)


def _seen(reading: "asyncio.Task[Missed | None]") -> None:
    """Whoever still waits has the error."""
    if not reading.cancelled():
        reading.exception()


def _missed(page: list[Batch], asked: _Asked) -> Missed | None:
    if not page:
        return Missed([], asked.since)
    if not 0 <= page[0].previous <= asked.since:
        return None
    entries = [entry for batch in page for entry in batch.entries]
    events = (_event(entry, moderates=asked.moderates) for entry in entries)
    return Missed(settled([each for each in events if each is not None]), entries[-1].offset)


def _event(entry: Entry, *, moderates: bool) -> Event | None:
    seen = for_moderators if moderates else for_everybody
    try:
        shown = seen(record_of(entry))
    except InvalidRecord as error:
        log.error("an event of a chat cannot be read", offset=entry.offset, error=str(error))
        return None
    return None if shown is None else Event(entry.offset, entry.at, shown)

"""What is to be sent, read from the log: live for all sessions, and again for one that moved."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import msgspec
import structlog

from api.cursor import Cursor, Place
from api.errors import Gone
from api.eventsub.messages import DELIVERIES
from api.feed import Feeds, Slow
from api.log import Entry, Log
from infra.errors import MillraceError
from schemas.records.eventsub import DeliveryRequested

log = structlog.get_logger()

_RETRY_SECONDS: Final = 1.0


class _Told(msgspec.Struct):
    """As much of a message of the log as is needed here."""

    data: DeliveryRequested


_decode = msgspec.json.Decoder(_Told).decode


class Listening:
    """One reader of the topic for a whole gateway."""

    def __init__(self, feeds: Feeds, reading: Log) -> None:
        self._feeds = feeds
        self._log = reading
        self._cursor: Cursor | None = None
        self.hears = asyncio.Event()
        """Set once what is written from now on is heard."""

    @property
    def place(self) -> str | None:
        """Where it is on the log: everything before was handed on. None: nowhere yet."""
        return None if self._cursor is None else self._cursor.text()

    async def follow(self, hear: Callable[[Entry], None]) -> None:
        """Hand on every message from now on, once, until cancelled."""
        while True:
            try:
                if self._cursor is None:
                    span = await self._log.span(DELIVERIES)
                    self._cursor = Cursor(DELIVERIES, [Place(at) for at in span.ends])
                feed = self._feeds.follow(self._cursor, "eventsub", _is_delivery)
                async with aclosing(feed) as pieces:
                    async for found in pieces:
                        self.hears.set()
                        for entry, _ in found:
                            hear(entry)
            except Gone:
                log.error("deliveries were missed: the topic does not go back far enough")
                self._cursor = None
            except (MillraceError, Slow) as error:
                log.warning("deliveries are not heard", error=repr(error))
            await asyncio.sleep(_RETRY_SECONDS)

    async def again(
        self, place: str, meanwhile: list[Entry], hear: Callable[[DeliveryRequested], None]
    ) -> None:
        """Hand on what came after a place, each message once.

        `meanwhile` is filled with what `follow` hands on from before this call until it returns.
        Raises InvalidRecord, Unavailable.
        """
        cursor = Cursor.parse(place, DELIVERIES, self._log.partitions(DELIVERIES))
        ends = (await self._log.span(DELIVERIES)).ends

        def new(entry: Entry) -> None:
            is_new = cursor.places[entry.partition].take(entry.offset, entry.meta)
            if is_new and _is_delivery(entry):
                hear(delivery_of(entry))

        while any(place.offset < end for place, end in zip(cursor.places, ends, strict=True)):
            starts = {n: place.offset for n, place in enumerate(cursor.places)}
            async with aclosing(self._log.page(DELIVERIES, starts, ends)) as pieces:
                async for piece in pieces:
                    for entry in piece.entries:
                        new(entry)
                    reached = cursor.places[piece.partition]
                    reached.offset = max(reached.offset, piece.reached)
        for entry in meanwhile:
            new(entry)


def delivery_of(entry: Entry) -> DeliveryRequested:
    """What a message asks for."""
    return _decode(entry.json).data


def _is_delivery(entry: Entry) -> bool:
    return entry.type == DeliveryRequested.FULL_NAME

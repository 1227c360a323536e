"""What the fan-out puts into Redis, as edges and the gateway read it (`schemas.chat_stream`)."""

from collections.abc import Iterable
from typing import Any, Final, Protocol

import structlog

from api.chat.dialect import Event
from api.chat.recent import settled
from api.chat.seeing import for_moderators
from infra.errors import InvalidRecord
from infra.redis_link import RedisLink
from schemas.chat_stream import (
    KEPT,
    Batch,
    channel_of,
    id_of,
    key_of,
    read_batch,
    read_stream,
    record_of,
)
from schemas.records.chat import MessageSent

log = structlog.get_logger()

PAGE: Final = 500
"""Entries that are read at once."""


class Hears(Protocol):
    """Who is told what is published."""

    def heard(self, channel_id: str, batch: Batch) -> None:
        """This was published, in order with what `Streams` answer over the same connection."""
        ...

    def lost(self) -> None:
        """The connection is gone: nothing is heard until channels are subscribed to again."""
        ...


class Streams:
    """Reads the streams of channels. Every method raises Unavailable, InvalidRecord."""

    def __init__(self, link: RedisLink, *, prefix: str = "millrace") -> None:
        self._link = link
        self._prefix = prefix

    async def after(self, channel_id: str, offset: int, most: int = PAGE) -> list[Batch]:
        """What the stream has after an offset, in order; so many entries of it."""
        key = key_of(channel_id, self._prefix)
        found = await self._link.ask("XRANGE", key, f"({id_of(offset)}", "+", "COUNT", most)
        return read_stream(found)

    async def last(self, channel_id: str) -> list[Batch]:
        """The last few hundred entries, in order."""
        key = key_of(channel_id, self._prefix)
        found = await self._link.ask("XREVRANGE", key, "+", "-", "COUNT", KEPT)
        return read_stream(found[::-1])

    async def events(self, channel_id: str) -> list[Event]:
        """The last few hundred events as moderators see them, without what was taken back."""
        return settled(
            [
                Event(entry.offset, entry.at, shown)
                for batch in await self.last(channel_id)
                for entry in batch.entries
                if (shown := for_moderators(record_of(entry))) is not None
            ]
        )

    async def message(self, channel_id: str, message_id: str) -> MessageSent | None:
        """A message that stands, among the last few hundred events."""
        for event in await self.events(channel_id):
            if isinstance(event.record, MessageSent) and event.record.message_id == message_id:
                return event.record
        return None


class Subscriptions:
    """Hears channels. `Streams` over the same connection are in one order with it.

    Whatever is published after an answer of theirs was made, is heard after it.
    """

    greetings: tuple[tuple[str, ...], ...] = ()

    def __init__(self, link: RedisLink, hears: Hears, *, prefix: str = "millrace") -> None:
        self._link = link
        self._hears = hears
        self._prefix = prefix
        link.listen(self)

    async def begin(self, channel_id: str) -> None:
        """Hear a channel from now on. Raises Unavailable."""
        await self._link.tell("SSUBSCRIBE", key_of(channel_id, self._prefix))

    async def end(self, channel_ids: Iterable[str]) -> None:
        """Hear channels no longer. Raises Unavailable."""
        for channel_id in channel_ids:
            await self._link.tell("SUNSUBSCRIBE", key_of(channel_id, self._prefix))

    def pushed(self, message: list[Any]) -> None:
        """See infra.redis_link.Listener."""
        if message[0] != b"smessage":
            return
        try:
            self._hears.heard(channel_of(message[1]), read_batch(message[2]))
        except InvalidRecord as error:
            log.error("published chat cannot be read", error=str(error))

    def lost(self) -> None:
        """See infra.redis_link.Listener."""
        self._hears.lost()

"""The channels that somebody on this edge is in: opened, kept whole while Redis comes and goes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from api.chat.channel import Channel
from api.chat.dialect import ChatSettings, Place
from api.chat.seat import Seat
from api.chat.slices import Missed, Slices
from api.chat.sockets import Broadcaster
from api.chat.stream import PAGE, Streams, Subscriptions
from infra.clock import Clock
from infra.errors import MillraceError
from infra.redis_link import RedisLink
from schemas.chat_stream import Batch
from schemas.records.chat import MessageSent

log = structlog.get_logger()

RETRY_SECONDS: Final = 0.25
SILENT_SECONDS: Final = 1.0
"""For how long Redis may be away before those who are in channels are told."""
_AT_ONCE: Final = 200
"""Channels that are subscribed to again together."""

_OPEN = Gauge("millrace_chat_edge_channels", "Channels that somebody is in.")
_AWAY = Gauge("millrace_chat_edge_redis_away", "1 while Redis cannot be heard.")
_HOLES = Counter("millrace_chat_edge_holes_total", "Times that published events were missed.")
_GAPS = Counter("millrace_chat_edge_gaps_total", "Holes that the stream could not fill.")


class Channels:
    """All that are open. Run `run` meanwhile."""

    def __init__(
        self,
        link: RedisLink,
        settings: Callable[[str], Awaitable[ChatSettings]],
        clock: Clock,
        *,
        silent: Callable[[], None],
        prefix: str = "millrace",
    ) -> None:
        """`settings`: of a channel by its id. `silent`: Redis is away for long."""
        self._streams = Streams(link, prefix=prefix)
        self._slices = Slices(self._streams)
        self._subscriptions = Subscriptions(link, self, prefix=prefix)
        self._settings = settings
        self._clock = clock
        self._silent = silent
        self._broadcaster = Broadcaster()
        self._channels: dict[str, Channel] = {}
        self._opening: dict[str, asyncio.Task[Channel]] = {}
        self._waiting: dict[str, list[Batch]] = {}
        """What was published in channels whose stream is being read."""
        self._reading: set[asyncio.Task[None]] = set()
        self._broken = asyncio.Event()
        self._empty: set[Channel] = set()
        """Those that nobody was in at the last sweep."""

    @property
    def hears(self) -> bool:
        """Whether Redis is heard."""
        return not self._broken.is_set()

    def all(self) -> list[Channel]:
        """All that are open."""
        return list(self._channels.values())

    async def open(self, place: Place) -> Channel:
        """A channel, with what its stream has. Raises Unavailable."""
        found = self._channels.get(place.channel_id)
        if found is not None:
            return found
        opening = self._opening.get(place.channel_id)
        if opening is None:
            opening = asyncio.create_task(self._open(place))
            self._opening[place.channel_id] = opening
            opening.add_done_callback(lambda _: self._opening.pop(place.channel_id, None))
        return await asyncio.shield(opening)

    async def sweep(self) -> None:
        """Close channels that nobody was in for as long as since the last call."""
        empty = {each for each in self.all() if not len(each)}
        for channel in empty & self._empty:
            del self._channels[channel.place.channel_id]
        _OPEN.set(len(self._channels))
        ended = [each.place.channel_id for each in empty & self._empty]
        self._empty = empty - self._empty
        try:
            await self._subscriptions.end(ended)
        except MillraceError as error:
            log.info("channels were not unsubscribed from", error=str(error))

    async def message(self, channel: Channel, message_id: str) -> MessageSent | None:
        """Something that was said in a channel lately, and stands. Raises Unavailable."""
        for event in channel.everyone.recent():
            if isinstance(event.record, MessageSent) and event.record.message_id == message_id:
                return event.record
        return await self._streams.message(channel.place.channel_id, message_id)

    async def missed(self, seat: Seat, since: int) -> Missed | None:
        """What somebody was not told after an offset, or a slice of it; None: some of it is gone.

        Nothing may be awaited between this and `seat.enter`. Raises Unavailable.
        """
        found = seat.audience.since(since)
        if found is not None:
            return Missed(found, seat.audience.last)
        channel_id = seat.channel.place.channel_id
        missed = await self._slices.after(channel_id, since, moderates=seat.you.moderates)
        return None if missed is None else missed.until(max(since, seat.audience.last))

    def heard(self, channel_id: str, batch: Batch) -> None:
        """See api.chat.stream.Hears."""
        if (waiting := self._waiting.get(channel_id)) is not None:
            waiting.append(batch)
            return
        channel = self._channels.get(channel_id)
        if channel is None or not self.hears or channel.take(batch):
            return
        _HOLES.inc()
        self._waiting[channel_id] = [batch]
        reading = asyncio.create_task(self._read_again(channel))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)

    def lost(self) -> None:
        """See api.chat.stream.Hears."""
        self._broken.set()

    async def run(self) -> None:
        """Subscribe again whenever the connection was lost, until cancelled."""
        while True:
            await self._broken.wait()
            _AWAY.set(1)
            away_since, told = self._clock.monotonic(), False
            while not await self._heal():
                if not told and self._clock.monotonic() - away_since > SILENT_SECONDS:
                    self._silent()
                    told = True
                await asyncio.sleep(RETRY_SECONDS)
            _AWAY.set(0)

    async def _open(self, place: Place) -> Channel:
        channel_id = place.channel_id
        settings = await self._settings(channel_id)
        self._waiting[channel_id] = []
        try:
            await self._subscriptions.begin(channel_id)
            batches = await self._streams.last(channel_id)
            channel = Channel(place, settings, self._broadcaster, self._clock)
            channel.begin(batches)
            self._channels[channel_id] = channel
            _OPEN.set(len(self._channels))
        finally:
            waiting = self._waiting.pop(channel_id)
        self._take(channel, waiting)
        return channel

    async def _heal(self) -> bool:
        """Subscribe to all channels again, and tell what was missed; whether that went well."""
        self._broken.clear()
        try:
            channels = self.all()
            for start in range(0, len(channels), _AT_ONCE):
                await asyncio.gather(
                    *(self._begin_again(each) for each in channels[start : start + _AT_ONCE])
                )
        except MillraceError as error:
            log.warning("chat is not heard", error=str(error))
            self._broken.set()
        return self.hears

    async def _begin_again(self, channel: Channel) -> None:
        waiting = self._waiting[channel.place.channel_id] = []
        try:
            await self._subscriptions.begin(channel.place.channel_id)
            await self._read_on(channel)
        finally:
            self._waiting.pop(channel.place.channel_id, None)
        self._take(channel, waiting)

    async def _read_again(self, channel: Channel) -> None:
        channel_id = channel.place.channel_id
        try:
            await self._read_on(channel)
        except MillraceError as error:
            log.warning("a hole in a chat is not filled yet", error=str(error))
            self._broken.set()
        finally:
            waiting = self._waiting.pop(channel_id, [])
        if self.hears:
            self._take(channel, waiting)

    async def _read_on(self, channel: Channel) -> None:
        """Tell what the stream has after what is known, page by page."""
        while True:
            page = await self._streams.after(channel.place.channel_id, channel.last)
            self._take(channel, page)
            if len(page) < PAGE:
                return

    def _take(self, channel: Channel, batches: list[Batch]) -> None:
        for batch in batches:
            if not channel.take(batch):
                _GAPS.inc()
                channel.skip(batch)

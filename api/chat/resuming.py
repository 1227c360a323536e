"""Telling one client what it missed: after it was away, and while it is slow."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from api.chat.desk import LAGGING, Desk
from api.chat.dialect import Client, Event, Joined
from api.chat.seat import Seat
from api.chat.slices import Missed
from infra.errors import MillraceError

log = structlog.get_logger()

RETRY_SECONDS: Final = 0.5
PATIENCE: Final = 20
"""Times that it is tried to read what somebody missed; then they are told that it is missing."""


class Resuming:
    """Seats of one session that are not told all that others are told: these are told the rest.

    A slice at a time, as fast as the client takes it; then they listen with all others.
    """

    def __init__(self, desk: Desk, client: Client, seats: Mapping[str, Seat]) -> None:
        """`seats`: where the session is, kept up to date by it."""
        self._desk = desk
        self._client = client
        self._seats = seats
        self._is_slow = False
        self._telling: asyncio.Task[None] | None = None

    async def sit(self, seat: Seat, since: int | None) -> None:
        """Tell somebody who came in how it is, and from now on what happens.

        `since`: the offset up to which they know everything. Raises Unavailable.
        """
        place = seat.channel.place
        if since is None:
            self._come_in(seat)
            return
        if since > seat.audience.last:
            self._wait_for_others(seat, since)
        elif (missed := await self._desk.channels.missed(seat, since)) is None:
            self._client.gap(place, since)
            self._come_in(seat)
        else:
            self._come_back(seat, since, missed)
        seat.channel.missed_by(seat, since)

    def lagging(self) -> None:
        """Too much waits for the client: it is passed over from here on."""
        if not self._is_slow:
            self._is_slow = True
            LAGGING.inc()
        for seat in self._seats.values():
            seat.stand()

    def go_on(self) -> None:
        """Tell the client more: it has taken all, or was not told everything."""
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell_all())

    def end(self) -> None:
        """The connection is gone."""
        if self._telling is not None:
            self._telling.cancel()
        if self._is_slow:
            LAGGING.dec()

    def _come_in(self, seat: Seat) -> None:
        told = self._enter(seat)
        self._tell_joined(seat, told, seat.audience.recent(), resumed=False)

    def _come_back(self, seat: Seat, since: int, missed: Missed) -> None:
        if missed.last < seat.audience.last:
            seat.told = missed.last
            self._tell_joined(seat, missed.last, missed.events, resumed=True)
            if not self._is_slow:
                self.go_on()
            return
        told = self._enter(seat)
        if told < since:  # the others are about to be told what this one knows
            seat.stand()
            self._wait_for_others(seat, since)
        else:
            self._tell_joined(seat, told, missed.events, resumed=True)

    def _wait_for_others(self, seat: Seat, since: int) -> None:
        self._tell_joined(seat, since, [], resumed=True)
        seat.sit(since)

    def _enter(self, seat: Seat) -> int:
        """The offset after which it is told everything with others, or once it takes more."""
        if seat.member.flowing:
            return seat.enter()
        seat.told = seat.audience.last
        return seat.told

    def _tell_joined(self, seat: Seat, offset: int, events: list[Event], *, resumed: bool) -> None:
        told = [event for event in events if event.offset <= offset]
        channel = seat.channel
        self._client.joined(
            Joined(channel.place, offset, channel.settings, seat.you, told, resumed)
        )

    async def _tell_all(self) -> None:
        try:
            while (seat := self._behind()) is not None:
                if self._is_slow and self._client.buffered > self._desk.buffer:
                    return  # it drains once more
                await self._tell_more(seat)
            self._flow()
        finally:
            self._telling = None

    def _behind(self) -> Seat | None:
        """Where the client was not told everything."""
        return next((seat for seat in self._seats.values() if seat.is_behind), None)

    def _flow(self) -> None:
        """It was told everything, wherever it is."""
        if self._is_slow:
            self._is_slow = False
            LAGGING.dec()
            self._client.resume()
        for seat in self._seats.values():
            if not seat.listens and not seat.waits:
                seat.sit(seat.told)

    async def _tell_more(self, seat: Seat) -> None:
        """A slice, once there is one."""
        place, missed = seat.channel.place, await self._slice(seat)
        if not seat.is_behind or self._seats.get(place.channel_id) is not seat:
            return
        if missed is None:
            self._client.gap(place, seat.told)
            seat.told = seat.audience.last
            return
        if data := missed.encoded(self._client.dialect, place):
            seat.member.send(data)
        seat.told = missed.last

    async def _slice(self, seat: Seat) -> Missed | None:
        """What comes after it was told; None: it cannot be had."""
        for _ in range(PATIENCE):
            try:
                missed = await self._desk.channels.missed(seat, seat.told)
            except MillraceError as error:
                log.info("what a client missed cannot be read yet", error=str(error))
            else:
                if missed is None or missed.last > seat.told or not seat.is_behind:
                    return missed
            await asyncio.sleep(RETRY_SECONDS)
        return None

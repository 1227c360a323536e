"""A channel as this edge knows it: who is in it, and what they are told."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import structlog

from api.chat.audience import Audience
from api.chat.dialect import ChatSettings, Event, Place
from api.chat.recent import settled, takes, takes_back
from api.chat.seat import Seat
from api.chat.seeing import for_everybody, for_moderators, for_user
from api.chat.sockets import Broadcaster
from api.chat.sockets.broadcast import LONGEST
from infra.clock import Clock
from infra.errors import InvalidRecord
from infra.record import Record
from schemas.chat_stream import NONE, Batch, Entry, record_of
from schemas.records.chat import (
    ChatCommandRefused,
    ChatSettingsChanged,
    MessageHeld,
    MessageRejected,
    MessageSent,
)

log = structlog.get_logger()


class _Later(NamedTuple):
    """What everybody is told once it is due (seconds of the loop's clock)."""

    due: float
    events: list[Event]
    last: int
    logged: list[int]


class Channel:
    """One channel. Entries come in order; a hole shows, and is not stepped over unsaid."""

    def __init__(
        self, place: Place, settings: ChatSettings, broadcaster: Broadcaster, clock: Clock
    ) -> None:
        self.place = place
        self.settings = settings
        self.last = NONE
        """Offset of the last event that is known."""
        self.everyone = Audience(place, broadcaster, clock)
        self.moderators = Audience(place, broadcaster, clock)
        self.ahead: dict[Seat, None] = {}
        """Those who were told more than was written to all others: elsewhere, or on their own."""
        self._seats: dict[str, Seat] = {}
        self._by_user: defaultdict[str, dict[Seat, None]] = defaultdict(dict)
        self._later: deque[_Later] = deque()

    def __len__(self) -> int:
        return len(self._seats)

    def seats(self) -> list[Seat]:
        """All who are here."""
        return list(self._seats.values())

    def users(self) -> dict[str, Seat]:
        """One seat of each user who is here."""
        return {user_id: next(iter(seats)) for user_id, seats in self._by_user.items()}

    def add(self, seat: Seat) -> None:
        """Somebody comes in."""
        self._seats[seat.session.session_id] = seat
        if seat.session.user_id:
            self._by_user[seat.session.user_id][seat] = None

    def remove(self, seat: Seat) -> bool:
        """Somebody leaves; whether their user is here no longer."""
        seat.stand()
        self._seats.pop(seat.session.session_id, None)
        theirs = self._by_user.get(seat.session.user_id)
        if theirs is None:
            return False
        theirs.pop(seat, None)
        if theirs:
            return False
        del self._by_user[seat.session.user_id]
        return True

    def begin(self, batches: Sequence[Batch]) -> None:
        """What happened before anybody of this edge was here."""
        entries = [entry for batch in batches for entry in batch.entries]
        floor = _before(batches[0]) if batches else NONE
        self.last = entries[-1].offset if entries else NONE
        found = [(entry, _record(entry)) for entry in entries]
        for _, record in found:
            self._set(record)
        for audience, seen in ((self.everyone, for_everybody), (self.moderators, for_moderators)):
            events = [
                Event(entry.offset, entry.at, shown)
                for entry, record in found
                if record is not None and (shown := seen(record)) is not None
            ]
            audience.begin(floor, events, self.last)

    def take(self, batch: Batch) -> bool:
        """Tell all who are here what is new. False: something is missing before it."""
        new = [entry for entry in batch.entries if entry.offset > self.last]
        if not new:
            return True
        skipped = len(batch.entries) - len(new)
        previous = batch.entries[skipped - 1].offset if skipped else batch.previous
        if previous > self.last or (previous == NONE and self.last != NONE):
            return False
        self._tell(new)
        return True

    def skip(self, batch: Batch) -> None:
        """Nobody has what is missing before these entries: say so, and go on with them."""
        to = batch.entries[0].offset - 1
        log.warning("chat has a gap", channel=self.place.login, after=self.last, until=to)
        self._tell_later(everything=True)
        for seat in self.seats():
            if seat.listens:
                seat.client.gap(self.place, seat.audience.last)
        for audience in (self.everyone, self.moderators):
            audience.skip(to)
        self.last = to
        self._tell(batch.entries)

    def wait(self, seat: Seat) -> None:
        """Somebody sits down once all others were told as much."""
        self.ahead[seat] = None
        if seat.told <= seat.audience.last:  # which is a matter of milliseconds
            asyncio.get_running_loop().call_later(LONGEST, self._seat_those_ahead)

    def missed_by(self, seat: Seat, since: int) -> None:
        """Tell somebody who comes back what became of what they had said."""
        for event in self.moderators.since(since) or ():
            if (found := for_user(event.record)) and found[0] == seat.session.user_id:
                self._tell_alone(seat, found[1], event.at)

    def _tell(self, entries: Sequence[Entry]) -> None:
        everyone: list[Event] = []
        moderators: list[Event] = []
        logged: list[int] = []
        alone: list[tuple[Entry, Record]] = []
        for entry in entries:
            if (record := _record(entry)) is None:
                continue
            before = self.settings if isinstance(record, ChatSettingsChanged) else None
            self._note(entry, record)
            if isinstance(record, MessageSent):
                logged.append(entry.logged)
            if (shown := for_everybody(record)) is not None:
                everyone.append(Event(entry.offset, entry.at, shown, before))
            if (shown := for_moderators(record)) is not None:
                moderators.append(Event(entry.offset, entry.at, shown, before))
            alone.append((entry, record))
        self.last = entries[-1].offset
        self.moderators.tell(moderators, self.last, logged)
        if self.settings.chat_delay_seconds or self._later:
            self._delay(_Later(0.0, everyone, self.last, logged))
        else:
            self.everyone.tell(everyone, self.last, logged)
        self._seat_those_ahead()
        for entry, record in alone:
            self._tell_whom_it_concerns(entry, record)

    def _seat_those_ahead(self) -> None:
        for seat in list(self.ahead):
            if seat.told <= seat.audience.last:
                seat.sit(seat.told)

    def _note(self, entry: Entry, record: Record) -> None:
        """What has to be known before others are told."""
        self._set(record)
        seat = self._sender(entry, record) if isinstance(record, MessageSent) else None
        if seat is None or seat.muting is None:
            return
        if (shown := for_everybody(record)) is not None:
            event = Event(entry.offset, entry.at, shown)
            seat.muting.skip(seat.client.dialect.events(self.place, [event]))

    def _sender(self, entry: Entry, record: MessageSent) -> Seat | None:
        """Where it was said from; None if that is not here, or somebody else let it through."""
        seat = self._seats.get(entry.connection)
        return seat if seat is not None and seat.session.user_id == record.user_id else None

    def _set(self, record: Record | None) -> None:
        if isinstance(record, ChatSettingsChanged):
            self.settings = msgspec.convert(record, ChatSettings, from_attributes=True)

    def _tell_whom_it_concerns(self, entry: Entry, record: Record) -> None:
        seat = self._seats.get(entry.connection)
        if isinstance(record, MessageSent):
            if (sender := self._sender(entry, record)) is not None:
                sender.session.decided(sender, record)
        elif seat is not None and isinstance(record, ChatCommandRefused):
            seat.session.refused(seat, record)
        if (found := for_user(record)) is not None:
            for each in list(self._by_user.get(found[0], ())):
                self._tell_alone(each, found[1], entry.at)

    def _tell_alone(self, seat: Seat, record: Record, at: int) -> None:
        if isinstance(record, MessageHeld | MessageRejected):
            seat.session.decided(seat, record)
        elif not seat.you.moderates:
            seat.tell(record, at)

    def _delay(self, later: _Later) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self.settings.chat_delay_seconds
        if not self._later:
            loop.call_at(due, self._tell_later)
        self._later.append(later._replace(due=due))

    def _tell_later(self, *, everything: bool = False) -> None:
        """Tell everybody what is due, without messages that were taken back meanwhile."""
        loop = asyncio.get_running_loop()
        while self._later and (everything or self._later[0].due <= loop.time() + _EARLY):
            one = self._later.popleft()
            back = [
                event.record
                for later in self._later
                for event in later.events
                if takes_back(event.record)
            ]
            kept = [
                event
                for event in settled(one.events)
                if not any(takes(record, event) for record in back)
            ]
            self.everyone.tell(kept, one.last, one.logged)
            self._seat_those_ahead()
        if self._later:
            loop.call_at(self._later[0].due, self._tell_later)


_EARLY: Final = 0.005
"""Seconds by which a timer may come before its time."""


def _before(batch: Batch) -> int:
    """Offset after which everything is in a stream that begins with these."""
    return batch.entries[0].offset - 1 if batch.previous == NONE else batch.previous


def _record(entry: Entry) -> Record | None:
    try:
        return record_of(entry)
    except InvalidRecord as error:
        log.error("an event of a chat cannot be read", offset=entry.offset, error=str(error))
        return None

"""Those in a channel who see the same of it: everybody, or who moderates."""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from prometheus_client import Counter, Histogram

from api.chat.dialect import Dialect, Event, Place
from api.chat.recent import Recent, settled
from api.chat.sockets import Broadcaster, Group, Member
from infra.clock import Clock
from schemas.chat_stream import NONE

REMEMBERED: Final = 200
"""Events that are remembered for who comes back or was behind; the stream has more.

A text has 2 000 characters at most: it is a megabyte at worst, and a tenth of that as people talk.
"""

_DELIVERED = Counter("millrace_chat_delivered_events_total", "Events written to connections.")
_SECONDS = Histogram(
    "millrace_chat_delivery_seconds",
    "From when the log took a message until it was written to connections.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 5),
)


class Meter:
    """A member of each group that gets its writes as others do, and so knows when they happen."""

    flowing = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.logged: list[int] = []
        """When the log took the messages that wait to be written."""

    def send(self, data: bytes) -> None:
        """They are being written."""
        now = self._clock.now()
        for logged in self.logged:
            _SECONDS.observe(max(0.0, (now - logged) / 1e6))
        self.logged.clear()


class _Line(NamedTuple):
    """Those who also speak the same dialect: they get the same bytes."""

    dialect: Dialect
    group: Group
    meter: Meter


class Audience:
    """What they were told so far, and how to tell them more."""

    def __init__(self, place: Place, broadcaster: Broadcaster, clock: Clock) -> None:
        self.last = NONE
        """Offset of the last event they were told of, or could have been."""
        self._place = place
        self._broadcaster = broadcaster
        self._clock = clock
        self._floor = NONE
        """Everything after this offset is remembered."""
        self._events: deque[Event] = deque()
        self._recent = Recent()
        self._lines: dict[Dialect, _Line] = {}

    def begin(self, floor: int, events: Sequence[Event], last: int) -> None:
        """What happened after `floor` until now, before anybody was here to be told."""
        self._floor = floor
        self._remember(events)
        self.last = last

    def _remember(self, events: Sequence[Event]) -> None:
        for event in events:
            self._recent.take(event)
            self._events.append(event)
            if len(self._events) > REMEMBERED:
                self._floor = self._events.popleft().offset

    def tell(self, events: Sequence[Event], last: int, logged: Sequence[int]) -> None:
        """Write events to all who flow. `logged`: when the log took messages among them."""
        self._remember(events)
        self.last = last
        if not events:
            return
        for dialect, group, meter in list(self._lines.values()):  # who falls behind may be a last
            if data := dialect.events(self._place, events):
                meter.logged += logged
                _DELIVERED.inc((len(group) - 1) * len(events))
                self._broadcaster.broadcast(group, data, last)

    def skip(self, to: int) -> None:
        """What happened up to this offset is missing: who comes back from before is told so."""
        self._events.clear()
        self._floor = self.last = to

    def recent(self) -> list[Event]:
        """The last messages that stand."""
        return self._recent.events()

    def since(self, offset: int) -> list[Event] | None:
        """What they were told after an offset; None if that is not remembered."""
        if offset < self._floor:
            return None
        return settled([event for event in self._events if event.offset > offset])

    def enter(self, dialect: Dialect, member: Member) -> int:
        """Write to one more what comes after the offset that is returned: the last one written."""
        line = self._lines.get(dialect)
        if line is None:
            line = _Line(dialect, Group(self.last), Meter(self._clock))
            line.group.add(line.meter)
            self._lines[dialect] = line
        line.group.add(member)
        return line.group.mark_of(member)

    def leave(self, dialect: Dialect, member: Member) -> int:
        """Write to one less; the offset up to which it was given all."""
        group = self._lines[dialect].group
        mark = group.mark_of(member)
        group.discard(member)
        if len(group) == 1:
            del self._lines[dialect]
        return mark

    def written(self, dialect: Dialect, member: Member) -> int:
        """Offset up to which it was given all."""
        return self._lines[dialect].group.mark_of(member)

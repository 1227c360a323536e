"""What is known of one rendition of a stream: a fold of its events, bounded, whatever their order.

Two logs feed it (parts, segments), which arrive in no fixed order to one another. So nothing of the
source depends on when an event came: the state is a function of the set of events that fall into
the window, and an origin that reads the log again arrives at the same playlists.

A rendition made of the source may be made twice, by a worker that was thought lost and by the one
in its place. Their parts are told apart by the folder of their objects, and never mixed. This is
what depends on the order of a log: which folder the open segment is taken from (that of the first
part seen), and which of two `SegmentProduced` of one number counts (the first). Two origins that
began to read at different times may differ in the open segment; the next one makes them equal.
"""

from typing import Final

import msgspec

from infra.record import Record
from media.naming import SOURCE
from media.origin import measures
from media.origin.sessions import Sessions
from media.packaging.outputs import MAX_SEGMENT
from schemas.records.media import PartProduced, RenditionOpened, SegmentProduced

SEGMENTS_WITH_PARTS: Final = 2
"""Complete segments whose parts are listed beside those of the open one: at least 3 s, and not
more than three target durations from the end (rfc8216bis, 4.4.4.9)."""
MAX_SEGMENTS_AHEAD: Final = 64
"""Segments whose parts are remembered at most, should their completion never be announced."""


class Position(msgspec.Struct, frozen=True, order=True):
    """A part of the stream; `part` may equal the number of parts: the next one to come."""

    media_sequence: int
    part: int


class Entry(msgspec.Struct, frozen=True):
    """A segment of the playlist, whole or lost."""

    media_sequence: int
    object: str
    init_object: str
    duration: float
    program_date_time: int
    size: int
    parts: tuple[PartProduced, ...]
    """Those of a segment near the end; empty if not all of them are known."""
    discontinuity: bool
    lost: bool


class Rendition:
    """Events of one rendition, applied one by one."""

    def __init__(
        self, stream_id: str, name: str, window: float, sessions: Sessions | None = None
    ) -> None:
        """`sessions` are those of the stream, which its source tells of."""
        self.stream_id, self.name = stream_id, name
        self._window = window
        self.sessions = sessions or Sessions()
        self.opened: RenditionOpened | None = None
        """The latest parameters."""
        self._part_target = 0.0
        self._firsts: set[int] = set()
        self._segments: dict[int, SegmentProduced] = {}
        self._parts: dict[int, dict[int, PartProduced]] = {}
        self._entries: list[Entry] | None = None
        self._open: list[PartProduced] | None = None
        self._last: int | None = None

    def apply(self, event: Record) -> bool:
        """Take an event; whether the playlist may look different now."""
        self._open = self._last = None
        if isinstance(event, PartProduced):
            return self._apply_part(event)
        if isinstance(event, SegmentProduced):
            return self._apply_segment(event)
        assert isinstance(event, RenditionOpened)
        self.opened = event
        self._part_target = max(self._part_target, event.part_target)
        self._firsts.add(event.first_media_sequence)
        if self.name == SOURCE:
            self.sessions.begins(event.first_media_sequence)
        self._entries = None
        return True

    def _apply_part(self, event: PartProduced) -> bool:
        if event.media_sequence < self._oldest_with_parts():
            return False
        parts = self._parts.setdefault(event.media_sequence, {})
        if event.part in parts or folder_of(event) != self._folder(event.media_sequence, event):
            measures.DUPLICATES.labels("part").inc()
            return False
        parts[event.part] = event
        if len(self._parts) > MAX_SEGMENTS_AHEAD:
            del self._parts[min(self._parts)]
        if event.media_sequence <= self.last:
            self._entries = None
        return True

    def _apply_segment(self, event: SegmentProduced) -> bool:
        number = event.media_sequence
        if number in self._segments:
            measures.DUPLICATES.labels("segment").inc()
            return False
        if self._segments and number < min(self._segments):
            return False
        self._segments[number] = event
        parts = self._parts.get(number, {})
        if any(folder_of(part) != folder_of(event) for part in parts.values()):
            del self._parts[number]
        self._entries = self._last = None
        self._forget()
        return True

    def _folder(self, media_sequence: int, event: PartProduced) -> str:
        """Where the objects of a segment lie: as `SegmentProduced` has it, else the first part."""
        segment = self._segments.get(media_sequence)
        if segment is not None:
            return folder_of(segment)
        return folder_of(next(iter(self._parts[media_sequence].values()), event))

    @property
    def _first(self) -> int:
        """The segment that the playlist may begin with.

        The source's is its very first: one that was lost is a gap. Another rendition may be away
        for long and begin again: then what was before is over.
        """
        if self.name == SOURCE or not self._firsts:
            return min(self._firsts, default=0)
        return max(first for first in self._firsts if self._begins(first))

    def _begins(self, first: int) -> bool:
        return first - 1 not in self._segments or first == min(self._firsts)

    @property
    def last(self) -> int:
        """Number of the last complete segment; one less than the first if there is none."""
        if self._last is None:
            self._last = max([self._first - 1, *self._segments])
        return self._last

    @property
    def end(self) -> int:
        """Until when there is media, as program date time in microseconds; 0 if there is none."""
        parts, entries = self.open_parts, self.entries
        if not parts and not entries:
            return 0
        latest = parts[-1] if parts else entries[-1]
        return latest.program_date_time + round(latest.duration * 1e6)

    @property
    def hint(self) -> str:
        """Storage key that the next part will have; empty while nothing is known."""
        if self.opened is None:
            return ""
        parts, coming = self.open_parts, self.next
        known = parts[0].object if coming.part else self.opened.init_object
        return f"{known.rpartition('/')[0]}/{coming.media_sequence}.{coming.part}.m4s"

    @property
    def open_parts(self) -> list[PartProduced]:
        """Parts of the segment after the last complete one, from 0 without a hole."""
        if self._open is None:
            known = self._parts.get(self.last + 1, {})
            self._open = []
            while len(self._open) in known:
                self._open.append(known[len(self._open)])
        return self._open

    @property
    def next(self) -> Position:
        """The part that will come next."""
        parts = self.open_parts
        if parts and parts[-1].last:
            return Position(self.last + 2, 0)
        return Position(self.last + 1, len(parts))

    @property
    def part_target(self) -> float:
        """EXT-X-PART-INF: what was announced; a listed part with one longer frame raises it."""
        listed = [part.duration for entry in self.entries for part in entry.parts]
        listed += [part.duration for part in self.open_parts]
        return max((self._part_target, *listed))

    def has(self, media_sequence: int, part: int | None) -> bool:
        """Whether a playlist with that segment, or that part of it, can be given now.

        A part after the last of its segment means the first of the next (rfc8216bis, 6.2.5.2).
        """
        last = self.last
        if media_sequence > last:
            return part is not None and media_sequence == last + 1 and part < len(self.open_parts)
        if part is None or media_sequence < last:
            return True
        produced = self._segments[media_sequence]
        return part < len(produced.parts) or bool(self.open_parts)

    @property
    def entries(self) -> list[Entry]:
        """The complete segments of the window, oldest first."""
        if self._entries is None:
            self._entries = self._build()
        return self._entries

    def open_discontinuity(self) -> bool:
        """Whether the open segment begins anew."""
        return self.sessions.discontinuous(self.last + 1)

    def _build(self) -> list[Entry]:
        listed_from = min((n for n in self._segments if n >= self._first), default=None)
        if listed_from is None:
            return []
        found: list[Entry] = []
        listed = 0.0
        following = self._segments[self.last]
        for number in range(self.last, listed_from - 1, -1):
            if listed >= self._window:
                break
            segment = self._segments.get(number)
            entry = (
                self._lost(number, following)
                if segment is None
                else self._whole(segment, with_parts=number >= self._oldest_with_parts())
            )
            following = segment or following
            listed += entry.duration
            found.append(entry)
        found.reverse()
        return found

    def _whole(self, segment: SegmentProduced, *, with_parts: bool) -> Entry:
        known = self._parts.get(segment.media_sequence, {}) if with_parts else {}
        complete = len(known) == len(segment.parts)
        return Entry(
            segment.media_sequence,
            segment.object,
            segment.init_object,
            segment.duration,
            segment.program_date_time,
            segment.size,
            tuple(known[number] for number in sorted(known)) if complete else (),
            self.sessions.discontinuous(segment.media_sequence),
            lost=False,
        )

    def _lost(self, number: int, following: SegmentProduced) -> Entry:
        """A segment that was never announced: EXT-X-GAP for as long as its neighbours leave."""
        before = max(known for known in self._segments if known < number)
        previous = self._segments[before]
        end = previous.program_date_time / 1e6 + previous.duration
        missing = following.media_sequence - before - 1
        each = (following.program_date_time / 1e6 - end) / missing
        duration = min(max(each, 0.1), MAX_SEGMENT)
        folder = following.object.rpartition("/")[0]
        start = round((end + (number - before - 1) * duration) * 1e6)
        return Entry(
            number, f"{folder}/{number}.m4s", following.init_object, duration, start, 0, (),
            self.sessions.discontinuous(number), lost=True,
        )  # fmt: skip

    def _oldest_with_parts(self) -> int:
        """The oldest segment whose parts may still be listed."""
        return self.last + 1 - SEGMENTS_WITH_PARTS

    def _forget(self) -> None:
        """Drop what the window has left."""
        first = self.entries[0].media_sequence if self.entries else self._first
        for number in [number for number in self._segments if number < first]:
            del self._segments[number]
        oldest = self._oldest_with_parts()
        for number in [number for number in self._parts if number < oldest]:
            del self._parts[number]


def folder_of(event: PartProduced | SegmentProduced) -> str:
    """Where the objects of whoever made it lie."""
    return event.object.rpartition("/")[0]

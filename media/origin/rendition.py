"""What is known of one rendition of a stream: a fold of its events, bounded, whatever their order.

Two logs feed it (parts, segments), which arrive in no fixed order to one another. So nothing here
depends on when an event came: the state is a function of the set of events that fall into the
window, and an origin that reads the log again arrives at the same playlists.
"""

from bisect import bisect_left, insort
from typing import Final

import msgspec

from infra.record import Record
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

    def __init__(self, stream_id: str, name: str, window: float) -> None:
        self.stream_id, self.name = stream_id, name
        self._window = window
        self.opened: RenditionOpened | None = None
        """The latest parameters."""
        self._part_target = 0.0
        self._starts: list[int] = []
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
        if event.first_media_sequence not in self._starts:
            insort(self._starts, event.first_media_sequence)
        self._entries = None
        return True

    def _apply_part(self, event: PartProduced) -> bool:
        if event.media_sequence < self._oldest_with_parts():
            return False
        parts = self._parts.setdefault(event.media_sequence, {})
        if event.part in parts:
            return False
        parts[event.part] = event
        if len(self._parts) > MAX_SEGMENTS_AHEAD:
            del self._parts[min(self._parts)]
        if event.media_sequence <= self.last:
            self._entries = None
        return True

    def _apply_segment(self, event: SegmentProduced) -> bool:
        if event.media_sequence in self._segments:
            return False
        if self._segments and event.media_sequence < min(self._segments):
            return False
        self._segments[event.media_sequence] = event
        self._entries = self._last = None
        self._forget()
        return True

    @property
    def last(self) -> int:
        """Number of the last complete segment; one less than the first if there is none."""
        if self._last is None:
            first = self._starts[0] if self._starts else 0
            self._last = max(self._segments, default=first - 1)
        return self._last

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

    def discontinuities_before(self, media_sequence: int) -> int:
        """How many discontinuities came before a segment (EXT-X-DISCONTINUITY-SEQUENCE)."""
        return max(0, bisect_left(self._starts, media_sequence) - 1)

    def _is_discontinuity(self, media_sequence: int) -> bool:
        return media_sequence in self._starts[1:]

    def open_discontinuity(self) -> bool:
        """Whether the open segment begins anew."""
        return self._is_discontinuity(self.last + 1)

    def _build(self) -> list[Entry]:
        if not self._segments:
            return []
        found: list[Entry] = []
        listed = 0.0
        following = self._segments[self.last]
        for number in range(self.last, min(self._segments) - 1, -1):
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
            self._is_discontinuity(segment.media_sequence),
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
            self._is_discontinuity(number), lost=True,
        )  # fmt: skip

    def _oldest_with_parts(self) -> int:
        """The oldest segment whose parts may still be listed."""
        return self.last + 1 - SEGMENTS_WITH_PARTS

    def _forget(self) -> None:
        """Drop what the window has left."""
        first = self.entries[0].media_sequence
        for number in [number for number in self._segments if number < first]:
            del self._segments[number]
        oldest = self._oldest_with_parts()
        for number in [number for number in self._parts if number < oldest]:
            del self._parts[number]

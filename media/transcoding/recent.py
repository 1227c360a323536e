"""What has been announced of every stream lately: where a worker can begin, or go on. Pure.

A bounded fold of `media-parts` and `media-segments` over all streams: a worker that is given a
stream has at once what its process needs, and what another worker has finished already.
"""

from collections import deque
from collections.abc import Collection
from typing import Any, Final

import msgspec

from media.naming import SOURCE
from schemas.records.media import PartProduced, SegmentProduced

SEGMENTS: Final = 4
"""Segments of a stream whose parts are remembered."""
LEAD_IN: Final = 3
"""Parts whose sound decides about the bytes of the sound that follows."""
SILENT: Final = 60.0
"""Seconds after which a stream without a part is forgotten."""


class Announced(msgspec.Struct, frozen=True):
    """A part of a source as it stands on the log."""

    part: PartProduced
    announced_at: int
    """Microseconds since 1970-01-01T00:00:00Z."""
    record: Any = None
    """The consumer's own record, should it become a dead letter."""


class _Stream:
    __slots__ = ("finished", "heard_at", "segments")

    def __init__(self) -> None:
        self.segments: deque[list[Announced]] = deque(maxlen=SEGMENTS)
        self.finished: dict[str, int] = {}
        self.heard_at = 0


class Recent:
    """The latest parts of every source, and the last finished segment of every rendition."""

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def part(self, announced: Announced) -> None:
        """Take a part of a source."""
        assert announced.part.rendition == SOURCE
        stream = self._stream(announced.part.stream_id)
        stream.heard_at = max(stream.heard_at, announced.announced_at)
        number = announced.part.media_sequence
        if stream.segments and stream.segments[-1][0].part.media_sequence == number:
            stream.segments[-1].append(announced)
        elif not stream.segments or stream.segments[-1][0].part.media_sequence < number:
            stream.segments.append([announced])

    def segment(self, segment: SegmentProduced) -> None:
        """Take a finished segment of any rendition."""
        finished = self._stream(segment.stream_id).finished
        before = finished.get(segment.rendition, -1)
        finished[segment.rendition] = max(before, segment.media_sequence)

    def open_segment(self, stream_id: str) -> int:
        """The number of a source's newest segment; 0 before the first."""
        stream = self._streams.get(stream_id)
        return _number(stream.segments[-1]) if stream and stream.segments else 0

    def begin(self, stream_id: str, renditions: Collection[str], since: int) -> list[Announced]:
        """The parts to begin with, from the first of a segment that starts with a key frame.

        That is the segment after what all of the renditions have finished that were made before;
        if none was, or it is not remembered any more, the segment `since`. Empty: there is none.
        """
        stream = self._streams.get(stream_id)
        if stream is None:
            return []
        segments = list(stream.segments)
        numbers = [_number(segment) for segment in segments]
        made = [stream.finished[name] for name in renditions if name in stream.finished]
        wanted = min(made) + 1 if made else since
        if segments and wanted > numbers[-1]:
            return []
        start = wanted if wanted in numbers else max(since, min(numbers, default=0))
        found = [
            number for number, segment in zip(numbers, segments, strict=True) if _whole(segment)
        ]
        if not found:
            return []
        # Without a key frame the pictures cannot be decoded: rather begin earlier than later.
        first = max((number for number in found if number <= start), default=found[0])
        return [each for segment in segments if _number(segment) >= first for each in segment]

    def lead_in(self, stream_id: str, media_sequence: int) -> list[Announced]:
        """The last parts before a segment: its sound needs them if it is encoded anew."""
        stream = self._streams.get(stream_id)
        before = [
            each
            for segment in (stream.segments if stream else ())
            if _number(segment) < media_sequence
            for each in segment
        ]
        return before[-LEAD_IN:]

    def fed(self, stream_id: str, media_sequence: int) -> list[Announced]:
        """The parts of a segment, as far as they are remembered."""
        stream = self._streams.get(stream_id)
        segments = stream.segments if stream else ()
        return [
            each for segment in segments if _number(segment) == media_sequence for each in segment
        ]

    def forget(self, now: int) -> None:
        """Drop streams of which nothing was heard for a while."""
        oldest = now - SILENT * 1e6
        for stream_id in [key for key, found in self._streams.items() if found.heard_at < oldest]:
            del self._streams[stream_id]

    def _stream(self, stream_id: str) -> _Stream:
        return self._streams.setdefault(stream_id, _Stream())


def _number(segment: list[Announced]) -> int:
    return segment[0].part.media_sequence


def _whole(segment: list[Announced]) -> bool:
    """Whether it can be decoded from its beginning."""
    return segment[0].part.part == 0 and segment[0].part.independent

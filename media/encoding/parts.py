"""Parts and segments of a rendition: numbers, times and cuts are their source's."""

from collections.abc import Sequence

from media.encoding.outputs import SourcePart
from media.packaging.outputs import Part, Segment


def part_of(source: SourcePart, data: bytes, *, independent: bool) -> Part:
    """A part that covers what the source's covers."""
    return Part(
        media_sequence=source.media_sequence,
        part=source.part,
        data=data,
        duration=source.duration,
        media_time=source.media_time,
        program_date_time=source.program_date_time,
        independent=independent,
        last=source.last,
    )


def segment_of(parts: Sequence[Part]) -> Segment:
    """The segment that these parts, all of them, are."""
    first = parts[0]
    return Segment(
        media_sequence=first.media_sequence,
        duration=round(sum(part.duration for part in parts), 6),
        media_time=first.media_time,
        program_date_time=first.program_date_time,
        independent=first.independent,
        parts=[part.duration for part in parts],
    )

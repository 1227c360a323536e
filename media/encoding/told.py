"""What the feed tells the rungs."""

import msgspec
from av.video.frame import VideoFrame

from media.encoding.outputs import SourcePart
from media.encoding.sound import Sound
from media.packaging.boxes import Sample


class Begin(msgspec.Struct, frozen=True):
    """A segment begins: rungs begin it with a key frame."""

    part: SourcePart
    size: tuple[int, int]
    """Of the coded picture."""
    aspect: tuple[int, int]
    frame_rate: float
    """Of the source, 0 if unknown."""
    composition: int
    """By how much pictures are shown later than they count here, in ticks."""
    sound: Sound | None


class Look(msgspec.Struct, frozen=True):
    """How the pictures of a segment are to be shown."""

    rotation: int
    """Degrees against the clock."""
    colours: tuple[int, int, int, int]
    """Primaries, transfer, matrix, range, as in ITU-T H.273 and FFmpeg."""


class Picture(msgspec.Struct, frozen=True):
    """A decoded picture. Not to be changed: all rungs see the same, at the same time.

    Its frame says nothing of its colours: PyAV's scaler changes what a frame says of them for as
    long as it works, which another thread that scales it would see.
    """

    frame: VideoFrame
    look: Look
    at: int
    """When it is shown in ticks, less the segment's composition offset; the frame's pts."""
    duration: int
    key: bool


class PartDone(msgspec.Struct, frozen=True):
    """All pictures that a part covers have been told."""

    part: SourcePart
    number: int
    """Of the source's fragment."""
    end: int
    """Where it ends, in ticks."""
    sounds: list[Sample]


class SegmentDone(msgspec.Struct, frozen=True):
    """All parts of a segment have been told."""

    source_digest: str
    cpu_seconds: float
    """That decoding took."""


class Abandoned(msgspec.Struct, frozen=True):
    """The segment begun will not be finished: something of it is missing."""


Message = Begin | Picture | PartDone | SegmentDone | Abandoned

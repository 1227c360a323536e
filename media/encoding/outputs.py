"""What the ladder is given and what it says."""

import msgspec

from media.packaging.outputs import Opened, Part, Segment

AUDIO_ONLY = "audio_only"
"""The rendition that is the sound alone."""


class Target(msgspec.Struct, frozen=True):
    """A rung, as the dispatcher decided."""

    name: str
    width: int
    height: int
    frame_rate: float
    """Frames a second: about the source's, or about half of them."""
    bitrate: int
    """Bits of video a second that its encoder aims at, and hardly exceeds."""


class SourcePart(msgspec.Struct, frozen=True):
    """A part of the source rendition, as the packager made it."""

    media_sequence: int
    part: int
    init: bytes
    data: bytes
    duration: float
    media_time: float
    program_date_time: int
    independent: bool
    last: bool
    frame_rate: float = 0.0
    """Of the source as announced; 0 if unknown."""
    part_target: float = 0.0
    """Of the source's rendition."""
    session: str = ""
    """The publisher's connection: parts of another do not continue a segment."""


class Produced(msgspec.Struct, frozen=True):
    """Something of a rendition is ready. `Opened` comes before the parts that need it."""

    rendition: str
    recipe: str
    """Digest of how it is made: equal recipe and source give equal bytes, unless the segment's
    `Measured` says that its encoder is not repeatable (then the salt is in the recipe)."""
    output: Opened | Part | Segment


class Measured(msgspec.Struct, frozen=True):
    """A finished segment of a rendition: with what, from what, at what cost.

    See `SegmentTranscoded`.
    """

    rendition: str
    media_sequence: int
    encoder: str
    recipe: str
    repeatable: bool
    frames: int
    duration: float
    cpu_seconds: float
    gpu_seconds: float
    wall_seconds: float
    source_digest: str
    digest: str


class RungFailed(msgspec.Struct, frozen=True):
    """An encoder could not go on with a rung."""

    rendition: str
    encoder: str
    """The one that failed; empty if none was tried."""
    using: str
    """The one that takes over; empty: the rung is not made."""
    detail: str


Output = Produced | Measured | RungFailed

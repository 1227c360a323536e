"""What the packager says, and the limits it keeps."""

from typing import Final

import msgspec

TARGET_DURATION: Final = 4
"""EXT-X-TARGETDURATION of every media playlist, in seconds; never changes (rfc8216bis, 6.2.1).

At the start of a stream nobody knows its longest key-frame interval, so the number cannot come
from the publisher. It is the interval from which on publishers are warned: a larger one would cost
every viewer without low latency three times the difference (HOLD-BACK) and forbid delta updates
(CAN-SKIP-UNTIL is six times it). A longer interval, up to the refusal, is cut into segments of
which only the first is independent.
"""
MAX_SEGMENT: Final = 4.4
"""Seconds a segment lasts at most: rounded it does not exceed TARGET_DURATION (4.4.3.1)."""
MIN_SEGMENT: Final = 1.5
"""Seconds before a key frame may begin a new segment: key frames may be as close as frames."""
MAX_SEGMENT_BYTES: Final = 64 << 20
MAX_JUMP_MS: Final = 10_000
"""A step forward in a publisher's timestamps above this is a discontinuity."""
MAX_STILL_MS: Final = 4_000
"""A picture that stands longer than this would not fit a segment: a discontinuity."""
MAX_STEP_BACK_MS: Final = 1_000
"""A step back of one track above this is a discontinuity."""
MISSING_TRACK_MS: Final = 1_000
"""How much of one track may come before the other is given up."""


class Limits(msgspec.Struct, frozen=True):
    """Settings of packaging, in seconds."""

    part_duration: float = 0.1
    warn_gop: float = 4.0
    max_gop: float = 10.0


class Opened(msgspec.Struct, frozen=True):
    """Parameters are known; the parts that follow need this init segment."""

    init: bytes
    codecs: str
    width: int
    height: int
    frame_rate: float
    channels: int
    part_target: float
    """Longest duration of a part in seconds, but for single frames that last longer."""
    first_media_sequence: int


class Part(msgspec.Struct, frozen=True):
    """A moof and mdat."""

    media_sequence: int
    part: int
    data: bytes
    duration: float
    media_time: float
    """Seconds since the session's first sample."""
    program_date_time: int
    """Microseconds since 1970-01-01T00:00:00Z."""
    independent: bool
    last: bool


class Segment(msgspec.Struct, frozen=True):
    """The parts of a segment are complete; its bytes are theirs, joined."""

    media_sequence: int
    duration: float
    media_time: float
    program_date_time: int
    independent: bool
    parts: list[float]
    """Durations of its parts, in seconds."""


class Warned(msgspec.Struct, frozen=True):
    """Something the publisher should put right; the stream goes on."""

    warning: str
    """As in `PublishWarned.warning`."""
    detail: str


Output = Opened | Part | Segment | Warned

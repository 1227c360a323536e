"""Records of the media context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar

from infra.record import Record


class PartProduced(Record, frozen=True, kw_only=True):
    """A part of a live segment can be fetched."""

    FULL_NAME: ClassVar[str] = "millrace.media.PartProduced"

    stream_id: str
    """The stream. Key of the message."""
    session_id: str
    """The publisher's connection, one id a connection."""
    rendition: str
    """Which rendition: `source` is what the publisher sent, repackaged."""
    media_sequence: int
    """Number of the segment in the stream, from 0; never restarts (RFC 8216bis, 4.4.3.2)."""
    part: int
    """Number of the part in its segment, from 0."""
    object: str
    """Storage key of the part."""
    init_object: str
    """Storage key of the init segment that it needs."""
    size: int
    """Size in bytes."""
    duration: float
    """Duration in seconds."""
    media_time: float
    """Decode time of its first sample, in seconds since the session's first."""
    program_date_time: int
    """Wall-clock time of its first sample."""
    independent: bool
    """Whether it starts with a key frame."""
    last: bool
    """Whether it completes its segment."""
    digest: str
    """BLAKE2b-128 of its bytes, in hex."""


class RenditionOpened(Record, frozen=True, kw_only=True):
    """A session's rendition has its parameters; segments follow."""

    FULL_NAME: ClassVar[str] = "millrace.media.RenditionOpened"

    stream_id: str
    """The stream. Key of the message."""
    session_id: str
    """The publisher's connection, one id a connection."""
    rendition: str
    """Which rendition: `source` is what the publisher sent, repackaged."""
    init_object: str
    """Storage key of the init segment."""
    codecs: str
    """RFC 6381 codecs, comma-separated, video first."""
    width: int
    """Width in pixels; 0 without video."""
    height: int
    """Height in pixels; 0 without video."""
    frame_rate: float
    """Frames per second as announced or measured; 0 if unknown."""
    channels: int
    """Audio channels; 0 without audio."""
    part_target: float
    """Longest duration of a part, in seconds; a single longer frame is the one exception."""
    first_media_sequence: int
    """Number of the session's first segment in the stream."""


class SegmentProduced(Record, frozen=True, kw_only=True):
    """A segment is complete and kept."""

    FULL_NAME: ClassVar[str] = "millrace.media.SegmentProduced"

    stream_id: str
    """The stream. Key of the message."""
    session_id: str
    """The publisher's connection, one id a connection."""
    rendition: str
    """Which rendition: `source` is what the publisher sent, repackaged."""
    media_sequence: int
    """Number of the segment in the stream, from 0; never restarts (RFC 8216bis, 4.4.3.2)."""
    object: str
    """Storage key of the segment."""
    init_object: str
    """Storage key of the init segment that it needs."""
    size: int
    """Size in bytes."""
    duration: float
    """Duration in seconds."""
    media_time: float
    """Decode time of its first sample, in seconds since the session's first."""
    program_date_time: int
    """Wall-clock time of its first sample."""
    independent: bool
    """Whether it starts with a key frame."""
    digest: str
    """BLAKE2b-128 of its bytes, in hex."""
    parts: list[float]
    """Durations of its parts, in seconds."""

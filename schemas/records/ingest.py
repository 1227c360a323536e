"""Records of the ingest context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar, Literal

from infra.record import Record


class HealthMeasured(Record, frozen=True, kw_only=True):
    """What a publisher sent in the last ten seconds, and what is not well with it. Sent every two seconds."""

    FULL_NAME: ClassVar[str] = "millrace.ingest.HealthMeasured"

    channel_id: str
    """The channel. Key of the message."""
    stream_id: str
    """The stream that the session belongs to."""
    session_id: str
    """The publisher's connection, one id a connection."""
    seconds: float
    """Time that was measured, in seconds."""
    video_bitrate: int
    """Bits of video in a second of it."""
    audio_bitrate: int
    """Bits of sound in a second of it."""
    frame_rate: float
    """Video frames in a second of it."""
    expected_frame_rate: float
    """Frames a second that the encoder announced, else that were usual; 0 if unknown."""
    frames_missing: int
    """Frames fewer than that came in the time measured."""
    frames_discarded: int
    """Video and audio frames of this session that could not be used, as those before the first key frame."""
    key_frame_interval: float | None = None
    """Seconds between the last two key frames, or since the last one if that is longer; null before there is one."""
    width: int
    """Width of the picture in pixels; 0 if unknown."""
    height: int
    """Height of the picture in pixels; 0 if unknown."""
    video_codec: str
    """As RFC 6381 writes it; empty if there is no video."""
    audio_codec: str
    """As RFC 6381 writes it; empty if there is no sound."""
    late: float
    """Seconds that media arrived later than it could have, at worst in the time measured."""
    hole: float
    """Longest time between two packets of a track by the publisher's timestamps, in seconds."""
    jumps: int
    """Times that the publisher's timestamps jumped."""
    audio_offset: float
    """Seconds that sound is ahead of the picture in what arrives; below 0: behind."""
    behind_bytes: int
    """Bytes received that are not packaged for viewers yet: the platform's part."""
    warnings: list[str]
    """What is not well: stable codes of the rules, kebab-case, the gravest first."""
    details: list[str]
    """The same in plain words, for the broadcaster."""


class IngestMeasured(Record, frozen=True, kw_only=True):
    """How many publishers an ingest has, and could have. Sent every five seconds, and when it stops."""

    FULL_NAME: ClassVar[str] = "millrace.ingest.IngestMeasured"

    ingest_id: str
    """The ingest: the same after it was started again. Key of the message."""
    place: str
    """The place that it belongs to: what publishers choose, and several ingests may stand for."""
    sessions: int
    """Publishers that it has."""
    max_sessions: int
    """Publishers that it takes at most; 0: none any more, it stops."""


class MeasurementEnded(Record, frozen=True, kw_only=True):
    """A publisher's session is no longer measured: it is over."""

    FULL_NAME: ClassVar[str] = "millrace.ingest.MeasurementEnded"

    channel_id: str
    """The channel. Key of the message."""
    stream_id: str
    """The stream that the session belonged to."""
    session_id: str
    """The publisher's connection, one id a connection."""


class PublishProgressed(Record, frozen=True, kw_only=True):
    """The publisher is alive. Sent every two seconds."""

    FULL_NAME: ClassVar[str] = "millrace.ingest.PublishProgressed"

    channel_id: str
    """The channel. Key of the message."""
    session_id: str
    """The publisher's connection, one id a connection."""
    received_bytes: int
    """Bytes of media received in this session."""
    video_frames: int
    """Video frames received in this session."""
    audio_frames: int
    """Audio frames received in this session."""
    media_time: int
    """Newest timestamp of the publisher, in milliseconds."""


class PublishRefused(Record, frozen=True, kw_only=True):
    """A connection that wanted to publish was turned away."""

    FULL_NAME: ClassVar[str] = "millrace.ingest.PublishRefused"

    channel_id: str | None = None
    """The channel, where the key named one. Key of the message, else the ingest process."""
    ingest: str
    """The ingest process that refused."""
    reason: Literal[
        "unknown_key",
        "already_live",
        "unsupported_codec",
        "key_frame_interval",
        "protocol_error",
        "handshake_timeout",
        "too_many_connections",
        "platform_busy",
        "unknown",
    ]
    """Why it was turned away."""
    detail: str
    """The reason in plain words."""


class PublishStarted(Record, frozen=True, kw_only=True):
    """A publisher with a valid key asks to go on air."""

    FULL_NAME: ClassVar[str] = "millrace.ingest.PublishStarted"

    channel_id: str
    """The channel. Key of the message."""
    session_id: str
    """The publisher's connection, one id a connection."""
    ingest: str
    """The ingest process that holds the connection."""
    protocol: Literal["rtmp", "rtmps", "unknown"]
    """How the publisher is connected."""
    encoder: str | None = None
    """What the publisher says it is."""


class PublishStopped(Record, frozen=True, kw_only=True):
    """A publisher's session is over."""

    FULL_NAME: ClassVar[str] = "millrace.ingest.PublishStopped"

    channel_id: str
    """The channel. Key of the message."""
    session_id: str
    """The publisher's connection, one id a connection."""
    reason: Literal[
        "publisher_left",
        "connection_lost",
        "idle",
        "protocol_error",
        "unsupported_media",
        "key_frame_interval",
        "ended_by_platform",
        "ingest_stopping",
        "unknown",
    ]
    """Why it is over."""
    detail: str
    """The reason in plain words."""
    received_bytes: int
    """Bytes of media received in this session."""
    video_frames: int
    """Video frames received in this session."""
    audio_frames: int
    """Audio frames received in this session."""


class PublishWarned(Record, frozen=True, kw_only=True):
    """The publisher sends something that works, but not well."""

    FULL_NAME: ClassVar[str] = "millrace.ingest.PublishWarned"

    channel_id: str
    """The channel. Key of the message."""
    session_id: str
    """The publisher's connection, one id a connection."""
    warning: Literal[
        "key_frame_interval",
        "missing_audio",
        "missing_video",
        "timestamp_jump",
        "falling_behind",
        "unknown",
    ]
    """What is not well."""
    detail: str
    """What to change, in plain words."""

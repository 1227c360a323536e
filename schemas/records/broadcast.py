"""Records of the broadcast context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar

from infra.record import Record


class CloseSession(Record, frozen=True, kw_only=True):
    """A publisher is gone."""

    FULL_NAME: ClassVar[str] = "millrace.broadcast.CloseSession"

    channel_id: str
    """The channel. Key of the message."""
    session_id: str
    """The publisher's connection, one id a connection."""
    reason: str
    """Why, as the ingest named it."""


class CreateMarker(Record, frozen=True, kw_only=True):
    """Mark this moment of a channel's stream."""

    FULL_NAME: ClassVar[str] = "millrace.broadcast.CreateMarker"

    channel_id: str
    """The channel. Key of the message."""
    marker_id: str
    """Id of the marker, made by who asks."""
    user_id: str
    """Who marks it."""
    description: str
    """What happens at this moment, at most 140 characters; may be empty."""


class MarkerCreated(Record, frozen=True, kw_only=True):
    """A moment of a stream was marked."""

    FULL_NAME: ClassVar[str] = "millrace.broadcast.MarkerCreated"

    channel_id: str
    """The channel. Key of the message."""
    stream_id: str
    """The stream that was on air."""
    marker_id: str
    """Id of the marker."""
    user_id: str
    """Who marked it."""
    created_at: int
    """When it was marked."""
    position_seconds: int
    """Whole seconds from the start of the stream to then."""
    description: str
    """What happens at this moment; may be empty."""


class MarkerRefused(Record, frozen=True, kw_only=True):
    """A moment was not marked."""

    FULL_NAME: ClassVar[str] = "millrace.broadcast.MarkerRefused"

    channel_id: str
    """The channel. Key of the message."""
    marker_id: str
    """Id that the marker would have had."""
    reason: str
    """Stable code of the rule, kebab-case."""
    detail: str
    """What is wrong, for people."""


class OpenSession(Record, frozen=True, kw_only=True):
    """A publisher asks to go on air."""

    FULL_NAME: ClassVar[str] = "millrace.broadcast.OpenSession"

    channel_id: str
    """The channel. Key of the message."""
    session_id: str
    """The publisher's connection, one id a connection."""


class SessionRefused(Record, frozen=True, kw_only=True):
    """A publisher may not go on air."""

    FULL_NAME: ClassVar[str] = "millrace.broadcast.SessionRefused"

    channel_id: str
    """The channel. Key of the message."""
    session_id: str
    """The publisher's connection, one id a connection."""
    reason: str
    """Stable code of the rule, kebab-case."""
    detail: str
    """What is wrong, for people."""


class StreamEnded(Record, frozen=True, kw_only=True):
    """The stream is over."""

    FULL_NAME: ClassVar[str] = "millrace.broadcast.StreamEnded"

    channel_id: str
    """The channel. Key of the message."""
    stream_id: str
    """The stream: one broadcast, which may span several sessions."""
    reason: str
    """Why the last session ended."""
    started_at: int
    """When the stream started."""
    interruptions: int
    """How often the publisher was away and came back."""


class StreamInterrupted(Record, frozen=True, kw_only=True):
    """The publisher is away; the stream goes on if it returns in time."""

    FULL_NAME: ClassVar[str] = "millrace.broadcast.StreamInterrupted"

    channel_id: str
    """The channel. Key of the message."""
    stream_id: str
    """The stream: one broadcast, which may span several sessions."""
    session_id: str
    """The publisher's connection, one id a connection."""
    reason: str
    """Why the session ended."""
    resume_until: int
    """Until when the publisher may return, in microseconds since 1970-01-01T00:00:00Z."""


class StreamResumed(Record, frozen=True, kw_only=True):
    """The publisher is back in time: the same stream goes on, with a discontinuity."""

    FULL_NAME: ClassVar[str] = "millrace.broadcast.StreamResumed"

    channel_id: str
    """The channel. Key of the message."""
    stream_id: str
    """The stream: one broadcast, which may span several sessions."""
    session_id: str
    """The publisher's connection, one id a connection."""
    started_at: int
    """When the stream started."""
    interrupted_at: int
    """When the publisher went away."""


class StreamStarted(Record, frozen=True, kw_only=True):
    """A stream is on air."""

    FULL_NAME: ClassVar[str] = "millrace.broadcast.StreamStarted"

    channel_id: str
    """The channel. Key of the message."""
    stream_id: str
    """The stream: one broadcast, which may span several sessions."""
    session_id: str
    """The publisher's connection, one id a connection."""
    started_at: int
    """When it started, in microseconds since 1970-01-01T00:00:00Z."""


class TouchSession(Record, frozen=True, kw_only=True):
    """A publisher is connected, and has sent so much."""

    FULL_NAME: ClassVar[str] = "millrace.broadcast.TouchSession"

    channel_id: str
    """The channel. Key of the message."""
    session_id: str
    """The publisher's connection, one id a connection."""
    received_bytes: int
    """Bytes of media received in this session; a publisher that sends nothing is silent."""

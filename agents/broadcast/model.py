"""Streams: which publisher sessions make up what a channel has on air.

A stream begins with a session, outlives it by the grace period, and goes on when a publisher
returns in time. Its moments can be marked while a publisher is connected. All times are
microseconds since 1970-01-01T00:00:00Z, taken from the log.
"""

import re
from dataclasses import dataclass, replace

from schemas.records.broadcast import (
    CloseSession,
    CreateMarker,
    MarkerCreated,
    MarkerRefused,
    OpenSession,
    SessionRefused,
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
    TouchSession,
)
from schemas.records.clock import Tick

Command = OpenSession | TouchSession | CloseSession | CreateMarker | Tick
Event = (
    StreamStarted
    | StreamInterrupted
    | StreamResumed
    | StreamEnded
    | SessionRefused
    | MarkerCreated
    | MarkerRefused
)

DESCRIPTION_LENGTH = 140
"""Characters of a marker's description."""
MARKERS = 1_000
"""Markers of a stream."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Rules:
    """How patient the platform is, in microseconds."""

    grace: int = 60_000_000
    """How long a publisher may be away before the stream ends."""
    silence: int = 10_000_000
    """How long a session may send nothing before it counts as gone."""


@dataclass(frozen=True)
class Stream:
    """What a channel has on air. A channel without a stream has no state."""

    channel_id: str
    stream_id: str
    session_id: str
    started_at: int
    heard_at: int
    """When the session last sent media."""
    received_bytes: int = 0
    interruptions: int = 0
    interrupted_at: int | None = None
    resume_until: int | None = None
    reason: str = ""
    markers: int = 0

    @property
    def live(self) -> bool:
        """Whether a publisher is connected."""
        return self.interrupted_at is None


def decide(stream: Stream | None, command: Command, *, now: int, rules: Rules) -> list[Event]:
    """The events that follow from a command."""
    match command:
        case OpenSession():
            return _open(stream, command, now, rules)
        case TouchSession():
            return _touch(stream, command, now, rules)
        case CloseSession() if stream and stream.live and command.session_id == stream.session_id:
            return _interrupt(stream, command.reason, now, rules)
        case CreateMarker():
            return [_mark(stream, command, now)]
        case Tick() if stream:
            return _expire(stream, now, rules)
    return []


def evolve(stream: Stream | None, event: Event) -> Stream | None:
    """The state after an event."""
    match event:
        case StreamStarted():
            return Stream(
                channel_id=event.channel_id,
                stream_id=event.stream_id,
                session_id=event.session_id,
                started_at=event.started_at,
                heard_at=event.started_at,
            )
        case StreamInterrupted() if stream:
            return replace(
                stream,
                interruptions=stream.interruptions + 1,
                interrupted_at=stream.heard_at,
                resume_until=event.resume_until,
                reason=event.reason,
            )
        case StreamResumed() if stream:
            same = event.session_id == stream.session_id
            return replace(
                stream,
                session_id=event.session_id,
                received_bytes=stream.received_bytes if same else 0,
                interrupted_at=None,
                resume_until=None,
                reason="",
            )
        case MarkerCreated() if stream:
            return replace(stream, markers=stream.markers + 1)
        case StreamEnded():
            return None
    return stream


def heard(stream: Stream | None, command: Command, *, now: int) -> Stream | None:
    """The state after a sign of life, which is no event: media came in since the last one."""
    match command:
        case OpenSession() if stream and command.session_id == stream.session_id:
            return replace(stream, heard_at=max(now, stream.heard_at))
        case TouchSession() if stream and command.session_id == stream.session_id:
            if command.received_bytes > stream.received_bytes:
                return replace(
                    stream,
                    heard_at=max(now, stream.heard_at),
                    received_bytes=command.received_bytes,
                )
    return stream


def _open(stream: Stream | None, command: OpenSession, now: int, rules: Rules) -> list[Event]:
    started = StreamStarted(
        channel_id=command.channel_id,
        stream_id=command.session_id,
        session_id=command.session_id,
        started_at=now,
    )
    if stream is None:
        return [started]
    if command.session_id == stream.session_id:
        return []
    ended = _expire(stream, now, rules)
    if any(isinstance(event, StreamEnded) for event in ended):
        return [*ended, started]
    if stream.live and not ended:
        return [
            SessionRefused(
                channel_id=command.channel_id,
                session_id=command.session_id,
                reason="already-live",
                detail="Another encoder is already live on this channel. Stop it first.",
            )
        ]
    return [*ended, _resumed(stream, command.session_id)]


def _touch(stream: Stream | None, command: TouchSession, now: int, rules: Rules) -> list[Event]:
    """A session that was given up for silence and sends again goes on, while there is time."""
    if stream is None or command.session_id != stream.session_id or stream.live:
        return []
    if stream.reason != "silence" or command.received_bytes <= stream.received_bytes:
        return []
    return _expire(stream, now, rules) or [_resumed(stream, command.session_id)]


def _mark(stream: Stream | None, command: CreateMarker, now: int) -> Event:
    """A marker of this moment, or why there is none. Somebody waits for either."""
    if not _ID.fullmatch(command.marker_id) or not _ID.fullmatch(command.user_id):
        return _unmarked(command, "invalid-id", "marker_id and user_id must be ids")
    if len(command.description) > DESCRIPTION_LENGTH:
        detail = f"a description may have {DESCRIPTION_LENGTH} characters"
        return _unmarked(command, "description-too-long", detail)
    if stream is None or not stream.live:
        return _unmarked(command, "not-live", "the channel is not live: there is nothing to mark")
    if stream.markers >= MARKERS:
        return _unmarked(command, "too-many-markers", f"a stream may have {MARKERS} markers")
    return MarkerCreated(
        channel_id=command.channel_id,
        stream_id=stream.stream_id,
        marker_id=command.marker_id,
        user_id=command.user_id,
        created_at=now,
        position_seconds=max(0, now - stream.started_at) // 1_000_000,
        description=command.description,
    )


def _unmarked(command: CreateMarker, reason: str, detail: str) -> MarkerRefused:
    return MarkerRefused(
        channel_id=command.channel_id, marker_id=command.marker_id, reason=reason, detail=detail
    )


def _expire(stream: Stream, now: int, rules: Rules) -> list[Event]:
    """What became true by the passing of time alone."""
    if stream.live:
        if now - stream.heard_at > rules.silence:
            return _interrupt(stream, "silence", now, rules)
        return []
    assert stream.resume_until is not None
    return [_ended(stream, stream.reason)] if now >= stream.resume_until else []


def _interrupt(stream: Stream, reason: str, now: int, rules: Rules) -> list[Event]:
    if rules.grace == 0 or reason == "ended_by_platform":
        return [_ended(stream, reason)]
    return [
        StreamInterrupted(
            channel_id=stream.channel_id,
            stream_id=stream.stream_id,
            session_id=stream.session_id,
            reason=reason,
            resume_until=now + rules.grace,
        )
    ]


def _resumed(stream: Stream, session_id: str) -> StreamResumed:
    return StreamResumed(
        channel_id=stream.channel_id,
        stream_id=stream.stream_id,
        session_id=session_id,
        started_at=stream.started_at,
        interrupted_at=stream.interrupted_at or stream.heard_at,
    )


def _ended(stream: Stream, reason: str) -> StreamEnded:
    return StreamEnded(
        channel_id=stream.channel_id,
        stream_id=stream.stream_id,
        reason=reason,
        started_at=stream.started_at,
        interruptions=stream.interruptions,
    )

"""What happens to streams: they come, are described, are wished for, and go."""

from typing import Final

from msgspec.structs import replace

from agents.transcode.case import Case
from agents.transcode.ladder import wrong_with
from agents.transcode.rows import PENDING, Asked, Held, Stream
from schemas.records.transcode import (
    AdmitStream,
    DescribeSource,
    ReleaseStream,
    RenditionsRequested,
    RequestRenditions,
    SetTier,
)

VIEWERS: Final = 100
"""Viewers of a stream that are told apart."""


def admit(case: Case, command: AdmitStream) -> None:
    """A stream is on air, or its publisher is back."""
    known = case.pool.streams.get(command.stream_id)
    if known is not None and known.channel_id:
        case.draft.edit(known, "source_changed", session_id=command.session_id)
        return
    stream = known or Stream(stream_id=command.stream_id)
    stream = case.draft.edit(
        stream,
        "stream_started",
        channel_id=command.channel_id,
        session_id=command.session_id,
        since=case.now,
        expires=0,
    )
    _begin(case, stream)


def describe(case: Case, command: DescribeSource) -> None:
    """What a stream's source looks like is known, or has changed."""
    wrong = wrong_with(command.width, command.height, command.frame_rate)
    if wrong is not None:
        case.refuse(command, "invalid-source", wrong)
        return
    known = case.pool.streams.get(command.stream_id)
    source = {
        "described": True,
        "width": command.width,
        "height": command.height,
        "frame_rate": command.frame_rate,
    }
    if known is None:
        pending = Stream(stream_id=command.stream_id, expires=case.now + PENDING)
        case.draft.edit(pending, "stream_started", **source)
        return
    before = (known.described, known.width, known.height, known.frame_rate)
    if before == tuple(source.values()):
        return
    if not known.described or not known.channel_id:
        _begin(case, case.draft.edit(known, "stream_started", **source))
        return
    nothing = replace(known, rungs=(), worker_id="", target="", backoffs=(), ready_at=0)
    after = case.draft.mend(nothing, "source_changed", **source)
    case.sharing.serve(after, "source_changed", known.worker_id)


def _begin(case: Case, stream: Stream) -> None:
    """A stream that is on air and of which the source is known gets its ladder."""
    if stream.channel_id and stream.described:
        held_on = case.use_bookings(stream.channel_id)
        case.restand(stream, "stream_started", held_on)


def release(case: Case, command: ReleaseStream) -> None:
    """A stream is over: all that it had is free."""
    stream = case.pool.streams.get(command.stream_id)
    if stream is None:
        return
    case.draft.forget(stream)
    if stream.stream_id in case.pool.rows["asked"]:
        case.pool.put("asked", stream.stream_id, None)
    case.use_bookings(stream.channel_id)


def set_tier(case: Case, command: SetTier) -> None:
    """A channel may have more, or less, than before."""
    channel_id, tier = command.channel_id, command.tier
    if case.pool.rows["tier"].get(channel_id, "regular") == tier:
        return
    case.pool.put("tier", channel_id, None if tier == "regular" else tier)
    for stream_id in sorted(case.pool.channels.get(channel_id, ())):
        stream = case.pool.streams[stream_id]
        if stream.described:
            case.restand(stream, "tier_changed")


def request(case: Case, command: RequestRenditions) -> None:
    """A viewer wishes for renditions: enough of them, and a regular stream may be lent some."""
    stream = case.pool.streams.get(command.stream_id)
    if stream is None or not stream.channel_id:
        detail = f"stream_id must be a stream on air, {command.stream_id} is none"
        case.refuse(command, "unknown-stream", detail)
        return
    rules, now = case.rules, case.now
    before: list[Asked] = case.pool.rows["asked"].get(stream.stream_id, [])
    recent = [each for each in before if each.at + rules.window > now]
    new = all(each.viewer != command.viewer for each in recent)
    full = new and len(recent) >= VIEWERS
    asked = [each for each in recent if each.viewer != command.viewer]
    if not full:
        asked.append(Asked(command.viewer, now))
        case.pool.put("asked", stream.stream_id, asked)
    case.said.append(  # also where it was counted before: who asked waits for an answer
        RenditionsRequested(
            stream_id=stream.stream_id, channel_id=stream.channel_id, viewers=len(asked)
        )
    )
    if full or not rules.idle:
        return
    if len(asked) >= rules.viewers or stream.asked_until:
        stream = case.draft.mend(stream, "viewers_asked", asked_until=now + rules.window)
        if stream.described:
            case.sharing.serve(stream, "viewers_asked")


def turn(case: Case, stream: Stream) -> None:
    """Time has come for something of a stream."""
    now = case.pool.clock.ticked_at
    if not stream.channel_id:
        case.draft.forget(stream)
        return
    cause = "grace_over"
    changes: dict[str, object] = {}
    if stream.ready_at and stream.ready_at <= now:
        changes["ready_at"] = 0
    if stream.asked_until and stream.asked_until <= now:
        changes["asked_until"] = 0
        cause = "nobody_asks"
    if stream.stays_until and stream.stays_until <= now:
        changes["stays_until"] = 0
    changes["backoffs"] = tuple(
        replace(each, until=0) if each.until <= now else each for each in stream.backoffs
    )
    after: Stream = replace(stream, **changes)
    rungs = tuple(_turned(after, rung, held, now) for rung, held in enumerate(after.rungs))
    after = case.draft.mend(after, cause, rungs=rungs)
    if after.standing == "regular":
        case.sharing.take_back(after, cause, "not_asked")
    if not changes.keys() <= {"backoffs"} or after.backoffs != stream.backoffs:
        case.sharing.serve(case.pool.streams[stream.stream_id], "capacity_freed")


def _turned(stream: Stream, rung: int, held: Held, now: int) -> Held:
    """A rung, now that time has passed."""
    if held.state == "going" and held.until <= now:
        waits = rung in stream.wanted
        return (
            Held("waiting", "settling" if stream.ready_at else "no_capacity")
            if waits
            else (Held("refused", "tier"))
        )
    if held.reason == "settling" and not stream.ready_at:
        return Held("waiting", "no_capacity")
    if held.reason in ("worker_behind", "encoder_failed"):
        name = stream.ladder.renditions[rung].name
        resting = any(each.until and each.name == name for each in stream.backoffs)
        return held if resting else Held("waiting", "no_capacity")
    return held

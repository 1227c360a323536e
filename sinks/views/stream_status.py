"""Every stream, by its id: where it stands, and what its picture is like."""

from infra.record import Envelope
from schemas.records.broadcast import (
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
)
from schemas.records.media import RenditionOpened
from sinks.rows import Columns
from sinks.view import Change, Upsert, View


def project(message: Envelope) -> list[Change]:
    """Broadcast events feed the state; the source rendition feeds the picture."""
    match message.event:
        case StreamStarted() | StreamResumed() as live:
            return [Upsert(live.stream_id, _live(live))]
        case StreamInterrupted() as away:
            columns: Columns = {
                "state": "interrupted",
                "reason": away.reason,
                "resume_until": away.resume_until,
            }
            return [Upsert(away.stream_id, columns)]
        case StreamEnded() as ended:
            columns = {
                "state": "ended",
                "channel_id": ended.channel_id,
                "started_at": ended.started_at,
                "ended_at": message.meta.occurred_at,
                "interruptions": ended.interruptions,
                "reason": ended.reason,
                "resume_until": None,
            }
            return [Upsert(ended.stream_id, columns)]
        case RenditionOpened(rendition="source") as opened:
            columns = {
                "codecs": opened.codecs,
                "width": opened.width,
                "height": opened.height,
                "frame_rate": opened.frame_rate,
            }
            return [Upsert(opened.stream_id, columns)]
    return []


def _live(event: StreamStarted | StreamResumed) -> Columns:
    return {
        "state": "live",
        "channel_id": event.channel_id,
        "session_id": event.session_id,
        "started_at": event.started_at,
        "reason": None,
        "resume_until": None,
    }


VIEW = View(
    name="stream-status",
    purpose="Where each stream stands and what its picture is like.",
    topics=("broadcast-events", "media-segments"),
    store="redis",
    key={"stream_id": str},
    columns={
        "state": str,
        "channel_id": str,
        "session_id": str,
        "started_at": int,
        "ended_at": int,
        "interruptions": int,
        "reason": str,
        "resume_until": int,
        "codecs": str,
        "width": int,
        "height": int,
        "frame_rate": float,
    },
    project=project,
)

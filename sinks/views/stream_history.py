"""What a channel streamed, newest first."""

from infra.record import Envelope
from schemas.records.broadcast import StreamEnded, StreamStarted
from sinks.rows import Columns
from sinks.view import Change, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A stream has a row from its start on, completed at its end."""
    match message.event:
        case StreamStarted() as started:
            key = (started.channel_id, started.started_at, started.stream_id)
            return [Upsert(key, {"state": "live"})]
        case StreamEnded() as ended:
            key = (ended.channel_id, ended.started_at, ended.stream_id)
            columns: Columns = {
                "state": "ended",
                "ended_at": message.meta.occurred_at,
                "interruptions": ended.interruptions,
                "reason": ended.reason,
            }
            return [Upsert(key, columns)]
    return []


VIEW = View(
    name="stream-history",
    purpose="What each channel streamed, newest first.",
    topics=("broadcast-events",),
    store="cassandra",
    key={"channel_id": str, "started_at": int, "stream_id": str},
    columns={"state": str, "ended_at": int, "interruptions": int, "reason": str},
    newest_first=("started_at",),
    project=project,
    log_key="channel_id",
)

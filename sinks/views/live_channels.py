"""Channels that have a stream on air, by channel."""

from infra.record import Envelope
from schemas.records.broadcast import (
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
)
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A channel has a row from the start of a stream to its end."""
    match message.event:
        case StreamStarted() | StreamResumed() as live:
            return [
                Upsert(
                    live.channel_id,
                    {
                        "state": "live",
                        "stream_id": live.stream_id,
                        "session_id": live.session_id,
                        "started_at": live.started_at,
                        "resume_until": None,
                    },
                )
            ]
        case StreamInterrupted() as away:
            columns: Columns = {"state": "interrupted", "resume_until": away.resume_until}
            return [Upsert(away.channel_id, columns)]
        case StreamEnded() as ended:
            return [Delete(ended.channel_id)]
    return []


VIEW = View(
    name="live-channels",
    purpose="What each channel has on air.",
    topics=("broadcast-events",),
    store="redis",
    key={"channel_id": str},
    columns={
        "state": str,
        "stream_id": str,
        "session_id": str,
        "started_at": int,
        "resume_until": int,
    },
    project=project,
    log_key="channel_id",
)

"""Moments of a stream that were marked, newest first."""

from infra.record import Envelope
from schemas.records.broadcast import MarkerCreated
from sinks.view import Change, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A marker has a row for good."""
    match message.event:
        case MarkerCreated() as marker:
            key = (marker.stream_id, marker.created_at, marker.marker_id)
            return [
                Upsert(
                    key,
                    {
                        "channel_id": marker.channel_id,
                        "user_id": marker.user_id,
                        "position_seconds": marker.position_seconds,
                        "description": marker.description,
                    },
                )
            ]
    return []


VIEW = View(
    name="stream-markers",
    purpose="Moments of each stream that were marked, newest first.",
    topics=("broadcast-events",),
    store="cassandra",
    key={"stream_id": str, "created_at": int, "marker_id": str},
    columns={"channel_id": str, "user_id": str, "position_seconds": int, "description": str},
    newest_first=("created_at",),
    project=project,
)

"""Which renditions each stream has, and why it has no others."""

import msgspec

from infra.record import Envelope
from schemas.records.transcode import LadderChanged, StreamQuarantined
from sinks.rows import Columns
from sinks.view import Change, Upsert, View


def project(message: Envelope) -> list[Change]:
    """What was decided last. The row of a stream that is over stays, with the cause `stream_over`.

    Why a stream was quarantined lies in columns of its own: what is decided later keeps them.
    """
    match message.event:
        case LadderChanged() as ladder:
            return [
                Upsert(
                    ladder.stream_id,
                    {
                        "channel_id": ladder.channel_id,
                        "session_id": ladder.session_id,
                        "pool": ladder.pool,
                        "tier": ladder.tier,
                        "worker_id": ladder.worker_id,
                        "assignment": ladder.assignment,
                        "cause": ladder.cause,
                        "rungs": msgspec.json.encode(ladder.rungs).decode(),
                        "changed_at": message.meta.occurred_at,
                    },
                )
            ]
        case StreamQuarantined() as found:
            columns: Columns = {
                "quarantined_at": message.meta.occurred_at,
                "deaths": found.deaths,
                "quarantined_segment": found.media_sequence,
                "kept_object": found.kept_object,
                "quarantine": found.detail,
            }
            return [Upsert(found.stream_id, columns)]
    return []


VIEW = View(
    name="stream-ladders",
    purpose="Which renditions each stream has, and why it has no others; rungs are JSON.",
    topics=("transcode-events",),
    store="redis",
    key={"stream_id": str},
    columns={
        "channel_id": str,
        "session_id": str,
        "pool": str,
        "tier": str,
        "worker_id": str,
        "assignment": int,
        "cause": str,
        "rungs": str,
        "changed_at": int,
        "quarantined_at": int,
        "deaths": int,
        "quarantined_segment": int,
        "kept_object": str,
        "quarantine": str,
    },
    project=project,
    log_key="stream_id",
)

"""What making each rendition of each stream has cost so far."""

from infra.record import Envelope
from schemas.records.transcode import CostMeasured
from sinks.rows import Columns
from sinks.view import Change, Upsert, View


def project(message: Envelope) -> list[Change]:
    """What was measured last holds all that came before."""
    match message.event:
        case CostMeasured() as cost:
            columns: Columns = {
                "encoder": cost.encoder,
                "segments": cost.segments,
                "media_seconds": cost.media_seconds,
                "cpu_seconds": cost.cpu_seconds,
                "gpu_seconds": cost.gpu_seconds,
                "measured_at": message.meta.occurred_at,
            }
            return [Upsert((cost.stream_id, cost.rendition), columns)]
    return []


VIEW = View(
    name="stream-costs",
    purpose="What making each rendition of each stream has cost so far.",
    topics=("stream-costs",),
    store="redis",
    key={"stream_id": str, "rendition": str},
    columns={
        "encoder": str,
        "segments": int,
        "media_seconds": float,
        "cpu_seconds": float,
        "gpu_seconds": float,
        "measured_at": int,
    },
    project=project,
    log_key="stream_id",
)

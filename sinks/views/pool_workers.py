"""Which workers each pool of transcoders has."""

from infra.record import Envelope
from schemas.records.transcode import WorkerJoined, WorkerLeft
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A worker has a row while it is there."""
    match message.event:
        case WorkerJoined() as worker:
            columns: Columns = {
                "name": worker.name,
                "capacity": worker.capacity,
                "encoders": " ".join(worker.encoders),
                "joined_at": message.meta.occurred_at,
            }
            return [Upsert((worker.pool, worker.worker_id), columns)]
        case WorkerLeft() as worker:
            return [Delete((worker.pool, worker.worker_id))]
    return []


VIEW = View(
    name="pool-workers",
    purpose="Which workers each pool of transcoders has, and what each can make.",
    topics=("pool-events",),
    store="redis",
    key={"pool": str, "worker_id": str},
    columns={"name": str, "capacity": int, "encoders": str, "joined_at": int},
    project=project,
    log_key="pool",
)

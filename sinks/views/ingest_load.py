"""How many publishers each ingest has, and could have."""

from infra.record import Envelope
from schemas.records.ingest import IngestMeasured
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """What was measured last; one that stops takes its row along.

    An ingest that is killed leaves the row behind: whoever reads it looks at `measured_at`.
    """
    match message.event:
        case IngestMeasured(max_sessions=0) as stopping:
            return [Delete(stopping.ingest_id)]
        case IngestMeasured() as found:
            columns: Columns = {
                "place": found.place,
                "sessions": found.sessions,
                "max_sessions": found.max_sessions,
                "measured_at": message.meta.occurred_at,
            }
            return [Upsert(found.ingest_id, columns)]
    return []


VIEW = View(
    name="ingest-load",
    purpose="How many publishers each ingest has, and could have.",
    topics=("ingest-load",),
    store="redis",
    key={"ingest_id": str},
    columns={"place": str, "sessions": int, "max_sessions": int, "measured_at": int},
    project=project,
    log_key="ingest_id",
    compacted=True,
)

"""How much of each pool of transcoders is used."""

from infra.record import Envelope
from schemas.records.transcode import PoolMeasured
from sinks.view import Change, Upsert, View


def project(message: Envelope) -> list[Change]:
    """What was measured last, and when."""
    match message.event:
        case PoolMeasured() as pool:
            columns = {name: getattr(pool, name) for name in VIEW.columns if hasattr(pool, name)}
            return [Upsert(pool.pool, {**columns, "measured_at": message.meta.occurred_at})]
    return []


VIEW = View(
    name="pools",
    purpose="How much of each pool of transcoders is used, in macroblocks a second.",
    topics=("pool-events",),
    store="redis",
    key={"pool": str},
    columns={
        "workers": int,
        "streams": int,
        "transcoded": int,
        "capacity": int,
        "used": int,
        "guaranteed": int,
        "reserved": int,
        "wanted": int,
        "served": int,
        "measured_at": int,
    },
    project=project,
    log_key="pool",
)

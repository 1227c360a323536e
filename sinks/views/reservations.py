"""Room that each pool of transcoders holds for events to come."""

from infra.record import Envelope
from schemas.records.transcode import CapacityReserved, ReservationEnded
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A reservation has a row until it was given up, or is over."""
    match message.event:
        case CapacityReserved() as reserved:
            columns: Columns = {
                "channel_id": reserved.channel_id,
                "begins_at": reserved.begins_at,
                "ends_at": reserved.ends_at,
                "cost": reserved.cost,
                "reserved_at": message.meta.occurred_at,
            }
            return [Upsert((reserved.pool, reserved.reservation_id), columns)]
        case ReservationEnded() as ended:
            return [Delete((ended.pool, ended.reservation_id))]
    return []


VIEW = View(
    name="reservations",
    purpose="Room that each pool of transcoders holds for events to come.",
    topics=("pool-events",),
    store="redis",
    key={"pool": str, "reservation_id": str},
    columns={
        "channel_id": str,
        "begins_at": int,
        "ends_at": int,
        "cost": int,
        "reserved_at": int,
    },
    project=project,
    log_key="pool",
)

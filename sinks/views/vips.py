"""Who is a VIP of each channel."""

from infra.record import Envelope
from schemas.records.identity import VipAdded, VipRemoved
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A VIP has a row from when they are added until they are removed."""
    match message.event:
        case VipAdded() as added:
            since = {"since": message.meta.occurred_at}
            return [Upsert((added.channel_id, added.user_id), since)]
        case VipRemoved() as removed:
            return [Delete((removed.channel_id, removed.user_id))]
    return []


VIEW = View(
    name="vips",
    purpose="Who is a VIP of each channel.",
    topics=("identity-events",),
    store="cassandra",
    key={"channel_id": str, "user_id": str},
    columns={"since": int},
    project=project,
    log_key="channel_id",
)

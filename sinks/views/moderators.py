"""Who moderates each channel."""

from infra.record import Envelope
from schemas.records.identity import ModeratorAdded, ModeratorRemoved
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A moderator has a row from when they are added until they are removed."""
    match message.event:
        case ModeratorAdded() as added:
            since = {"since": message.meta.occurred_at}
            return [Upsert((added.channel_id, added.user_id), since)]
        case ModeratorRemoved() as removed:
            return [Delete((removed.channel_id, removed.user_id))]
    return []


VIEW = View(
    name="moderators",
    purpose="Who moderates each channel.",
    topics=("identity-events",),
    store="cassandra",
    key={"channel_id": str, "user_id": str},
    columns={"since": int},
    project=project,
    log_key="channel_id",
)

"""Which channels each user moderates."""

from infra.record import Envelope
from schemas.records.identity import ModeratorAdded, ModeratorRemoved
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A channel has a row from when the user is added until they are removed."""
    match message.event:
        case ModeratorAdded() as added:
            since = {"since": message.meta.occurred_at}
            return [Upsert((added.user_id, added.channel_id), since)]
        case ModeratorRemoved() as removed:
            return [Delete((removed.user_id, removed.channel_id))]
    return []


VIEW = View(
    name="moderated-channels",
    purpose="Which channels each user moderates.",
    topics=("identity-events",),
    store="cassandra",
    key={"user_id": str, "channel_id": str},
    columns={"since": int},
    project=project,
    log_key="channel_id",
)

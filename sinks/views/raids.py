"""The raid that was called in a channel and has not gone yet."""

from infra.record import Envelope
from schemas.records.chat import RaidCancelled, RaidStarted, RaidWent
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A channel has a row from when a raid is called until it goes, or does not."""
    match message.event:
        case RaidStarted() as raid:
            columns = {name: getattr(raid, name) for name in VIEW.columns}
            return [Upsert(raid.channel_id, columns)]
        case RaidCancelled() | RaidWent() as over:
            return [Delete(over.channel_id)]
    return []


VIEW = View(
    name="raids",
    purpose="The raid that was called in a channel and has not gone yet.",
    topics=("chat-events",),
    store="redis",
    key={"channel_id": str},
    columns={
        "raid_id": str,
        "to_id": str,
        "to_login": str,
        "to_display_name": str,
        "viewers": int,
        "started_at": int,
        "goes_at": int,
    },
    project=project,
    log_key="channel_id",
)

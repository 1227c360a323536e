"""The stream key that each channel has, as far as it may be shown again."""

from infra.record import Envelope
from schemas.records.identity import StreamKeyIssued, StreamKeyRevoked
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A channel has a row while it has a key."""
    match message.event:
        case StreamKeyIssued() as issued:
            columns: Columns = {"key_id": issued.key_id, "sealed_key": issued.sealed_key}
            return [Upsert(issued.channel_id, columns)]
        case StreamKeyRevoked() as revoked:
            return [Delete(revoked.channel_id)]
    return []


VIEW = View(
    name="channel-stream-keys",
    purpose="The stream key of each channel, sealed by the master key.",
    topics=("identity-events",),
    store="redis",
    key={"channel_id": str},
    columns={"key_id": str, "sealed_key": str},
    project=project,
    log_key="channel_id",
)

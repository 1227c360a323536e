"""Stream keys that are valid, by their public part."""

from infra.record import Envelope
from schemas.records.identity import StreamKeyIssued, StreamKeyRevoked
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A key has a row from when it is issued until it is revoked."""
    match message.event:
        case StreamKeyIssued() as issued:
            columns = {"channel_id": issued.channel_id, "key_digest": issued.key_digest}
            return [Upsert(issued.key_id, columns)]
        case StreamKeyRevoked() as revoked:
            return [Delete(revoked.key_id)]
    return []


VIEW = View(
    name="stream-keys",
    purpose="Valid stream keys by their public part.",
    topics=("identity-events",),
    store="redis",
    key={"key_id": str},
    columns={"channel_id": str, "key_digest": str},
    project=project,
)

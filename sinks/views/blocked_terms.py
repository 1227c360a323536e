"""Which terms are blocked in each chat."""

from infra.record import Envelope
from schemas.records.chat import BlockedTermAdded, BlockedTermRemoved
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A term has a row from when it is added until it is removed."""
    match message.event:
        case BlockedTermAdded() as added:
            columns: Columns = {
                "text": added.text,
                "added_at": message.meta.occurred_at,
                "by_id": added.by_id,
                "by_login": added.by_login,
            }
            return [Upsert((added.channel_id, added.term_id), columns)]
        case BlockedTermRemoved() as removed:
            return [Delete((removed.channel_id, removed.term_id))]
    return []


VIEW = View(
    name="blocked-terms",
    purpose="Which terms are blocked in each chat, and by whom.",
    topics=("chat-events",),
    store="cassandra",
    key={"channel_id": str, "term_id": str},
    columns={"text": str, "added_at": int, "by_id": str, "by_login": str},
    project=project,
    log_key="channel_id",
)

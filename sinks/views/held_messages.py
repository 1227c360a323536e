"""Messages that wait for a moderator. What became of the others is in the moderation log."""

from infra.record import Envelope
from schemas.records.chat import HeldMessageReviewed, MessageHeld
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A message has a row from when it is held until it is reviewed, or nobody did in time."""
    match message.event:
        case MessageHeld() as held:
            columns: Columns = {
                "user_id": held.user_id,
                "login": held.login,
                "display_name": held.display_name,
                "text": held.text,
                "rule": held.rule,
                "category": held.category,
                "level": held.level,
                "held_at": message.meta.occurred_at,
                "held_until": held.held_until,
            }
            return [Upsert((held.channel_id, held.message_id), columns)]
        case HeldMessageReviewed() as reviewed:
            return [Delete((reviewed.channel_id, reviewed.message_id))]
    return []


VIEW = View(
    name="held-messages",
    purpose="Messages that wait for a moderator, by channel.",
    topics=("chat-events",),
    store="redis",
    key={"channel_id": str, "message_id": str},
    columns={
        "user_id": str,
        "login": str,
        "display_name": str,
        "text": str,
        "rule": str,
        "category": str,
        "level": int,
        "held_at": int,
        "held_until": int,
    },
    project=project,
    log_key="channel_id",
)

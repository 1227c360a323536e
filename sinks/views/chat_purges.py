"""Up to when nothing that a user said in a chat is shown, and up to when nothing at all."""

from typing import Final

from infra.record import Envelope
from schemas.records.chat import ChatCleared, UserBanned
from sinks.view import Change, Upsert, View

EVERYBODY: Final = "*"
"""Instead of a user id."""


def project(message: Envelope) -> list[Change]:
    """The last purge counts: it covers all before it, and letting somebody back takes none away."""
    at = {"at": message.meta.occurred_at}
    match message.event:
        case UserBanned() as banned:
            return [Upsert((banned.channel_id, banned.user_id), at)]
        case ChatCleared() as cleared:
            return [Upsert((cleared.channel_id, EVERYBODY), at)]
    return []


VIEW = View(
    name="chat-purges",
    purpose="Up to when what a user, or everybody (`*`), said in a chat is hidden.",
    topics=("chat-events",),
    store="redis",
    key={"channel_id": str, "user_id": str},
    columns={"at": int},
    project=project,
    log_key="channel_id",
)

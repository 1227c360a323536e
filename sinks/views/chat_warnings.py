"""Who was warned in each chat and has not said yet that they read it."""

from infra.record import Envelope
from schemas.records.chat import UserWarned, WarningConfirmed
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A user has a row from a warning until they confirm it."""
    match message.event:
        case UserWarned() as warned:
            columns: Columns = {
                "reason": warned.reason,
                "at": message.meta.occurred_at,
                "by_login": warned.by_login,
            }
            return [Upsert((warned.channel_id, warned.user_id), columns)]
        case WarningConfirmed() as read:
            return [Delete((read.channel_id, read.user_id))]
    return []


VIEW = View(
    name="chat-warnings",
    purpose="Warnings that their users have not confirmed yet.",
    topics=("chat-events",),
    store="redis",
    key={"channel_id": str, "user_id": str},
    columns={"reason": str, "at": int, "by_login": str},
    project=project,
    log_key="channel_id",
)

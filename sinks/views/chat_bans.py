"""Who is shut out of each chat. Timeouts that are over stay until the user is let in or banned."""

from infra.record import Envelope
from schemas.records.chat import UserBanned, UserUnbanned
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A user has a row from a ban or a timeout on, until somebody lets them in."""
    match message.event:
        case UserBanned() as banned:
            columns: Columns = {
                "login": banned.login,
                "at": message.meta.occurred_at,
                "until": banned.until,
                "reason": banned.reason,
                "by_id": banned.by_id,
                "by_login": banned.by_login,
            }
            return [Upsert((banned.channel_id, banned.user_id), columns)]
        case UserUnbanned() as back:
            return [Delete((back.channel_id, back.user_id))]
    return []


VIEW = View(
    name="chat-bans",
    purpose="Who is shut out of each chat, until when, and why.",
    topics=("chat-events",),
    store="cassandra",
    key={"channel_id": str, "user_id": str},
    columns={
        "login": str,
        "at": int,
        "until": int,
        "reason": str,
        "by_id": str,
        "by_login": str,
    },
    project=project,
    log_key="channel_id",
)

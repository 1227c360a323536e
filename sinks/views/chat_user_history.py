"""What each user said in each chat, and what moderators did about it, newest first."""

from typing import Final

from infra.record import Envelope
from schemas.records.chat import MessageDeleted, MessageSent, UserBanned, UserUnbanned, UserWarned
from sinks.retention import time_at
from sinks.rows import Columns, Key
from sinks.view import Change, Retention, Upsert, View

PART: Final = 30 * 86_400 * 1_000_000
"""Microseconds: what was said in such a span lies together."""


def project(message: Envelope) -> list[Change]:
    """A row for each message, and for each measure against the user."""
    event, at, event_id = message.event, message.meta.occurred_at, message.meta.event_id
    match event:
        case MessageSent():
            key = (_chatter(event), at, event.message_id)
            return [Upsert(key, {"kind": "message", "text": event.text})]
        case MessageDeleted():
            note: Columns = {"deleted_at": at, "deleted_by": event.by_login}
            return [Upsert((_chatter(event), event.sent_at, event.message_id), note)]
        case UserBanned():
            kind = "ban" if event.until is None else "timeout"
            columns: Columns = {"kind": kind, "text": event.reason, "by_login": event.by_login}
            if event.until is not None:
                columns["until"] = event.until
            return [Upsert((_chatter(event), at, event_id), columns)]
        case UserUnbanned():
            columns = {"kind": "unban", "by_login": event.by_login}
            return [Upsert((_chatter(event), at, event_id), columns)]
        case UserWarned():
            columns = {"kind": "warning", "text": event.reason, "by_login": event.by_login}
            return [Upsert((_chatter(event), at, event_id), columns)]
    return []


def part_of(key: Key) -> int:
    """The span in which it was."""
    return int(key[1]) // PART


def chatter(channel_id: str, user_id: str) -> str:
    """A user in a channel as one text: their rows lie together. No id has a `/`."""
    return f"{channel_id}/{user_id}"


def _chatter(event: MessageSent | MessageDeleted | UserBanned | UserUnbanned | UserWarned) -> str:
    return chatter(event.channel_id, event.user_id)


VIEW = View(
    name="chat-user-history",
    purpose="What a user said in a chat, and what moderators did about it, newest first.",
    topics=("chat-events",),
    store="cassandra",
    key={"chatter": str, "at": int, "id": str},
    columns={
        "kind": str,
        "text": str,
        "until": int,
        "by_login": str,
        "deleted_at": int,
        "deleted_by": str,
    },
    newest_first=("at",),
    part_of=part_of,
    project=project,
    retention=Retention("chat-history", time_at(1)),
)

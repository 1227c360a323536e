"""What was said in each chat, newest first: an hour of a channel lies together."""

from typing import Final

import msgspec

from infra.record import Envelope
from schemas.records.chat import MessageDeleted, MessageSent
from sinks.retention import time_at
from sinks.rows import Columns, Key
from sinks.view import Change, Retention, Upsert, View

HOUR: Final = 3_600 * 1_000_000
"""Microseconds."""
_TEXTS: Final = (
    "user_id",
    "login",
    "display_name",
    "colour",
    "text",
    "kind",
    "announcement_colour",
    "reply_to",
    "reply_user_id",
    "reply_login",
    "reply_display_name",
    "reply_text",
    "thread_id",
    "approved_by",
)


def project(message: Envelope) -> list[Change]:
    """A message has a row; who deletes it is noted there, and readers look at that."""
    match message.event:
        case MessageSent() as sent:
            columns: Columns = {name: text for name in _TEXTS if (text := getattr(sent, name))}
            if sent.badges:
                columns["badges"] = msgspec.json.encode(sent.badges).decode()
            if sent.emotes:
                columns["emotes"] = msgspec.json.encode(sent.emotes).decode()
            key = (sent.channel_id, message.meta.occurred_at, sent.message_id)
            return [Upsert(key, columns)]
        case MessageDeleted() as gone:
            note: Columns = {"deleted_at": message.meta.occurred_at, "deleted_by": gone.by_login}
            return [Upsert((gone.channel_id, gone.sent_at, gone.message_id), note)]
    return []


def part_of(key: Key) -> int:
    """The hour in which it was said."""
    return int(key[1]) // HOUR


VIEW = View(
    name="chat-history",
    purpose="What was said in each chat, newest first, and whether it was deleted.",
    topics=("chat-events",),
    store="cassandra",
    key={"channel_id": str, "sent_at": int, "message_id": str},
    columns={
        **dict.fromkeys(_TEXTS, str),
        "badges": str,
        "emotes": str,
        "deleted_at": int,
        "deleted_by": str,
    },
    newest_first=("sent_at",),
    part_of=part_of,
    project=project,
    log_key="channel_id",
    retention=Retention("chat-history", time_at(1)),
)

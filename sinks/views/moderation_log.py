"""Who did what in each chat, to whom, and why: the audit, newest first."""

from typing import Any, Final

import msgspec

from infra.record import Envelope
from schemas.records.chat import (
    AutomodChanged,
    BlockedTermAdded,
    BlockedTermRemoved,
    ChatCleared,
    ChatSettingsChanged,
    HeldMessageReviewed,
    MessageDeleted,
    MessageHeld,
    ShieldModeChanged,
    UserBanned,
    UserUnbanned,
    UserWarned,
    WarningConfirmed,
)
from schemas.records.identity import ModeratorAdded, ModeratorRemoved, VipAdded, VipRemoved
from sinks.retention import time_at
from sinks.rows import Columns, Key
from sinks.view import Change, Retention, Upsert, View

PART: Final = 30 * 86_400 * 1_000_000
"""Microseconds: what was done in such a span lies together."""
_NOTED: Final = ("by_id", "by_login", "user_id", "login", "message_id", "reason", "text")
"""Fields of events that are columns of their own."""


def project(message: Envelope) -> list[Change]:
    """A row for each act, of people and of rules, with what it said besides as JSON."""
    event = message.event
    action = _action(event)
    if not action:
        return []
    columns: Columns = {"action": action}
    more: dict[str, Any] = {}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name in _NOTED and value:
            columns[name] = value
        elif name not in (*_NOTED, "channel_id"):
            more[name] = value
    if more:
        columns["details"] = msgspec.json.encode(more).decode()
    key = (event.channel_id, message.meta.occurred_at, message.meta.event_id)
    return [Upsert(key, columns)]


def _action(event: Any) -> str:
    """What was done, as its readers know it; empty: nothing that a moderator would look for."""
    match event:
        case UserBanned():
            return "ban" if event.until is None else "timeout"
        case HeldMessageReviewed():
            return {"approved": "approve", "denied": "deny", "expired": "expire"}[event.outcome]
        case ShieldModeChanged():
            return "shield_on" if event.active else "shield_off"
    return _ACTIONS.get(type(event), "")


_ACTIONS: Final[dict[type, str]] = {
    UserUnbanned: "unban",
    UserWarned: "warn",
    WarningConfirmed: "confirm_warning",
    MessageDeleted: "delete",
    MessageHeld: "hold",
    ChatCleared: "clear",
    ChatSettingsChanged: "change_settings",
    AutomodChanged: "change_automod",
    BlockedTermAdded: "add_blocked_term",
    BlockedTermRemoved: "remove_blocked_term",
    ModeratorAdded: "add_moderator",
    ModeratorRemoved: "remove_moderator",
    VipAdded: "add_vip",
    VipRemoved: "remove_vip",
}


def part_of(key: Key) -> int:
    """The span in which it was done."""
    return int(key[1]) // PART


VIEW = View(
    name="moderation-log",
    purpose="Who did what in each chat, to whom, and why, newest first.",
    topics=("chat-events", "identity-events"),
    store="cassandra",
    key={"channel_id": str, "at": int, "event_id": str},
    columns={"action": str, **dict.fromkeys(_NOTED, str), "details": str},
    newest_first=("at",),
    part_of=part_of,
    project=project,
    log_key="channel_id",
    retention=Retention("chat-audit", time_at(1)),
)

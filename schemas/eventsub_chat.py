"""What subscribers are told of chats: fields as the public reference of EventSub has them."""

from typing import Any, Final

from infra.record import Meta
from schemas.eventsub_fields import BROADCASTER, Told, timestamp
from schemas.records.chat import (
    ChatCleared,
    HeldMessageReviewed,
    MessageDeleted,
    MessageHeld,
    MessageSent,
    UserBanned,
    UserUnbanned,
    UserWarned,
)

_NOBODY: Final = ""


def message(event: MessageSent, _: Meta) -> Told | None:
    """channel.chat.message: something was said; announcements are notifications."""
    if event.kind == "announcement":
        return None
    return {
        **_chatter(event),
        "message_id": event.message_id,
        "message": _body(event),
        "message_type": "text",
        "badges": _badges(event.badges),
        "cheer": None,
        "color": event.colour,
        "reply": _reply(event),
        "channel_points_custom_reward_id": None,
    }


def notification(event: MessageSent, _: Meta) -> Told | None:
    """channel.chat.notification: what is more than a message."""
    if event.kind != "announcement":
        return None
    return {
        **_chatter(event),
        "chatter_is_anonymous": False,
        "color": event.colour,
        "badges": _badges(event.badges),
        "system_message": "",
        "message_id": event.message_id,
        "message": _body(event),
        "notice_type": "announcement",
        "announcement": {"color": event.announcement_colour.upper() or "PRIMARY"},
    }


def message_deleted(event: MessageDeleted, _: Meta) -> Told:
    """channel.chat.message_delete."""
    return {
        BROADCASTER: event.channel_id,
        "target_user_id": event.user_id,
        "message_id": event.message_id,
    }


def cleared(event: ChatCleared, _: Meta) -> Told:
    """channel.chat.clear."""
    return {BROADCASTER: event.channel_id}


def banned(event: UserBanned, meta: Meta) -> Told:
    """channel.ban, timeouts included."""
    return {
        "user_id": event.user_id,
        BROADCASTER: event.channel_id,
        "moderator_user_id": event.by_id,
        "reason": event.reason,
        "banned_at": timestamp(meta.occurred_at),
        "ends_at": None if event.until is None else timestamp(event.until),
        "is_permanent": event.until is None,
    }


def unbanned(event: UserUnbanned, _: Meta) -> Told:
    """channel.unban."""
    return {
        "user_id": event.user_id,
        BROADCASTER: event.channel_id,
        "moderator_user_id": event.by_id,
    }


def moderated(event: Any, meta: Meta) -> Told | None:
    """channel.moderate: what somebody did who moderates; not what rules did."""
    if not event.by_id:
        return None
    action, about = _act(event, meta)
    return {
        BROADCASTER: event.channel_id,
        "moderator_user_id": event.by_id,
        "action": action,
        **dict.fromkeys(_ACTIONS),
        **({action: about} if action in _ACTIONS else {}),
    }


def held(event: MessageHeld, meta: Meta) -> Told:
    """automod.message.hold."""
    return {
        BROADCASTER: event.channel_id,
        "user_id": event.user_id,
        "message_id": event.message_id,
        "message": {"text": event.text, "fragments": [_fragment("text", event.text)]},
        "reason": "automod" if event.rule == "automod" else "blocked_term",
        "automod": {"category": event.category, "level": event.level, "boundaries": []},
        "blocked_term": None,
        "held_at": timestamp(meta.occurred_at),
    }


def reviewed(event: HeldMessageReviewed, meta: Meta) -> Told:
    """automod.message.update."""
    return {
        BROADCASTER: event.channel_id,
        "user_id": event.user_id,
        "moderator_user_id": event.by_id,
        "message_id": event.message_id,
        "status": event.outcome.capitalize(),
        "held_at": timestamp(meta.occurred_at),
    }


_ACTIONS: Final = ("ban", "unban", "timeout", "delete", "warn")


def _act(event: Any, meta: Meta) -> tuple[str, Told | None]:
    """What was done, and what is told of it."""
    match event:
        case UserBanned(until=None):
            return "ban", {"user_id": event.user_id, "reason": event.reason}
        case UserBanned():
            expires = timestamp(event.until or meta.occurred_at)
            about = {"user_id": event.user_id, "reason": event.reason, "expires_at": expires}
            return "timeout", about
        case UserUnbanned():
            return "unban", {"user_id": event.user_id}
        case UserWarned():
            return "warn", {
                "user_id": event.user_id,
                "reason": event.reason,
                "chat_rules_cited": [],
            }
        case MessageDeleted():
            about = {"user_id": event.user_id, "message_id": event.message_id}
            return "delete", {**about, "message_body": event.text}
    return "clear", None


def _chatter(event: MessageSent) -> Told:
    return {BROADCASTER: event.channel_id, "chatter_user_id": event.user_id}


def _badges(badges: list[str]) -> list[Told]:
    pairs = (badge.partition("/") for badge in badges)
    return [{"set_id": name, "id": version, "info": ""} for name, _, version in pairs]


def _body(event: MessageSent) -> Told:
    """The text, whole and in pieces of text and emotes."""
    pieces, at = [], 0
    for emote in event.emotes:
        if emote.start > at:
            pieces.append(_fragment("text", event.text[at : emote.start]))
        pieces.append(_fragment("emote", event.text[emote.start : emote.end + 1], emote.id))
        at = emote.end + 1
    if at < len(event.text):
        pieces.append(_fragment("text", event.text[at:]))
    return {"text": event.text, "fragments": pieces}


def _fragment(kind: str, text: str, emote: str | None = None) -> Told:
    about = emote and {"id": emote, "emote_set_id": "0", "owner_id": _NOBODY, "format": ["static"]}
    return {"type": kind, "text": text, "cheermote": None, "emote": about, "mention": None}


def _reply(event: MessageSent) -> Told | None:
    if not event.reply_to:
        return None
    return {
        "parent_message_id": event.reply_to,
        "parent_message_body": event.reply_text,
        "parent_user_id": event.reply_user_id,
        "parent_user_login": event.reply_login,
        "parent_user_name": event.reply_display_name,
        "thread_message_id": event.thread_id,
    }

"""The events that tell what became of a message."""

from collections.abc import Mapping
from typing import Literal

from agents.chat.limits import SECOND
from agents.chat.rules import HOLD_SECONDS, Rejected, Waits
from agents.chat.text import find_emotes
from schemas.chat_badges import badges
from schemas.records.chat import (
    HeldMessageReviewed,
    MessageHeld,
    MessageRejected,
    MessageSent,
    SendMessage,
)

Outcome = Literal["approved", "denied", "expired"]


def sent(
    said: SendMessage,
    message_id: str,
    text: str,
    emotes: Mapping[str, str],
    rules: str,
    approved_by: str = "",
) -> MessageSent:
    """A message that everybody sees."""
    return MessageSent(
        channel_id=said.channel_id,
        message_id=message_id,
        user_id=said.user_id,
        login=said.login,
        display_name=said.display_name,
        colour=said.colour,
        badges=badges(said.roles, said.subscribed_months),
        text=text,
        kind=said.kind,
        announcement_colour=said.announcement_colour,
        emotes=find_emotes(text, emotes),
        reply_to=said.reply_to,
        reply_user_id=said.reply_user_id,
        reply_login=said.reply_login,
        reply_display_name=said.reply_display_name,
        reply_text=said.reply_text,
        thread_id=said.thread_id,
        approved_by=approved_by,
        rules=rules,
    )


def held(
    said: SendMessage, message_id: str, text: str, now: int, waits: Waits, rules: str
) -> MessageHeld:
    """A message that waits."""
    return MessageHeld(
        channel_id=said.channel_id,
        message_id=message_id,
        user_id=said.user_id,
        login=said.login,
        display_name=said.display_name,
        colour=said.colour,
        text=text,
        kind=said.kind,
        announcement_colour=said.announcement_colour,
        rule=waits.rule,
        category=waits.category,
        level=waits.level,
        held_until=now + HOLD_SECONDS * SECOND,
        rules=rules,
    )


def rejected(said: SendMessage, message_id: str, why: Rejected, rules: str) -> MessageRejected:
    """A message that nobody sees."""
    return MessageRejected(
        channel_id=said.channel_id,
        message_id=message_id,
        user_id=said.user_id,
        login=said.login,
        text=said.text,
        reason=why.reason,
        detail=why.detail,
        retry_after_seconds=why.retry_after_seconds,
        rules=rules,
    )


def reviewed(
    said: SendMessage,
    message_id: str,
    outcome: Outcome,
    by_id: str = "",
    by_login: str = "",
) -> HeldMessageReviewed:
    """What became of a held message."""
    return HeldMessageReviewed(
        channel_id=said.channel_id,
        message_id=message_id,
        user_id=said.user_id,
        login=said.login,
        outcome=outcome,
        by_id=by_id,
        by_login=by_login,
    )

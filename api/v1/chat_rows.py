"""What was said in a chat: rows of the history, and how they are shown."""

import asyncio
from collections.abc import Container, Iterable, Mapping
from typing import Any, Final

import msgspec

from api.v1.resources import timestamp
from api.views import CHAT_HISTORY, CHAT_MESSAGES, CHAT_PURGES, USERS, Views, typed
from schemas.chat_messages import WITHIN, made_at
from schemas.records.chat import MessageSent

EVERYBODY: Final = "*"
"""Instead of a user id in `chat-purges`."""
ROWS_A_LOOK: Final = 50
"""Rows read at once of those that were sent within the time that an id leaves open."""


class Said(msgspec.Struct, frozen=True):
    """A row of `chat-history`. Times in microseconds since 1970."""

    channel_id: str
    sent_at: int
    message_id: str
    user_id: str = ""
    """Empty: the row is a note of a deletion without its message."""
    login: str = ""
    display_name: str = ""
    colour: str = ""
    badges: str = ""
    """JSON: a list of texts."""
    text: str = ""
    kind: str = "text"
    announcement_colour: str = ""
    emotes: str = ""
    """JSON: a list of ranges."""
    reply_to: str = ""
    reply_user_id: str = ""
    reply_login: str = ""
    reply_display_name: str = ""
    reply_text: str = ""
    thread_id: str = ""
    approved_by: str = ""
    deleted_at: int | None = None
    deleted_by: str = ""


class Range(msgspec.Struct, frozen=True):
    """Where an emote stands in a text."""

    id: str
    start: int
    """First code point, from 0."""
    end: int
    """Last code point, itself included."""


class Answered(msgspec.Struct, frozen=True):
    """The message that another one answers."""

    message_id: str
    user_id: str
    login: str
    display_name: str
    text: str
    thread_id: str
    """First message of the thread."""


class Message(msgspec.Struct, frozen=True):
    """Something that was said in a chat."""

    message_id: str
    sent_at: str
    user_id: str
    login: str
    """Empty, as the display name is: the user was erased."""
    display_name: str
    colour: str
    """`#RRGGBB`; empty: none chosen."""
    badges: list[str]
    """`name/version`, the most important first."""
    text: str
    kind: str
    """text, action or announcement."""
    announcement_colour: str
    emotes: list[Range]
    reply: Answered | None
    deleted_at: str | None
    """Null for what stands. Only moderators see what does not."""
    deleted_by: str
    """Login of the moderator; empty if it went with a ban, a timeout or all the rest."""


async def purges_of(views: Views, channel_id: str, user_ids: Iterable[str]) -> dict[str, int]:
    """Up to when each user's messages are hidden, microseconds; EVERYBODY: those of all."""
    wanted = {EVERYBODY, *user_ids}
    found = await asyncio.gather(*(views.get(CHAT_PURGES, (channel_id, each)) for each in wanted))
    return {
        user_id: int(row["at"])
        for user_id, row in zip(wanted, found, strict=True)
        if row is not None
    }


async def said_of(views: Views, channel_id: str, message_id: str) -> Said | None:
    """A message of the history, deleted or not; None: there is none. Raises Unavailable."""
    place = await views.get(CHAT_MESSAGES, message_id)
    if place is None:
        row = await _by_id(views, channel_id, message_id)
    elif place["channel_id"] != channel_id or place.get("sent_at") is None:
        return None
    else:
        row = await views.get(CHAT_HISTORY, (channel_id, place["sent_at"], message_id))
    return typed(row, Said) if row and row.get("user_id") else None


async def _by_id(views: Views, channel_id: str, message_id: str) -> Mapping[str, Any] | None:
    """The row of a message that was sent when its id says."""
    made = made_at(message_id)
    if made is None:
        return None
    after: tuple[str | int, ...] = (channel_id, made + WITHIN, message_id)
    cursor: str | None = None
    while True:
        rows, cursor = await views.scan(
            CHAT_HISTORY, ROWS_A_LOOK, cursor, within=channel_id, after=after
        )
        for row in rows:
            if row["message_id"] == message_id:
                return row
        if cursor is None or not rows or rows[-1]["sent_at"] < made:
            return None


async def standing(views: Views, channel_id: str, message_id: str) -> MessageSent | None:
    """A message of the history that was not taken out, without names of users who were erased.

    Raises Unavailable.
    """
    said = await said_of(views, channel_id, message_id)
    if said is None:
        return None
    if deleted_at(said, await purges_of(views, channel_id, [said.user_id])) is not None:
        return None
    known = {each for each in mentioned(said) if await views.get(USERS, each) is not None}
    return sent_of(without_erased(said, known))


def deleted_at(row: Said, purges: dict[str, int]) -> int | None:
    """When a message was taken out, by itself or with others; None: it stands."""
    if row.deleted_at is not None:
        return row.deleted_at
    return min(
        (
            purge
            for purge in (purges.get(EVERYBODY), purges.get(row.user_id))
            if purge is not None and row.sent_at <= purge
        ),
        default=None,
    )


def mentioned(row: Said) -> tuple[str, ...]:
    """Ids of the users whose names a row has."""
    return (row.user_id, row.reply_user_id) if row.reply_user_id else (row.user_id,)


def without_erased(row: Said, known: Container[str]) -> Said:
    """A row without the names of users who are not known any more. What they said stays."""
    if row.user_id not in known:
        row = msgspec.structs.replace(row, login="", display_name="", colour="")
    if row.reply_user_id and row.reply_user_id not in known:
        row = msgspec.structs.replace(row, reply_login="", reply_display_name="")
    return row


def sent_of(row: Said) -> MessageSent:
    """A row as the event that it comes from, as far as an answer to it needs it."""
    return MessageSent(
        channel_id=row.channel_id,
        message_id=row.message_id,
        user_id=row.user_id,
        login=row.login,
        display_name=row.display_name,
        colour=row.colour,
        badges=[],
        text=row.text,
        kind="text",
        announcement_colour="",
        emotes=[],
        reply_to=row.reply_to,
        reply_user_id=row.reply_user_id,
        reply_login=row.reply_login,
        reply_display_name=row.reply_display_name,
        reply_text=row.reply_text,
        thread_id=row.thread_id,
        approved_by=row.approved_by,
        rules="",
    )


def message_of(row: Said, deleted: int | None) -> Message:
    """A row as it is shown."""
    reply = None
    if row.reply_to:
        reply = Answered(
            row.reply_to,
            row.reply_user_id,
            row.reply_login,
            row.reply_display_name,
            row.reply_text,
            row.thread_id,
        )
    return Message(
        message_id=row.message_id,
        sent_at=timestamp(row.sent_at),
        user_id=row.user_id,
        login=row.login,
        display_name=row.display_name,
        colour=row.colour,
        badges=msgspec.json.decode(row.badges or "[]", type=list[str]),
        text=row.text,
        kind=row.kind,
        announcement_colour=row.announcement_colour,
        emotes=msgspec.json.decode(row.emotes or "[]", type=list[Range]),
        reply=reply,
        deleted_at=None if deleted is None else timestamp(deleted),
        deleted_by=row.deleted_by,
    )

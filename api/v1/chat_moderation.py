"""`/v1/channels/{channel_id}/chat/…` for who moderates: user card, held messages, the audit."""

from typing import Any

import msgspec

from api.access import scoped, signed_in
from api.call import Call, endpoint
from api.moderating import BanRow, ban_of, moderator, roles_of
from api.people import UserRow, rows
from api.v1.chat import READ_DELETED
from api.v1.chat_rows import EVERYBODY, purges_of
from api.v1.followers import ChannelIdPath
from api.v1.parameters import Id, PageQuery
from api.v1.resources import One, Page, timestamp
from api.views import (
    CHAT_USER_HISTORY,
    CHAT_WARNINGS,
    FOLLOWS,
    HELD_MESSAGES,
    MODERATION_LOG,
    USERS,
    FollowRow,
    typed,
)
from infra.errors import NotFound


class ChatterPath(ChannelIdPath, frozen=True):
    """A user in a channel."""

    user_id: Id


class Shut(msgspec.Struct, frozen=True):
    """A ban or a timeout."""

    since: str
    until: str | None
    """Null: for good."""
    reason: str
    by_login: str


class Chatter(msgspec.Struct, frozen=True):
    """What moderators know of a user before they decide."""

    user_id: str
    login: str
    display_name: str
    registered_at: str
    roles: list[str]
    """broadcaster, moderator, vip, staff."""
    followed_at: str | None
    ban: Shut | None
    warning: str | None
    """What they were warned of and have not confirmed."""


class Entry(msgspec.Struct, frozen=True):
    """Something that a user said, or that was done about it."""

    id: str
    at: str
    kind: str
    """message, ban, timeout, unban or warning."""
    text: str
    """What was said, or why it was done."""
    by_login: str
    until: str | None
    deleted_at: str | None
    deleted_by: str


class Held(msgspec.Struct, frozen=True):
    """A message that waits for a moderator."""

    message_id: str
    held_at: str
    held_until: str
    user_id: str
    login: str
    display_name: str
    text: str
    rule: str
    """automod, or that of a blocked term."""
    category: str
    level: int


class Act(msgspec.Struct, frozen=True):
    """Something that a moderator, or a rule, did."""

    id: str
    at: str
    action: str
    by_id: str
    """Empty: a rule."""
    by_login: str
    user_id: str
    login: str
    message_id: str
    reason: str
    text: str
    details: dict[str, Any]
    """What else was said of it, by the fields of its event."""


class _HistoryRow(msgspec.Struct, frozen=True):
    at: int
    id: str
    kind: str = ""
    text: str = ""
    by_login: str = ""
    until: int | None = None
    deleted_at: int | None = None
    deleted_by: str = ""


class _HeldRow(msgspec.Struct, frozen=True):
    message_id: str
    held_at: int
    held_until: int
    user_id: str
    login: str
    display_name: str
    text: str
    rule: str
    category: str
    level: int


class _LogRow(msgspec.Struct, frozen=True):
    at: int
    event_id: str
    action: str
    by_id: str = ""
    by_login: str = ""
    user_id: str = ""
    login: str = ""
    message_id: str = ""
    reason: str = ""
    text: str = ""
    details: str = "{}"


async def get_chatter(call: Call, path: ChatterPath) -> One[Chatter]:
    """A user's card, for who moderates the channel."""
    channel_id, user_id = path.channel_id, path.user_id
    await moderator(call, channel_id)
    user = (await rows(call, USERS, [user_id], UserRow)).get(user_id)
    if user is None:
        raise NotFound("There is no such user.")
    key = (channel_id, user_id)
    follow, warning = await call.views.get(FOLLOWS, key), await call.views.get(CHAT_WARNINGS, key)
    ban = await ban_of(call.views, channel_id, user_id, call.now)
    card = Chatter(
        user_id=user_id,
        login=user.login,
        display_name=user.display_name,
        registered_at=timestamp(user.registered_at),
        roles=await roles_of(call.views, channel_id, user_id),
        followed_at=timestamp(typed(follow, FollowRow).followed_at) if follow else None,
        ban=_shut(ban) if ban else None,
        warning=str(warning["reason"]) if warning else None,
    )
    return One(card, timestamp(call.now))


async def get_chatter_history(call: Call, path: ChatterPath, query: PageQuery) -> Page[Entry]:
    """What a user said in a channel and what was done about it, newest first."""
    channel_id, user_id = path.channel_id, path.user_id
    await moderator(call, channel_id)
    found, cursor = await call.views.scan(
        CHAT_USER_HISTORY, query.limit, query.cursor, within=f"{channel_id}/{user_id}"
    )
    purges = await purges_of(call.views, channel_id, [user_id])
    purged = max(purges.get(EVERYBODY, 0), purges.get(user_id, 0))
    entries = [_entry(row, purged) for each in found if (row := typed(each, _HistoryRow)).kind]
    return Page(entries, cursor, timestamp(call.now))


async def list_held(call: Call, path: ChannelIdPath, query: PageQuery) -> Page[Held]:
    """Messages that wait for you, those that wait for longest first."""
    await moderator(call, path.channel_id)
    found, cursor = await call.views.scan(
        HELD_MESSAGES, query.limit, query.cursor, within=path.channel_id
    )
    return Page([_held(typed(row, _HeldRow)) for row in found], cursor, timestamp(call.now))


async def list_acts(call: Call, path: ChannelIdPath, query: PageQuery) -> Page[Act]:
    """Who did what in a chat, to whom, and why, newest first."""
    await moderator(call, path.channel_id)
    found, cursor = await call.views.scan(
        MODERATION_LOG, query.limit, query.cursor, within=path.channel_id
    )
    return Page([_act(typed(row, _LogRow)) for row in found], cursor, timestamp(call.now))


def _shut(ban: BanRow) -> Shut:
    until = None if ban.until is None else timestamp(ban.until)
    return Shut(timestamp(ban.at), until, ban.reason, ban.by_login)


def _entry(row: _HistoryRow, purged: int) -> Entry:
    gone = row.deleted_at
    if gone is None and row.kind == "message" and row.at <= purged:
        gone = purged
    return Entry(
        id=row.id,
        at=timestamp(row.at),
        kind=row.kind,
        text=row.text,
        by_login=row.by_login,
        until=None if row.until is None else timestamp(row.until),
        deleted_at=None if gone is None else timestamp(gone),
        deleted_by=row.deleted_by,
    )


def _held(row: _HeldRow) -> Held:
    times = {"held_at": timestamp(row.held_at), "held_until": timestamp(row.held_until)}
    return Held(**msgspec.structs.asdict(row) | times)


def _act(row: _LogRow) -> Act:
    shown = msgspec.structs.asdict(row)
    shown |= {"id": shown.pop("event_id"), "at": timestamp(row.at)}
    return Act(**shown | {"details": msgspec.json.decode(row.details, type=dict[str, Any])})


_CHAT = "/v1/channels/{channel_id}/chat"
_READ = signed_in & scoped(READ_DELETED)

ROUTES = (
    endpoint("GET", f"{_CHAT}/users/{{user_id}}", get_chatter, _READ, errors=(404,)),
    endpoint("GET", f"{_CHAT}/users/{{user_id}}/history", get_chatter_history, _READ),
    endpoint("GET", f"{_CHAT}/held", list_held, signed_in & scoped("moderator:manage:automod")),
    endpoint("GET", f"{_CHAT}/log", list_acts, signed_in & scoped("channel:moderate")),
)

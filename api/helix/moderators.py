"""`/helix/moderation/moderators` and `/helix/channels/vips`: who is what in a channel."""

from typing import Annotated

import msgspec

from api.access import scoped, signed_in
from api.call import Call
from api.helix.dialect import MOST_IDS, Listing, PageQuery, Pagination, helix, own
from api.moderating import target
from api.people import people, rows
from api.v1.parameters import Id
from api.views import MODERATED_CHANNELS, MODERATORS, VIPS
from schemas.records.identity import (
    AddModerator,
    AddVip,
    ModeratorAdded,
    ModeratorRemoved,
    RemoveModerator,
    RemoveVip,
    VipAdded,
    VipRemoved,
)

_COMMANDS = "identity-commands"


class MembersQuery(PageQuery, frozen=True, kw_only=True):
    """Of your channel, and whether these users are among them."""

    broadcaster_id: Id
    user_id: Annotated[list[Id], msgspec.Meta(max_length=MOST_IDS)] = msgspec.field(
        default_factory=list
    )


class MemberQuery(msgspec.Struct, frozen=True):
    """Of your channel, whom."""

    broadcaster_id: Id
    user_id: Id


class ModeratedQuery(PageQuery, frozen=True, kw_only=True):
    """You."""

    user_id: Id


class Member(msgspec.Struct, frozen=True):
    """A moderator, a VIP."""

    user_id: str
    user_login: str
    user_name: str


class ModeratedChannel(msgspec.Struct, frozen=True):
    """A channel that you moderate."""

    broadcaster_id: str
    broadcaster_login: str
    broadcaster_name: str


class _Row(msgspec.Struct, frozen=True):
    user_id: str


async def get_moderators(call: Call, query: MembersQuery) -> Listing[Member]:
    """Who moderates your channel."""
    return await _members(call, MODERATORS, query)


async def get_vips(call: Call, query: MembersQuery) -> Listing[Member]:
    """Who is a VIP of your channel."""
    return await _members(call, VIPS, query)


async def get_moderated_channels(call: Call, query: ModeratedQuery) -> Listing[ModeratedChannel]:
    """The channels that you moderate."""
    user_id = own(call, query.user_id, "user_id")
    found, cursor = await call.views.scan(
        MODERATED_CHANNELS, query.first, query.after, within=user_id
    )
    known = await people(call, [str(row["channel_id"]) for row in found])
    channels = [
        ModeratedChannel(person.user_id, person.login, person.display_name)
        for person in known.values()
    ]
    return Listing(channels, Pagination(cursor))


async def add_moderator(call: Call, query: MemberQuery) -> None:
    """Let a user moderate your channel."""
    channel_id, user_id = await _member(call, query)
    command = AddModerator(channel_id=channel_id, user_id=user_id)
    await call.ask(_COMMANDS, channel_id, command, ModeratorAdded)


async def remove_moderator(call: Call, query: MemberQuery) -> None:
    """Let a user moderate your channel no longer."""
    channel_id, user_id = await _member(call, query)
    command = RemoveModerator(channel_id=channel_id, user_id=user_id)
    await call.ask(_COMMANDS, channel_id, command, ModeratorRemoved)


async def add_vip(call: Call, query: MemberQuery) -> None:
    """Make a user a VIP of your channel."""
    channel_id, user_id = await _member(call, query)
    await call.ask(_COMMANDS, channel_id, AddVip(channel_id=channel_id, user_id=user_id), VipAdded)


async def remove_vip(call: Call, query: MemberQuery) -> None:
    """Let a user be a VIP of your channel no longer."""
    channel_id, user_id = await _member(call, query)
    command = RemoveVip(channel_id=channel_id, user_id=user_id)
    await call.ask(_COMMANDS, channel_id, command, VipRemoved)


async def _member(call: Call, query: MemberQuery) -> tuple[str, str]:
    channel_id = own(call, query.broadcaster_id, "broadcaster_id")
    return channel_id, (await target(call, channel_id, query.user_id)).user_id


async def _members(call: Call, view: str, query: MembersQuery) -> Listing[Member]:
    channel_id = own(call, query.broadcaster_id, "broadcaster_id")
    cursor = None
    if query.user_id:
        keys = [(channel_id, user_id) for user_id in query.user_id]
        ids = [row.user_id for row in (await rows(call, view, keys, _Row)).values()]
    else:
        found, cursor = await call.views.scan(view, query.first, query.after, within=channel_id)
        ids = [str(row["user_id"]) for row in found]
    known = await people(call, ids)
    members = [
        Member(person.user_id, person.login, person.display_name)
        for user_id in ids
        if (person := known.get(user_id))
    ]
    return Listing(members, Pagination(cursor))


_MODERATORS, _VIPS = "/moderation/moderators", "/channels/vips"
_MANAGE_MODERATORS = signed_in & scoped("channel:manage:moderators")
_MANAGE_VIPS = signed_in & scoped("channel:manage:vips")

ROUTES = (
    helix(
        "GET",
        _MODERATORS,
        get_moderators,
        signed_in & scoped("moderation:read", "channel:manage:moderators"),
    ),
    helix("GET", _VIPS, get_vips, signed_in & scoped("channel:read:vips", "channel:manage:vips")),
    helix(
        "GET",
        "/moderation/channels",
        get_moderated_channels,
        signed_in & scoped("user:read:moderated_channels"),
    ),
)
ASKING = (
    helix("POST", _MODERATORS, add_moderator, _MANAGE_MODERATORS, errors=(404,)),
    helix("DELETE", _MODERATORS, remove_moderator, _MANAGE_MODERATORS, errors=(404,)),
    helix("POST", _VIPS, add_vip, _MANAGE_VIPS, errors=(404,)),
    helix("DELETE", _VIPS, remove_vip, _MANAGE_VIPS, errors=(404,)),
)

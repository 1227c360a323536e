"""Who moderates a chat, and what somebody is in it: asked anew for every command of a moderator."""

import asyncio
from typing import Final, Literal

import msgspec

from api.call import Call
from api.errors import Forbidden
from api.people import Person, UserRow, people
from api.views import CHAT_BANS, CHAT_MESSAGES, MODERATORS, USERS, VIPS, Views, typed
from infra.errors import NotFound

COMMANDS: Final = "chat-commands"
STAFF: Final = "operator"
"""The role on the platform that may moderate everywhere."""


class By(msgspec.Struct, frozen=True):
    """A moderator, as commands name them."""

    by_id: str
    by_login: str
    by_role: Literal["broadcaster", "moderator", "staff"]


class Target(msgspec.Struct, frozen=True):
    """A user whom a command is about."""

    user_id: str
    login: str
    roles: list[str]
    """What they are in the channel: broadcaster, moderator, vip, staff."""


class BanRow(msgspec.Struct, frozen=True):
    """A row of `chat-bans`. Times in microseconds since 1970."""

    user_id: str
    login: str
    at: int
    until: int | None = None
    """None: for good."""
    reason: str = ""
    by_id: str = ""
    by_login: str = ""

    def lasts(self, now: int) -> bool:
        """Whether it is not over."""
        return self.until is None or self.until > now


class MessageRow(msgspec.Struct, frozen=True):
    """A row of `chat-messages`."""

    channel_id: str
    sent_at: int | None = None
    """Microseconds since 1970; None: it waits for a moderator, or was turned down."""


async def moderator(call: Call, channel_id: str) -> By:
    """Who asks, who must moderate the channel. Raises Forbidden, NotFound, Unavailable."""
    role = await _role(call, channel_id)
    if role is None:
        raise Forbidden("This is for who moderates the channel")
    person = (await people(call, [call.user_id])).get(call.user_id)
    return By(call.user_id, person.login if person else "", role)


async def moderates(call: Call, channel_id: str) -> bool:
    """Whether who asks moderates the channel."""
    return await _role(call, channel_id) is not None


async def target(call: Call, channel_id: str, user_id: str) -> Target:
    """A user whom a moderator means. Raises NotFound, Unavailable."""
    known = (await people(call, [user_id])).get(user_id)
    if known is None:
        raise NotFound("There is no such user.")
    return Target(user_id, known.login, await roles_of(call.views, channel_id, user_id))


async def roles_of(views: Views, channel_id: str, user_id: str) -> list[str]:
    """What a user is in a channel, as far as it matters to who moderates."""
    key = (channel_id, user_id)
    user, moderator, vip = await asyncio.gather(
        views.get(USERS, user_id), views.get(MODERATORS, key), views.get(VIPS, key)
    )
    held = {
        "broadcaster": user_id == channel_id,
        "moderator": moderator is not None,
        "vip": vip is not None,
        "staff": user is not None and STAFF in typed(user, UserRow).roles.split(),
    }
    return [role for role, has in held.items() if has]


async def ban_of(views: Views, channel_id: str, user_id: str, now: int) -> BanRow | None:
    """The ban or timeout of a user that lasts, if there is one."""
    row = await views.get(CHAT_BANS, (channel_id, user_id))
    ban = typed(row, BanRow) if row else None
    return ban if ban and ban.lasts(now) else None


async def message_of(call: Call, message_id: str) -> MessageRow:
    """Where a message is. Raises NotFound."""
    return await call.row(CHAT_MESSAGES, message_id, MessageRow, "There is no such message.")


async def broadcaster(call: Call, channel_id: str) -> Person:
    """The channel's broadcaster. Raises NotFound if there is no such channel."""
    found = (await people(call, [channel_id])).get(channel_id)
    if found is None:
        raise NotFound("There is no such channel.")
    return found


async def _role(call: Call, channel_id: str) -> Literal["broadcaster", "moderator", "staff"] | None:
    if call.user_id == channel_id:
        return "broadcaster"
    if await call.views.get(MODERATORS, (channel_id, call.user_id)) is not None:
        return "moderator"
    return "staff" if STAFF in call.principal.roles else None

"""What chat on our pages asks, by the session of who sits there: tickets, and what moderators do.

Most of it is the API itself (`api.session.of_page`). How a chat is set is here in our own words:
the dialect of `/helix` has neither links nor all that AutoMod knows.
"""

from dataclasses import replace
from typing import Annotated, Literal

import msgspec

from api.access import public
from api.call import Call, endpoint
from api.chat import tickets
from api.chat.dialect import ChatSettings
from api.edge import CLOCK, PLACES
from api.helix import automod, bans, blocked_terms, chat_images, moderation
from api.moderating import COMMANDS, moderator
from api.oauth2.authority import authority
from api.oauth2.sessions import session_of
from api.routes import Route
from api.session import of_page
from api.v1 import chat_backtests, chat_moderation, chat_warnings
from api.v1.followers import ChannelIdPath
from api.v1.resources import One, timestamp
from api.views import CHAT_SETTINGS, typed
from schemas.records.chat import (
    AutomodChanged,
    ChangeAutomod,
    ChangeChatSettings,
    ChatSettingsChanged,
)

_Level = Annotated[int, msgspec.Meta(ge=0, le=4)]


class ChatTicket(msgspec.Struct, frozen=True):
    """Where a page's chat is, and what it says there."""

    url: str
    token: str
    """Empty: nobody is signed in, and the page only reads."""
    expires_in: int
    """Seconds in which to connect."""


class Setup(msgspec.Struct, frozen=True):
    """Everything that is set in a chat."""

    modes: ChatSettings
    levels: automod.Levels
    cause: str
    """What set the modes last: moderator, shield or storm; empty: nothing did."""
    shield: bool


class NewModes(msgspec.Struct, frozen=True):
    """What is to be changed; the rest stays."""

    slow_seconds: Annotated[int, msgspec.Meta(ge=0, le=120)] | None = None
    followers_only_minutes: Annotated[int, msgspec.Meta(ge=-1, le=129_600)] | None = None
    subscribers_only: bool | None = None
    emote_only: bool | None = None
    unique_chat: bool | None = None
    links: Literal["everybody", "moderators", "nobody"] | None = None
    permitted_domains: (
        Annotated[list[Annotated[str, msgspec.Meta(max_length=253)]], msgspec.Meta(max_length=100)]
        | None
    ) = None
    chat_delay_seconds: Annotated[int, msgspec.Meta(ge=0, le=6)] | None = None


class NewLevels(msgspec.Struct, frozen=True):
    """What is to be changed; the rest stays."""

    toxicity: _Level | None = None
    identity_hate: _Level | None = None
    sexual: _Level | None = None
    aggression: _Level | None = None
    spam: _Level | None = None


class _SetupRow(msgspec.Struct, frozen=True):
    permitted_domains: str = ""
    cause: str = ""
    shield: bool = False


async def get_ticket(call: Call) -> One[ChatTicket]:
    """Where chat is, and a ticket for it if somebody is signed in."""
    request = call.request
    url = f"{request.app[PLACES].chat(request)}/chat"
    session = await session_of(request)
    if session is None:
        return One(ChatTicket(url, "", tickets.LASTS_SECONDS), timestamp(call.now))
    ticket = tickets.issue(authority(request).tokens, session, request.app[CLOCK])
    return One(ChatTicket(url, ticket.token, ticket.expires_in), timestamp(call.now))


async def get_setup(call: Call, path: ChannelIdPath) -> One[Setup]:
    """How a chat is set that you moderate."""
    await moderator(call, path.channel_id)
    row = await call.views.get(CHAT_SETTINGS, path.channel_id) or {}
    more = typed(row, _SetupRow)
    modes = typed({**row, "permitted_domains": more.permitted_domains.split()}, ChatSettings)
    setup = Setup(modes, typed(row, automod.Levels), more.cause, more.shield)
    return One(setup, timestamp(call.now))


async def change_modes(call: Call, path: ChannelIdPath, body: NewModes) -> One[ChatSettings]:
    """Change modes of a chat that you moderate."""
    by = await moderator(call, path.channel_id)
    command = ChangeChatSettings(
        channel_id=path.channel_id, **msgspec.structs.asdict(body), **msgspec.structs.asdict(by)
    )
    event = await call.ask(COMMANDS, path.channel_id, command, ChatSettingsChanged)
    return One(msgspec.convert(event, ChatSettings, from_attributes=True), timestamp(call.now))


async def change_levels(call: Call, path: ChannelIdPath, body: NewLevels) -> One[automod.Levels]:
    """Set how strict AutoMod is in a chat that you moderate."""
    by = await moderator(call, path.channel_id)
    command = ChangeAutomod(
        channel_id=path.channel_id, **msgspec.structs.asdict(body), **msgspec.structs.asdict(by)
    )
    event = await call.ask(COMMANDS, path.channel_id, command, AutomodChanged)
    return One(msgspec.convert(event, automod.Levels, from_attributes=True), timestamp(call.now))


_CHAT = "/session/channels/{channel_id}/chat"
_MODERATION = "/session/helix/moderation"

ROUTES: tuple[Route, ...] = (
    replace(endpoint("GET", "/session/chat/ticket", get_ticket, public), said=None),
    replace(
        endpoint("GET", "/session/chat/emotes", chat_images.get_global_emotes, public), said=None
    ),
    of_page("GET", f"{_CHAT}/settings", get_setup),
    of_page("GET", f"{_CHAT}/users/{{user_id}}", chat_moderation.get_chatter),
    of_page("GET", f"{_CHAT}/users/{{user_id}}/history", chat_moderation.get_chatter_history),
    of_page("GET", f"{_CHAT}/held", chat_moderation.list_held),
    of_page("GET", f"{_CHAT}/log", chat_moderation.list_acts),
    of_page("GET", f"{_MODERATION}/banned", bans.get_banned_users),
    of_page("GET", f"{_MODERATION}/blocked_terms", blocked_terms.get_blocked_terms),
)
ASKING: tuple[Route, ...] = (
    of_page("PATCH", f"{_CHAT}/settings", change_modes),
    of_page("PATCH", f"{_CHAT}/automod", change_levels),
    of_page("POST", f"{_CHAT}/warnings/confirm", chat_warnings.confirm_warning),
    of_page("POST", f"{_MODERATION}/bans", bans.ban_user),
    of_page("DELETE", f"{_MODERATION}/bans", bans.unban_user),
    of_page("POST", f"{_MODERATION}/warnings", moderation.warn_chat_user),
    of_page("DELETE", f"{_MODERATION}/chat", moderation.delete_chat_messages),
    of_page("PUT", f"{_MODERATION}/shield_mode", moderation.update_shield_mode),
    of_page("POST", f"{_MODERATION}/automod/message", automod.manage_held_message),
    of_page("POST", f"{_MODERATION}/blocked_terms", blocked_terms.add_blocked_term),
    of_page("DELETE", f"{_MODERATION}/blocked_terms", blocked_terms.remove_blocked_term),
)
"""Those that ask the platform for something."""
TRYING: tuple[Route, ...] = (
    of_page(
        "POST",
        f"{_CHAT}/backtests",
        chat_backtests.back_test,
        seconds=chat_backtests.SECONDS + 5.0,
    ),
)
"""Those that try other rules on what was said."""

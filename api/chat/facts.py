"""What the views say about channels, and about who speaks in them."""

import asyncio
from collections import OrderedDict
from typing import Final

import msgspec
import structlog

from api.access import Principal
from api.chat.dialect import ChatSettings, Place, User, You
from api.oauth2.standing import PAGES, staff_of
from api.v1.chat_rows import standing
from api.views import CHANNELS, FOLLOWS, MODERATORS, USERS, VIPS, ChannelRow, Views, typed
from infra.clock import Clock
from infra.errors import NotFound, Unavailable
from infra.names import is_name
from schemas.records.chat import MessageSent

log = structlog.get_logger()

SETTINGS: Final = "chat-settings"
"""How each chat is set, by channel_id."""
FRESH_SECONDS: Final = 5.0
"""For how long what somebody is in a channel is believed without looking again."""
STALE_SECONDS: Final = 600.0
"""The same while the views are away."""
REMEMBERED: Final = 20_000
"""Users in channels; the one looked at longest ago is forgotten first."""
WAIT_SECONDS: Final = 1.5
_PUBLIC_ROLES: Final = ("partner", "affiliate")


class _UserRow(msgspec.Struct, frozen=True):
    """A row of `users`, as far as chat shows it."""

    login: str
    display_name: str
    colour: str = ""
    roles: str = ""


class Facts:
    """Reads views, and remembers for seconds. Every method raises Unavailable."""

    def __init__(self, views: Views, clock: Clock) -> None:
        self._views = views
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[float, You]] = OrderedDict()

    async def place(self, name: str) -> Place:
        """A channel by its name. Raises NotFound."""
        found = await self._views.get(CHANNELS, name) if is_name(name) else None
        if found is None:
            raise NotFound(f"there is no channel {name[:25]!a}")
        row = typed(found, ChannelRow)
        return Place(row.channel_id, row.name)

    async def said(self, channel_id: str, message_id: str) -> MessageSent | None:
        """Something that was said in a channel some time ago, and stands."""
        return await standing(self._views, channel_id, message_id)

    async def settings(self, channel_id: str) -> ChatSettings:
        """How a chat is set."""
        row = dict(await self._views.get(SETTINGS, channel_id) or {})
        row["permitted_domains"] = row.get("permitted_domains", "").split()
        return typed(row, ChatSettings)

    async def user(self, principal: Principal) -> User:
        """Who a token stands for. Raises NotFound if they are no user (any more)."""
        found = await self._views.get(USERS, principal.user_id) if principal.user_id else None
        if found is None or principal.user_id is None:
            raise NotFound("there is no such user")
        row = typed(found, _UserRow)
        at_page = staff_of(row.roles) if principal.client_id == PAGES else frozenset()
        roles = tuple(sorted(principal.roles | at_page))
        return User(principal.user_id, row.login, row.display_name, row.colour, roles)

    def known(self, channel_id: str, user: User) -> You | None:
        """What a user is in a channel, if that was looked at just now."""
        until, you = self._known.get((channel_id, user.user_id), (0.0, None))
        return you if self._clock.monotonic() < until else None

    async def you(self, channel_id: str, user: User | None) -> You:
        """What a user is in a channel."""
        if user is None:
            return You()
        if (known := self.known(channel_id, user)) is not None:
            return known
        key, now = (channel_id, user.user_id), self._clock.monotonic()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                found = await self._look(channel_id, user)
        except (Unavailable, TimeoutError) as error:
            until, stale = self._known.get(key, (0.0, None))
            if stale is None or now > until + STALE_SECONDS:
                raise Unavailable("what you are in this channel cannot be looked up") from error
            log.warning("facts of who speaks are old", error=repr(error))
            return stale
        self._known.pop(key, None)
        self._known[key] = (now + FRESH_SECONDS, found)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    def forget(self, channel_id: str, user: User) -> None:
        """Look again next time."""
        self._known.pop((channel_id, user.user_id), None)

    async def _look(self, channel_id: str, user: User) -> You:
        key = (channel_id, user.user_id)
        moderates, is_vip, follow = await asyncio.gather(
            *(self._views.get(view, key) for view in (MODERATORS, VIPS, FOLLOWS))
        )
        roles = {role for role in user.roles if role in _PUBLIC_ROLES}
        if channel_id == user.user_id:  # ids follow from names, and a channel has its owner's
            roles.add("broadcaster")
        elif moderates is not None:
            roles.add("moderator")
        elif is_vip is not None:
            roles.add("vip")
        if "operator" in user.roles:
            roles.add("staff")
        return You(tuple(sorted(roles)), None if follow is None else int(follow["followed_at"]))

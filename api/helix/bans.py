"""`/helix/moderation/bans` and `/banned`: who is shut out of a chat."""

from typing import Annotated

import msgspec

from api.access import scoped, signed_in
from api.call import Call
from api.helix.dialect import Data, Ids, Listing, PageQuery, Pagination, helix, own
from api.moderating import COMMANDS, BanRow, ban_of, moderator, target
from api.people import people
from api.v1.parameters import Id
from api.v1.resources import timestamp
from api.views import CHAT_BANS, typed
from schemas.records.chat import BanUser, UnbanUser, UserBanned, UserUnbanned

_MOST_PASSED_OVER = 5
"""Pages of timeouts that are over, read for one page of an answer."""


class ModeratorQuery(msgspec.Struct, frozen=True):
    """Whose chat, and the moderator that the token is for."""

    broadcaster_id: Id
    moderator_id: Id


class UnbanQuery(ModeratorQuery, frozen=True):
    """Whom to let in."""

    user_id: Id


class Shut(msgspec.Struct, frozen=True):
    """Whom to shut out, for how long, and why."""

    user_id: Id
    duration: Annotated[int, msgspec.Meta(ge=1, le=1_209_600)] | None = None
    """Seconds; null: for good."""
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Ban(msgspec.Struct, frozen=True):
    """The body."""

    data: Shut


class Banned(msgspec.Struct, frozen=True):
    """What came of it."""

    broadcaster_id: str
    moderator_id: str
    user_id: str
    created_at: str
    end_time: str | None
    """Null: for good."""


class BannedQuery(PageQuery, frozen=True, kw_only=True):
    """Of whose chat, and whether these users are among them."""

    broadcaster_id: Id
    user_id: Ids = msgspec.field(default_factory=list)


class BannedUser(msgspec.Struct, frozen=True):
    """Somebody who is shut out."""

    user_id: str
    user_login: str
    user_name: str
    expires_at: str
    """Empty: for good."""
    created_at: str
    reason: str
    moderator_id: str
    moderator_login: str
    moderator_name: str


async def ban_user(call: Call, query: ModeratorQuery, body: Ban) -> Data[Banned]:
    """Shut a user out of a chat that you moderate, for good or for a time."""
    own(call, query.moderator_id, "moderator_id")
    by = await moderator(call, query.broadcaster_id)
    user = await target(call, query.broadcaster_id, body.data.user_id)
    command = BanUser(
        channel_id=query.broadcaster_id,
        user_id=user.user_id,
        login=user.login,
        roles=user.roles,
        seconds=body.data.duration,
        reason=body.data.reason,
        **msgspec.structs.asdict(by),
    )
    event = await call.ask(COMMANDS, query.broadcaster_id, command, UserBanned)
    end = None if event.until is None else timestamp(event.until)
    found = Banned(
        query.broadcaster_id, call.user_id, user.user_id, timestamp(call.now), end_time=end
    )
    return Data([found])


async def unban_user(call: Call, query: UnbanQuery) -> None:
    """Let a user in again."""
    own(call, query.moderator_id, "moderator_id")
    by = await moderator(call, query.broadcaster_id)
    user = await target(call, query.broadcaster_id, query.user_id)
    command = UnbanUser(
        channel_id=query.broadcaster_id,
        user_id=user.user_id,
        login=user.login,
        **msgspec.structs.asdict(by),
    )
    await call.ask(COMMANDS, query.broadcaster_id, command, UserUnbanned)


async def get_banned_users(call: Call, query: BannedQuery) -> Listing[BannedUser]:
    """Who is shut out of your chat, or of one that you moderate."""
    channel_id = query.broadcaster_id
    await moderator(call, channel_id)
    if query.user_id:
        found = [await ban_of(call.views, channel_id, each, call.now) for each in query.user_id]
        bans, cursor = [ban for ban in found if ban is not None], None
    else:
        bans, cursor = await _page(call, query)
    known = await people(call, [ban.user_id for ban in bans] + [ban.by_id for ban in bans])
    users = [
        BannedUser(
            user_id=ban.user_id,
            user_login=ban.login,
            user_name=user.display_name if (user := known.get(ban.user_id)) else ban.login,
            expires_at="" if ban.until is None else timestamp(ban.until),
            created_at=timestamp(ban.at),
            reason=ban.reason,
            moderator_id=ban.by_id,
            moderator_login=ban.by_login,
            moderator_name=by.display_name if (by := known.get(ban.by_id)) else ban.by_login,
        )
        for ban in bans
    ]
    return Listing(users, Pagination(cursor))


async def _page(call: Call, query: BannedQuery) -> tuple[list[BanRow], str | None]:
    """Timeouts that are over are passed over, so a page may have fewer."""
    bans: list[BanRow] = []
    cursor = query.after
    for _ in range(_MOST_PASSED_OVER):
        rows, cursor = await call.views.scan(
            CHAT_BANS, query.first - len(bans), cursor, within=query.broadcaster_id
        )
        bans += [ban for row in rows if (ban := typed(row, BanRow)).lasts(call.now)]
        if cursor is None or len(bans) >= query.first:
            break
    return bans, cursor


_MANAGE = signed_in & scoped("moderator:manage:banned_users")
_READ = signed_in & scoped("moderation:read", "moderator:read:banned_users")

ROUTES = (helix("GET", "/moderation/banned", get_banned_users, _READ),)
ASKING = (
    helix("POST", "/moderation/bans", ban_user, _MANAGE, errors=(404,)),
    helix("DELETE", "/moderation/bans", unban_user, _MANAGE, errors=(404,)),
)

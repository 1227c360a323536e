"""`/helix/channels/followers` and `/helix/channels/followed`: who follows whom."""

from typing import Final

import msgspec

from api.access import anyone, scoped, signed_in
from api.call import Call
from api.helix.dialect import Counted, PageQuery, Pagination, helix, own
from api.people import people
from api.v1.followers import followers_of
from api.v1.parameters import Id
from api.v1.resources import timestamp
from api.views import FOLLOWED_CHANNELS, FOLLOWERS, FOLLOWS, MODERATORS, FollowRow, typed

MOST_FOLLOWED: Final = 10_000
"""What a user may follow (`agents.social`); a list goes no further."""
_ROWS: Final = 1000


class FollowersQuery(PageQuery, frozen=True, kw_only=True):
    """Whose followers, or whether one user is among them."""

    broadcaster_id: Id
    user_id: Id | None = None


class FollowedQuery(PageQuery, frozen=True, kw_only=True):
    """What a user follows, or whether one channel is among it."""

    user_id: Id
    broadcaster_id: Id | None = None


class Follower(msgspec.Struct, frozen=True):
    """Somebody who follows a channel."""

    user_id: str
    user_login: str
    user_name: str
    followed_at: str


class FollowedChannel(msgspec.Struct, frozen=True):
    """A channel that somebody follows."""

    broadcaster_id: str
    broadcaster_login: str
    broadcaster_name: str
    followed_at: str


async def get_channel_followers(call: Call, query: FollowersQuery) -> Counted[Follower]:
    """Who follows a channel, newest first. Who does not moderate it hears only how many they are.

    To hear more takes the scope `moderator:read:followers`.
    """
    total = await followers_of(call.views, query.broadcaster_id)
    if not await _may_see(call, query.broadcaster_id):
        return Counted(total, [], Pagination())
    if query.user_id is not None:
        row = await call.views.get(FOLLOWS, (query.broadcaster_id, query.user_id))
        rows, cursor = [typed(row, FollowRow)] if row else [], None
    else:
        found, cursor = await call.views.scan(
            FOLLOWERS, query.first, query.after, within=query.broadcaster_id
        )
        rows = [typed(row, FollowRow) for row in found]
    known = await people(call, [row.user_id for row in rows])
    followers = [
        Follower(person.user_id, person.login, person.display_name, timestamp(row.followed_at))
        for row in rows
        if (person := known.get(row.user_id))
    ]
    return Counted(total, followers, Pagination(cursor))


async def get_followed_channels(call: Call, query: FollowedQuery) -> Counted[FollowedChannel]:
    """What you follow, newest first."""
    user_id = own(call, query.user_id, "user_id")
    cursor = None
    if query.broadcaster_id is not None:
        row = await call.views.get(FOLLOWS, (query.broadcaster_id, user_id))
        rows = [typed(row, FollowRow)] if row else []
    else:
        found, cursor = await call.views.scan(
            FOLLOWED_CHANNELS, query.first, query.after, within=user_id
        )
        rows = [typed(row, FollowRow) for row in found]
    everything = query.after is None and query.broadcaster_id is None and cursor is None
    total = len(rows) if everything else len(await followed_by(call, user_id))
    known = await people(call, [row.channel_id for row in rows])
    channels = [
        FollowedChannel(
            person.user_id, person.login, person.display_name, timestamp(row.followed_at)
        )
        for row in rows
        if (person := known.get(row.channel_id))
    ]
    return Counted(total, channels, Pagination(cursor))


async def followed_by(call: Call, user_id: str) -> list[FollowRow]:
    """All that a user follows."""
    found: list[FollowRow] = []
    cursor = None
    while len(found) < MOST_FOLLOWED:
        rows, cursor = await call.views.scan(FOLLOWED_CHANNELS, _ROWS, cursor, within=user_id)
        found += [typed(row, FollowRow) for row in rows]
        if cursor is None:
            break
    return found


async def _may_see(call: Call, broadcaster_id: str) -> bool:
    principal = call.principal
    if principal.user_id is None or "moderator:read:followers" not in principal.scopes:
        return False
    if principal.user_id == broadcaster_id:
        return True
    return await call.views.get(MODERATORS, (broadcaster_id, principal.user_id)) is not None


ROUTES = (
    helix("GET", "/channels/followers", get_channel_followers, anyone),
    helix(
        "GET",
        "/channels/followed",
        get_followed_channels,
        signed_in & scoped("user:read:follows"),
    ),
)

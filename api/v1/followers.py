"""`/v1/channels/{channel_id}/followers`: how many there are, and whether you are one of them."""

import msgspec

from api.access import public, scoped, signed_in
from api.call import Call, endpoint
from api.v1.history import Moment, shown
from api.v1.parameters import Id
from api.v1.resources import One, timestamp
from api.views import (
    CHANNELS_BY_ID,
    FOLLOWER_COUNTS,
    FOLLOWS,
    ChannelRow,
    CountRow,
    FollowRow,
    Views,
    typed,
)
from schemas.records.social import (
    ChannelFollowed,
    ChannelUnfollowed,
    FollowChannel,
    FollowConfirmed,
    UnfollowChannel,
)


class ChannelIdPath(msgspec.Struct, frozen=True):
    """A channel in the path."""

    channel_id: Id


class Followers(msgspec.Struct, frozen=True):
    """How many follow a channel."""

    channel_id: str
    followers: int


class Following(msgspec.Struct, frozen=True):
    """Whether you follow a channel."""

    channel_id: str
    follows: bool
    followed_at: str | None
    """Since when; null if you do not."""


class Followed(msgspec.Struct, frozen=True):
    """What came of following a channel, or of following it no longer."""

    channel_id: str
    follows: bool
    followed_at: str | None
    """Since when; null if you do not."""
    followers: int
    """Followers of the channel after that."""


async def get_followers(call: Call, path: ChannelIdPath, query: Moment) -> One[Followers]:
    """How many follow a channel; with `as_of`, how many did then."""
    now = shown(call, query.as_of)
    count = await followers_of(now.views, path.channel_id)
    return One(Followers(path.channel_id, count), timestamp(now.time))


async def get_following(call: Call, path: ChannelIdPath, query: Moment) -> One[Following]:
    """Whether you follow a channel, and since when; with `as_of`, whether you did then."""
    now = shown(call, query.as_of)
    row = await now.views.get(FOLLOWS, (path.channel_id, call.user_id))
    since = timestamp(typed(row, FollowRow).followed_at) if row else None
    return One(Following(path.channel_id, row is not None, since), timestamp(now.time))


async def follow_channel(call: Call, path: ChannelIdPath) -> One[Followed]:
    """Follow a channel. Following it again changes nothing."""
    await call.row(CHANNELS_BY_ID, path.channel_id, ChannelRow, "There is no such channel.")
    event: ChannelFollowed | FollowConfirmed = await call.ask(
        "social-commands",
        path.channel_id,
        FollowChannel(channel_id=path.channel_id, user_id=call.user_id),
        ChannelFollowed,
        FollowConfirmed,
    )
    assert event.followed_at is not None
    since = timestamp(event.followed_at)
    found = Followed(path.channel_id, True, since, event.followers)
    return One(found, timestamp(call.now))


async def unfollow_channel(call: Call, path: ChannelIdPath) -> One[Followed]:
    """Follow a channel no longer. It may be gone by now."""
    event: ChannelUnfollowed | FollowConfirmed = await call.ask(
        "social-commands",
        path.channel_id,
        UnfollowChannel(channel_id=path.channel_id, user_id=call.user_id),
        ChannelUnfollowed,
        FollowConfirmed,
    )
    found = Followed(path.channel_id, False, None, event.followers)
    return One(found, timestamp(call.now))


async def followers_of(views: Views, channel_id: str) -> int:
    """How many follow a channel."""
    row = await views.get(FOLLOWER_COUNTS, channel_id)
    return typed(row, CountRow).followers if row else 0


_ME = "/v1/channels/{channel_id}/followers/me"
_EDIT = signed_in & scoped("user:edit:follows")

ROUTES = (
    endpoint(
        "GET",
        "/v1/channels/{channel_id}/followers",
        get_followers,
        public,
        max_age=1,
        errors=(422,),
    ),
    endpoint("GET", _ME, get_following, signed_in & scoped("user:read:follows"), errors=(422,)),
)
ASKING = (
    endpoint("PUT", _ME, follow_channel, _EDIT),
    endpoint("DELETE", _ME, unfollow_channel, _EDIT),
)

"""`/helix/streams`: what is on air, and what of it somebody follows."""

from bisect import bisect_right
from typing import Annotated, Literal

import msgspec

from api.access import anyone, scoped, signed_in
from api.call import Call
from api.edge import PLACES
from api.helix.categories import category_id, category_named
from api.helix.dialect import (
    MOST_IDS,
    First,
    Ids,
    Listing,
    Logins,
    PageQuery,
    Pagination,
    cursor_of,
    helix,
    own,
    place_of,
)
from api.helix.follows import followed_by
from api.helix.live import LIVE, OnAir
from api.people import ids_of, people
from api.v1.parameters import Cursor, Id
from api.v1.resources import timestamp

Languages = Annotated[
    list[Annotated[str, msgspec.Meta(pattern="^[a-z]{2,5}$")]], msgspec.Meta(max_length=MOST_IDS)
]


class StreamsQuery(msgspec.Struct, frozen=True):
    """Which streams: those that meet one value of each filter."""

    user_id: Ids = []
    user_login: Logins = []
    game_id: Ids = []
    language: Languages = []
    type: Literal["all", "live"] = "all"
    first: First = 20
    after: Cursor | None = None


class FollowedQuery(PageQuery, frozen=True, kw_only=True):
    """Whose; it must be who asks."""

    user_id: Id
    first: First = 100


class Stream(msgspec.Struct, frozen=True):
    """A broadcast on air."""

    id: str
    user_id: str
    user_login: str
    user_name: str
    game_id: str
    game_name: str
    title: str
    tags: list[str]
    viewer_count: int
    """0: viewers are not counted yet."""
    started_at: str
    language: str
    thumbnail_url: str
    type: str = "live"
    tag_ids: list[str] = []
    is_mature: bool = False


async def get_streams(call: Call, query: StreamsQuery) -> Listing[Stream]:
    """Streams on air, those with most viewers first, then the newest."""
    users = {*query.user_id, *ids_of(query.user_login)}
    live = call.request.app[LIVE]
    if users:
        found = await live.of(list(users), call.views)
    else:
        found = await live.streams()
        call.stands_on(live.seen)
    games = {category_named(game_id) for game_id in query.game_id}
    wanted = [
        stream
        for stream in found
        if (not games or stream.channel.category in games)
        and (not query.language or stream.channel.language in query.language)
    ]
    return await _page(call, wanted, query.first, query.after)


async def get_followed_streams(call: Call, query: FollowedQuery) -> Listing[Stream]:
    """Streams on air of channels that you follow."""
    user_id = own(call, query.user_id, "user_id")
    live = await call.request.app[LIVE].streams()
    followed = {row.channel_id for row in await followed_by(call, user_id)} if live else set()
    wanted = [stream for stream in live if stream.channel.channel_id in followed]
    return await _page(call, wanted, query.first, query.after)


async def _page(call: Call, found: list[OnAir], first: int, after: str | None) -> Listing[Stream]:
    """A page of streams. Its cursor is a place, so that those who come and go move none."""
    start = 0
    if after is not None:
        place = place_of(after, tuple[int, int, str])
        start = bisect_right(found, place, key=lambda stream: stream.place)
    page = found[start : start + first]
    known = await people(call, [stream.channel.channel_id for stream in page])
    origin = call.request.app[PLACES].origin(call.request)
    more = start + first < len(found)
    streams = [
        Stream(
            id=stream.stream_id,
            user_id=stream.channel.channel_id,
            user_login=stream.channel.name,
            user_name=known[stream.channel.channel_id].display_name
            if stream.channel.channel_id in known
            else stream.channel.name,
            game_id=category_id(stream.channel.category),
            game_name=stream.channel.category,
            title=stream.channel.title,
            tags=stream.channel.tags.split(),
            viewer_count=stream.viewers,
            started_at=timestamp(stream.started_at),
            language=stream.channel.language,
            thumbnail_url=f"{origin}/live/{stream.stream_id}/thumbnail.jpg",
        )
        for stream in page
    ]
    return Listing(streams, Pagination(cursor_of(page[-1].place) if more else None))


ROUTES = (
    helix("GET", "/streams", get_streams, anyone, kept=True),
    helix(
        "GET", "/streams/followed", get_followed_streams, signed_in & scoped("user:read:follows")
    ),
)

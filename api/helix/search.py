"""`/helix/search`: channels by how their name begins, categories by their words."""

import msgspec

from api.access import anyone
from api.call import Call
from api.channel_search import channels_named
from api.edge import PLACES
from api.helix.categories import categories_like, category_id
from api.helix.dialect import Listing, PageQuery, Pagination, Words, counted, helix
from api.helix.games import Game, game_of
from api.helix.live import LIVE, OnAir
from api.people import people, rows
from api.v1.resources import timestamp
from api.views import CHANNELS_BY_ID, ChannelRow


class SearchQuery(PageQuery, frozen=True, kw_only=True):
    """What to look for."""

    query: Words


class ChannelSearchQuery(SearchQuery, frozen=True, kw_only=True):
    """What to look for, and whether only among channels on air."""

    live_only: bool = False


class FoundChannel(msgspec.Struct, frozen=True):
    """A channel that was found."""

    id: str
    broadcaster_login: str
    display_name: str
    broadcaster_language: str
    game_id: str
    game_name: str
    is_live: bool
    title: str
    tags: list[str]
    thumbnail_url: str
    """Of the stream on air; empty without one."""
    started_at: str
    """Of the stream on air; empty without one."""
    tag_ids: list[str] = []


async def search_channels(call: Call, query: ChannelSearchQuery) -> Listing[FoundChannel]:
    """Channels whose name begins with a text, in order of name."""

    async def take(ids: list[str]) -> list[FoundChannel]:
        found = await _channels(call, ids)
        return [channel for channel in found if channel.is_live or not query.live_only]

    found, cursor = await channels_named(call.views, query.query, query.first, query.after, take)
    return Listing(found, Pagination(cursor))


async def search_categories(call: Call, query: SearchQuery) -> Listing[Game]:
    """Categories with words that begin with those of a text."""
    page, pagination = counted(categories_like(query.query), query)
    return Listing([game_of(category) for category in page], pagination)


async def _channels(call: Call, ids: list[str]) -> list[FoundChannel]:
    channels = await rows(call, CHANNELS_BY_ID, ids, ChannelRow)
    known = await people(call, channels)
    live = {
        stream.channel.channel_id: stream
        for stream in await call.request.app[LIVE].of(list(channels))
    }
    origin = call.request.app[PLACES].origin(call.request)
    return [
        _found(row, known[key].display_name if key in known else row.name, live.get(key), origin)
        for key, row in channels.items()
    ]


def _found(row: ChannelRow, name: str, live: OnAir | None, origin: str) -> FoundChannel:
    return FoundChannel(
        id=row.channel_id,
        broadcaster_login=row.name,
        display_name=name,
        broadcaster_language=row.language,
        game_id=category_id(row.category),
        game_name=row.category,
        is_live=live is not None,
        title=row.title,
        tags=row.tags.split(),
        thumbnail_url=f"{origin}/live/{live.stream_id}/thumbnail.jpg" if live else "",
        started_at=timestamp(live.started_at) if live else "",
    )


ROUTES = (
    helix("GET", "/search/channels", search_channels, anyone),
    helix("GET", "/search/categories", search_categories, anyone),
)

"""What there is to see: channels on air, categories, channels by name."""

import asyncio
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from api.access import public
from api.call import Call, endpoint
from api.channel_search import beginning, channels_named
from api.edge import PLACES
from api.helix.categories import categories, category_id
from api.helix.dialect import cursor_of, place_of
from api.helix.live import LIVE, Live, OnAir
from api.people import rows
from api.v1.parameters import PageQuery
from api.v1.resources import Channel, Page, channel_of, stream_of, timestamp
from api.views import CHANNELS_BY_ID, STREAM_STATUS, ChannelRow, StreamRow, typed

Sort = Literal["newest", "oldest", "name"]
Place = tuple[Any, ...]
"""Where something stands in a list; what a cursor says."""

_PLACES: dict[Sort, tuple[Callable[[OnAir], Place], type[Place]]] = {
    "newest": (lambda live: (-live.started_at, live.stream_id), tuple[int, str]),
    "oldest": (lambda live: (live.started_at, live.stream_id), tuple[int, str]),
    "name": (lambda live: (live.channel.name, live.stream_id), tuple[str, str]),
}


class ChannelsQuery(PageQuery, frozen=True, kw_only=True):
    """Which channels on air, and in which order."""

    sort: Sort = "newest"
    category: Annotated[
        str | None,
        msgspec.Meta(description="Only channels of the category of this name, in whatever case."),
    ] = None


class SearchQuery(PageQuery, frozen=True, kw_only=True):
    """Which channels."""

    q: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=100, description="How the name begins."),
    ]
    live: Annotated[bool, msgspec.Meta(description="Only channels on air.")] = False


class Category(msgspec.Struct, frozen=True):
    """What a stream may be about."""

    id: str | None
    """Null for a name that a channel carries and the list of categories does not have."""
    name: str
    live: int
    """Channels on air."""

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands: most channels on air first."""
        return -self.live, self.name


class Browsing:
    """Streams on air in the orders that are asked for, each made once for all who ask."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._seen: list[OnAir] = []
        self._orders: dict[tuple[Sort, str | None], list[OnAir]] = {}
        self._counts: list[Category] = _counted([])

    async def streams(self, sort: Sort, category: str | None) -> list[OnAir]:
        """Those of a category, or all, in order. Raises Unavailable."""
        await self._look()
        wanted = None if category is None else category.casefold()
        if (sort, wanted) not in self._orders:
            place, _ = _PLACES[sort]
            found = [live for live in self._seen if wanted in (None, _category(live))]
            if not found:
                return found  # not kept: anyone may ask for anything
            self._orders[sort, wanted] = sorted(found, key=place)
        return self._orders[sort, wanted]

    async def categories(self) -> list[Category]:
        """Those on the list, and those that channels on air carry besides. Raises Unavailable."""
        await self._look()
        return self._counts

    async def _look(self) -> None:
        found = await self._live.streams()
        if found is not self._seen:
            self._seen, self._orders, self._counts = found, {}, _counted(found)


BROWSING: web.AppKey[Browsing] = web.AppKey("browsing", Browsing)


async def list_channels(call: Call, query: ChannelsQuery) -> Page[Channel]:
    """Channels that are live.

    Whoever comes or goes meanwhile moves nobody to another page.
    """
    found = await _on_air(call, query.sort, query.category)
    return await _page(call, found, query.sort, query)


async def search_channels(call: Call, query: SearchQuery) -> Page[Channel]:
    """Channels whose name begins with a text, live or not, in order of name.

    A page may be short, and have a cursor all the same.
    """
    if query.live:
        wanted = beginning(query.q)
        live = await _on_air(call, "name", None)
        found = [each for each in live if wanted and each.channel.name.startswith(wanted)]
        return await _page(call, found, "name", query)
    channels, cursor = await channels_named(
        call.views, query.q, query.limit, query.cursor, lambda ids: _channels(call, ids)
    )
    return Page(channels, cursor, timestamp(call.now))


async def list_categories(call: Call, query: PageQuery) -> Page[Category]:
    """Categories, those with most channels on air first."""
    found = await call.request.app[BROWSING].categories()
    call.stands_on(call.request.app[LIVE].seen)
    start = 0
    if query.cursor is not None:
        place = place_of(query.cursor, tuple[int, str], "cursor")
        start = bisect_right(found, place, key=lambda category: category.place)
    page = found[start : start + query.limit]
    more = start + query.limit < len(found)
    return Page(page, cursor_of(page[-1].place) if more else None, timestamp(call.now))


async def _page(call: Call, found: list[OnAir], sort: Sort, query: PageQuery) -> Page[Channel]:
    place, kind = _PLACES[sort]
    start = 0
    if query.cursor is not None:
        start = bisect_right(found, place_of(query.cursor, kind, "cursor"), key=place)
    page = found[start : start + query.limit]
    more = start + query.limit < len(found)
    channels = await asyncio.gather(*(_channel(call, live) for live in page))
    cursor = cursor_of(place(page[-1])) if more else None
    return Page(channels, cursor, timestamp(call.now))


async def _channels(call: Call, ids: list[str]) -> list[Channel]:
    """Channels by id, those that are known."""
    found = await rows(call, CHANNELS_BY_ID, ids, ChannelRow)
    on_air = await call.request.app[LIVE].of(ids, call.views)
    shown = await asyncio.gather(*(_channel(call, live) for live in on_air))
    live = {channel.channel_id: channel for channel in shown}
    return [live.get(key) or channel_of(row, None) for key, row in found.items()]


async def _channel(call: Call, live: OnAir) -> Channel:
    row = await call.views.get(STREAM_STATUS, live.stream_id)
    if row is None:
        status = StreamRow(live.stream_id, started_at=live.started_at)
    else:
        status = typed(row, StreamRow)
    origin = call.request.app[PLACES].origin(call.request)
    return channel_of(live.channel, stream_of(status, origin))


async def _on_air(call: Call, sort: Sort, category: str | None) -> list[OnAir]:
    found = await call.request.app[BROWSING].streams(sort, category)
    call.stands_on(call.request.app[LIVE].seen)
    return found


def _category(live: OnAir) -> str:
    return live.channel.category.casefold()


def _counted(found: list[OnAir]) -> list[Category]:
    """All categories in order of place; channels that carry none count nowhere."""
    counts = Counter(_category(live) for live in found)
    names = {live.channel.category.casefold(): live.channel.category for live in found}
    names |= {known.name.casefold(): known.name for known in categories().values()}
    names.pop("", None)
    return sorted(
        (Category(category_id(name) or None, name, counts[key]) for key, name in names.items()),
        key=lambda category: category.place,
    )


ROUTES = (
    endpoint("GET", "/v1/channels", list_channels, public, max_age=1, kept=True),
    endpoint("GET", "/v1/search/channels", search_channels, public, max_age=1, kept=True),
    endpoint("GET", "/v1/categories", list_categories, public, max_age=1, kept=True),
)

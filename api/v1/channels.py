"""`/v1/channels/{name}`: one channel, and what it showed before."""

from aiohttp import web

from api.access import public
from api.call import VIEWS, Call, endpoint
from api.edge import PLACES
from api.v1.history import AsOf, Moment, Shown, shown
from api.v1.parameters import ChannelPath, ShortPageQuery
from api.v1.resources import Channel, One, Page, Stream, channel_of, stream_of, timestamp
from api.views import (
    CHANNELS,
    LIVE_CHANNELS,
    STREAM_HISTORY,
    STREAM_STATUS,
    ChannelRow,
    LiveRow,
    StreamRow,
    typed,
)

__all__ = ["ROUTES", "VIEWS", "channel"]


class StreamsQuery(ShortPageQuery, frozen=True):
    """Which part of the list, and when."""

    as_of: AsOf | None = None


async def get_channel(call: Call, path: ChannelPath, query: Moment) -> One[Channel]:
    """A channel and its live state; with `as_of`, as they were shown then."""
    now = shown(call, query.as_of)
    row = await _channel(now, path)
    live = await now.views.get(LIVE_CHANNELS, row.channel_id)
    stream = await _stream(call, now, typed(live, LiveRow)) if live else None
    return One(channel_of(row, stream), timestamp(now.time))


async def list_streams(call: Call, path: ChannelPath, query: StreamsQuery) -> Page[Stream]:
    """A channel's streams, newest first; with `as_of`, those that there were then.

    Apart from the channel itself, so that pages which poll for the live state never reach for
    the long history.
    """
    now = shown(call, query.as_of)
    row = await _channel(now, path)
    rows, cursor = await now.views.scan(
        STREAM_HISTORY, query.limit, query.cursor, within=row.channel_id
    )
    origin = call.request.app[PLACES].origin(call.request)
    streams = [stream_of(typed(found, StreamRow), origin) for found in rows]
    return Page(streams, cursor, timestamp(now.time))


async def channel(request: web.Request) -> One[Channel]:
    """The channel that a page's path names, and its live state. Raises NotFound, Unavailable."""
    return await get_channel(Call(request), ChannelPath(request.match_info["name"][:100]), Moment())


ROUTES = (
    endpoint(
        "GET", "/v1/channels/{name}", get_channel, public, max_age=1, kept=True, errors=(422,)
    ),
    endpoint("GET", "/v1/channels/{name}/streams", list_streams, public, max_age=5, errors=(422,)),
)


async def _channel(now: Shown, path: ChannelPath) -> ChannelRow:
    return await now.row(CHANNELS, path.name.lower(), ChannelRow, "There is no such channel.")


async def _stream(call: Call, now: Shown, live: LiveRow) -> Stream:
    row = await now.views.get(STREAM_STATUS, live.stream_id)
    status = typed(row, StreamRow) if row else StreamRow(live.stream_id, live.channel_id)
    return stream_of(status, call.request.app[PLACES].origin(call.request))

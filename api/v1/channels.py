"""`/v1/channels/{name}`: one channel, and what it showed before."""

from aiohttp import web

from api.access import public
from api.call import VIEWS, Call, endpoint
from api.edge import PLACES
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


async def get_channel(call: Call, path: ChannelPath) -> One[Channel]:
    """A channel and its live state."""
    row = await _channel(call, path)
    live = await call.views.get(LIVE_CHANNELS, row.channel_id)
    stream = await _stream(call, typed(live, LiveRow)) if live else None
    return One(channel_of(row, stream), timestamp(call.now))


async def list_streams(call: Call, path: ChannelPath, query: ShortPageQuery) -> Page[Stream]:
    """A channel's streams, newest first.

    Apart from the channel itself, so that pages which poll for the live state never reach for
    the long history.
    """
    row = await _channel(call, path)
    rows, cursor = await call.views.scan(
        STREAM_HISTORY, query.limit, query.cursor, within=row.channel_id
    )
    origin = call.request.app[PLACES].origin(call.request)
    streams = [stream_of(typed(found, StreamRow), origin) for found in rows]
    return Page(streams, cursor, timestamp(call.now))


async def channel(request: web.Request) -> One[Channel]:
    """The channel that a page's path names, and its live state. Raises NotFound, Unavailable."""
    return await get_channel(Call(request), ChannelPath(request.match_info["name"][:100]))


ROUTES = (
    endpoint("GET", "/v1/channels/{name}", get_channel, public, max_age=1, kept=True),
    endpoint("GET", "/v1/channels/{name}/streams", list_streams, public, max_age=5),
)


async def _channel(call: Call, path: ChannelPath) -> ChannelRow:
    return await call.row(CHANNELS, path.name.lower(), ChannelRow, "There is no such channel.")


async def _stream(call: Call, live: LiveRow) -> Stream:
    row = await call.views.get(STREAM_STATUS, live.stream_id)
    status = typed(row, StreamRow) if row else StreamRow(live.stream_id, live.channel_id)
    return stream_of(status, call.request.app[PLACES].origin(call.request))

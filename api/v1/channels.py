"""`/v1/channels`: who is live, one channel, and what it showed before."""

import asyncio

from aiohttp import web

from api.edge import CLOCK, PLACES
from api.v1 import parameters
from api.v1.resources import Channel, One, Page, Stream, answer, channel_of, stream_of, timestamp
from api.views import (
    CHANNELS,
    CHANNELS_BY_ID,
    LIVE_CHANNELS,
    STREAM_HISTORY,
    STREAM_STATUS,
    ChannelRow,
    LiveRow,
    StreamRow,
    Views,
    typed,
)
from infra.errors import NotFound

VIEWS: web.AppKey[Views] = web.AppKey("views")


async def list_channels(request: web.Request) -> web.Response:
    """GET /v1/channels?limit=&cursor=: channels that are live."""
    rows, cursor = await request.app[VIEWS].scan(
        LIVE_CHANNELS, parameters.limit(request), parameters.cursor(request)
    )
    found = await asyncio.gather(*(_live_channel(request, typed(row, LiveRow)) for row in rows))
    channels = [channel for channel in found if channel is not None]
    return answer(Page(channels, cursor, _now(request)))


async def get_channel(request: web.Request) -> web.Response:
    """GET /v1/channels/{name}: a channel and its live state."""
    return answer(await channel(request))


async def channel(request: web.Request) -> One[Channel]:
    """The channel that a path names, and its live state. Raises NotFound."""
    row = await _channel(request)
    live = await request.app[VIEWS].get(LIVE_CHANNELS, row.channel_id)
    stream = await _stream(request, typed(live, LiveRow)) if live else None
    return One(channel_of(row, stream), _now(request))


async def list_streams(request: web.Request) -> web.Response:
    """GET /v1/channels/{name}/streams?limit=&cursor=: its streams, newest first.

    Apart from the channel itself, so that pages which poll for the live state never reach for
    the long history.
    """
    row = await _channel(request)
    rows, cursor = await request.app[VIEWS].scan(
        STREAM_HISTORY,
        parameters.limit(request, default=20),
        parameters.cursor(request),
        within=row.channel_id,
    )
    origin = request.app[PLACES].origin(request)
    streams = [stream_of(typed(found, StreamRow), origin) for found in rows]
    return answer(Page(streams, cursor, _now(request)), max_age=5)


async def _channel(request: web.Request) -> ChannelRow:
    row = await request.app[VIEWS].get(CHANNELS, parameters.channel_name(request))
    if row is None:
        raise NotFound("There is no such channel.")
    return typed(row, ChannelRow)


async def _live_channel(request: web.Request, live: LiveRow) -> Channel | None:
    """A live channel joined with its name; None while its registration has not reached the view."""
    row, stream = await asyncio.gather(
        request.app[VIEWS].get(CHANNELS_BY_ID, live.channel_id), _stream(request, live)
    )
    return channel_of(typed(row, ChannelRow), stream) if row else None


async def _stream(request: web.Request, live: LiveRow) -> Stream:
    row = await request.app[VIEWS].get(STREAM_STATUS, live.stream_id)
    status = typed(row, StreamRow) if row else StreamRow(live.stream_id, live.channel_id)
    return stream_of(status, request.app[PLACES].origin(request))


def _now(request: web.Request) -> str:
    return timestamp(request.app[CLOCK].now()) or ""

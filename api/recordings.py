"""`/recordings/{stream_id}`: a broadcast that is over, with its chat in its time.

Its media playlist is made of what the log says about its segments: nothing is copied, and what the
origin serves of them is what was seen live.
"""

import html
import math
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
from aiohttp import web

from api.access import public
from api.call import Call
from api.edge import PLACES
from api.pages import page
from api.routes import Route
from api.v1.resources import Stream, stream_of
from api.views import CHANNELS_BY_ID, STREAM_STATUS, ChannelRow, StreamRow
from infra.errors import NotFound
from infra.record import Record
from schemas.records.media import SegmentProduced

TOPIC: Final = "media-segments"
RENDITION: Final = "source"
LATEST: Final = 60_000_000
"""Microseconds after the end of a broadcast by which its last segment is on the log."""
REMEMBERED: Final = 16
"""Playlists: a recording does not change."""
VERSION: Final = 7
"""Of the protocol (RFC 8216): fragmented MP4 needs 7 by Apple's rules."""


class Told(Protocol):
    """Reads what was written under a key. Implemented by `api.log.Log`."""

    async def told(self, topic: str, key: str, since: int, until: int) -> list[Record]:
        """Records between two moments (microseconds), in order. Raises Unavailable."""
        ...


class Shown(msgspec.Struct, frozen=True):
    """What the page's script has to know."""

    channel_id: str
    name: str
    title: str
    stream: Stream
    playlist_url: str


class Recordings:
    """The playlists of broadcasts that are over."""

    def __init__(self, log: Told) -> None:
        self._log = log
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def playlist(self, row: StreamRow, origin: str) -> str:
        """A recording's media playlist. Raises NotFound, Unavailable."""
        place = (row.stream_id, origin)
        if place not in self._known:
            assert row.ended_at is not None
            since = row.started_at or row.ended_at
            said = await self._log.told(TOPIC, row.stream_id, since, row.ended_at + LATEST)
            self._known[place] = playlist(said, origin)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return self._known[place]


RECORDINGS: web.AppKey[Recordings] = web.AppKey("recordings", Recordings)


def playlist(said: Iterable[Record], origin: str) -> str:
    """The media playlist of what was sent (RFC 8216, section 4). Raises NotFound without segments.

    A publisher who came back sends another init segment: its clock begins anew, a discontinuity.
    """
    segments = {
        each.media_sequence: each
        for each in said
        if isinstance(each, SegmentProduced) and each.rendition == RENDITION
    }
    if not segments:
        raise NotFound("There is no recording of this stream.")
    longest = max(each.duration for each in segments.values())
    lines = [
        *("#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-PLAYLIST-TYPE:VOD"),
        f"#EXT-X-TARGETDURATION:{max(1, math.floor(longest + 0.5))}",
        f"#EXT-X-MEDIA-SEQUENCE:{min(segments)}",
    ]
    init = ""
    for _, each in sorted(segments.items()):
        if each.init_object != init:
            lines += ["#EXT-X-DISCONTINUITY"] if init else []
            lines.append(f'#EXT-X-MAP:URI="{origin}/{each.init_object}"')
            init = each.init_object
        at = datetime.fromtimestamp(each.program_date_time / 1e6, UTC)
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{at.isoformat(timespec='milliseconds')}")
        lines += [f"#EXTINF:{each.duration:.5f},", f"{origin}/{each.object}"]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


async def watch(request: web.Request) -> web.StreamResponse:
    """The page of a recording; that of its channel while the broadcast is on air."""
    row, channel = await _asked(request)
    if row.ended_at is None:
        raise web.HTTPFound(f"/c/{channel.name}")
    stream = stream_of(row, request.app[PLACES].origin(request))
    address = f"/recordings/{row.stream_id}/source.m3u8"
    shown = Shown(row.channel_id, channel.name, channel.title, stream, address)
    # `<` would let a title end the script; JSON has another way to write it.
    first = msgspec.json.encode(shown).decode().replace("<", "\\u003c")
    head = f'<script type="application/json" id="first">{first}</script>'
    title = html.escape(channel.title or channel.name)
    text = page(request, "recording.html").replace("<title>", f"<title>{title} · ", 1)
    text = text.replace("</title>", f"</title>{head}", 1)
    headers = {"Cache-Control": "no-cache"}
    return web.Response(text=text, content_type="text/html", headers=headers)


async def get_playlist(request: web.Request) -> web.StreamResponse:
    """The media playlist of a recording. Raises NotFound, Unavailable."""
    row, _ = await _asked(request)
    if row.ended_at is None:
        raise NotFound("The stream is still on air.")
    origin = request.app[PLACES].origin(request)
    text = await request.app[RECORDINGS].playlist(row, origin)
    headers = {"Cache-Control": "public, max-age=60"}
    return web.Response(text=text, content_type="application/vnd.apple.mpegurl", headers=headers)


async def _asked(request: web.Request) -> tuple[StreamRow, ChannelRow]:
    call, missing = Call(request), "There is no such stream."
    row = await call.row(STREAM_STATUS, request.match_info["stream_id"], StreamRow, missing)
    return row, await call.row(CHANNELS_BY_ID, row.channel_id, ChannelRow, missing)


ROUTES = (Route("GET", "/recordings/{stream_id}", watch, public),)
PLAYING = (Route("GET", "/recordings/{stream_id}/source.m3u8", get_playlist, public),)
"""For who reads the log."""

"""`/v1/config`: what a page must know before it starts."""

import msgspec
from aiohttp import web

from api.edge import PLACES
from api.v1.resources import answer


class Config(msgspec.Struct, frozen=True):
    """Addresses as the asking browser reaches them."""

    origin_url: str
    """Base URL of playlists, media and thumbnails: `{origin_url}/live/{stream_id}/index.m3u8`."""
    rtmp_url: str
    """Where broadcasters publish to; the stream key is theirs."""


async def get_config(request: web.Request) -> web.Response:
    """GET /v1/config: addresses of the origin and of the ingest."""
    places = request.app[PLACES]
    return answer(Config(places.origin(request), places.rtmp(request)), max_age=5)

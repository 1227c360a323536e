"""`/v1/config`: what a page must know before it starts."""

import msgspec

from api.access import public
from api.call import Call, endpoint
from api.edge import PLACES


class Config(msgspec.Struct, frozen=True):
    """Addresses as the asking browser reaches them."""

    origin_url: str
    """Base URL of playlists, media and thumbnails: `{origin_url}/live/{stream_id}/index.m3u8`."""
    rtmp_url: str
    """Where broadcasters publish to; the stream key is theirs."""


async def get_config(call: Call) -> Config:
    """Addresses of the origin and of the ingest."""
    places = call.request.app[PLACES]
    return Config(places.origin(call.request), places.rtmp(call.request))


ROUTES = (endpoint("GET", "/v1/config", get_config, public, max_age=5),)

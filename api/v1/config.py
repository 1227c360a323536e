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
    chat_url: str
    """WebSocket of a chat edge (JSON). Say `hello` with an access token, or only read."""


async def get_config(call: Call) -> Config:
    """Addresses of the origin, of the ingest and of chat."""
    places = call.request.app[PLACES]
    request = call.request
    return Config(places.origin(request), places.rtmp(request), f"{places.chat(request)}/chat")


ROUTES = (endpoint("GET", "/v1/config", get_config, public, max_age=5),)

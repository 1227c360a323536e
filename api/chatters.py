"""Who is in a chat, as far as edges know."""

from typing import Protocol

from aiohttp import web

from api.call import Call
from api.chat.presence import Present


class Chatters(Protocol):
    """Knows who is in a chat. Implemented by `api.chat.presence.Presence`."""

    async def here(self, channel_id: str) -> list[Present]:
        """Those seen last first. Raises Unavailable."""
        ...


CHATTERS: web.AppKey[Chatters] = web.AppKey("chatters")


async def chatters(call: Call, channel_id: str) -> list[Present]:
    """Those who are in a channel's chat; nobody, where nothing is known. Raises Unavailable."""
    known = call.request.app.get(CHATTERS)
    return await known.here(channel_id) if known else []

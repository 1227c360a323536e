"""Reads the body of a request, bounded in bytes and in time."""

import asyncio
from typing import Final

from aiohttp import web

from api.deadline import standing_still
from api.errors import TooLarge

BODY_SECONDS: Final = 10.0
"""For a body to arrive as a whole."""


async def body_of(request: web.Request, most: int) -> bytes:
    """The body. Raises TooLarge, and HTTPRequestTimeout for one that comes too slowly."""
    if not request.can_read_body:
        return b""
    raw = bytearray()
    try:
        with standing_still():
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.content.iter_any():
                    raw += chunk
                    if len(raw) > most:
                        raise TooLarge(f"a body may have {most} bytes")
    except TimeoutError as slow:
        raise web.HTTPRequestTimeout from slow
    return bytes(raw)

"""The pages and their files, from one folder that the caller names."""

import asyncio
import contextlib
import html
import re
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import msgspec
from aiohttp import web

from api.v1 import channels
from infra.errors import InvalidRecord, NotFound, Unavailable

_PATIENCE = 0.5
"""Seconds to wait for what the script can ask for itself."""
FIRST_RENDITION: Final = "source.m3u8"
"""The playlist that a player begins with, beside the multivariant one."""
EVERY_RENDITION: Final = "?rungs=all"
"""Has the multivariant playlist name what may come, too: our player reads it but once."""
_PATH = re.compile(r"([a-z0-9-]+/)*[a-z0-9.-]+")

FOLDER: web.AppKey[Path] = web.AppKey("pages", Path)


async def browse(request: web.Request) -> web.FileResponse:
    """The page that lists who is live."""
    return _file(request, "index.html")


async def watch(request: web.Request) -> web.Response:
    """The page of one channel, with what its script would ask first: one trip less to a picture.

    It comes before all scripts, so that none has to wait for it. Where there is nothing to bring
    along, the script asks for itself, and says what is wrong.
    """
    head, state = "", "loading"
    with contextlib.suppress(NotFound, Unavailable, InvalidRecord, TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            found = await channels.channel(request)
        # `<` would let a title end the script; JSON has another way to write it.
        first = msgspec.json.encode(found).decode().replace("<", "\\u003c")
        head = f'<script type="application/json" id="first">{first}</script>'
        if found.data.stream is None:
            state = "offline"  # the player is lower then
        else:
            playlist = found.data.stream.playlist_url
            # Both at once: a browser asks for them before it has run any script.
            for url in (f"{playlist}{EVERY_RENDITION}", urljoin(playlist, FIRST_RENDITION)):
                url = html.escape(url)
                head += f'<link rel="preload" as="fetch" crossorigin href="{url}" />'
    text = page(request, "watch.html").replace('data-state="loading"', f'data-state="{state}"', 1)
    return web.Response(
        text=text.replace("</title>", f"</title>{head}", 1),
        content_type="text/html",
        headers={"Cache-Control": "no-cache"},
    )


def page(request: web.Request, name: str) -> str:
    """The text of a page, for who brings something along in it."""
    return (request.app[FOLDER] / name).read_text()


async def moderation(request: web.Request) -> web.FileResponse:
    """The page of who moderates a chat. Its script asks who that is, and for what it shows."""
    return _file(request, "moderation.html")


async def asset(request: web.Request) -> web.FileResponse:
    """A script, a style or an image. Raises NotFound for anything outside the folder."""
    path = request.match_info["path"]
    if not _PATH.fullmatch(path):
        raise NotFound("There is no such file.")
    return _file(request, path)


def _file(request: web.Request, name: str) -> web.FileResponse:
    folder = request.app[FOLDER].resolve()
    path = (folder / name).resolve()
    if not (path.is_relative_to(folder) and path.is_file()):
        raise NotFound("There is no such file.")
    # Browsers keep it and ask each time: the ETag makes that a 304, and a release shows at once.
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})

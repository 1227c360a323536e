"""The pages and their files, from one folder that the caller names."""

import re
from pathlib import Path

from aiohttp import web

from infra.errors import NotFound

_PATH = re.compile(r"([a-z0-9-]+/)*[a-z0-9.-]+")

FOLDER: web.AppKey[Path] = web.AppKey("pages", Path)


async def browse(request: web.Request) -> web.FileResponse:
    """The page that lists who is live."""
    return _file(request, "index.html")


async def watch(request: web.Request) -> web.FileResponse:
    """The page of one channel; which one, its script reads from the address."""
    return _file(request, "watch.html")


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

"""What a caller may write in a path or a query."""

import re

from aiohttp import web

from infra.errors import InvalidRecord, NotFound

_NAME = re.compile(r"[a-z0-9_]{3,25}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CURSOR = re.compile(r"[A-Za-z0-9_=.:-]{1,4096}")

MAX_PAGE = 100


def channel_name(request: web.Request) -> str:
    """The channel's name in the path; letters count the same in both cases.

    Raises NotFound where no channel can have that name.
    """
    name = request.match_info["name"].lower()
    if not _NAME.fullmatch(name):
        raise NotFound("There is no such channel.")
    return name


def stream_id(request: web.Request) -> str:
    """The stream's id in the path. Raises NotFound where no stream can have it."""
    given = request.match_info["stream_id"]
    if not _ID.fullmatch(given):
        raise NotFound("There is no such stream.")
    return given


def limit(request: web.Request, default: int = 50) -> int:
    """The size of a page. Raises InvalidRecord unless it is a number from 1 to MAX_PAGE."""
    given = request.query.get("limit")
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) < 5 and 1 <= int(given) <= MAX_PAGE):
        raise InvalidRecord(f"limit: must be a number from 1 to {MAX_PAGE}")
    return int(given)


def cursor(request: web.Request) -> str | None:
    """Where to go on. Raises InvalidRecord for what cannot be a cursor of ours."""
    given = request.query.get("cursor")
    if given is not None and not _CURSOR.fullmatch(given):
        raise InvalidRecord("cursor: must be one that an earlier page gave")
    return given

"""How the origin answers: cache rules, ranges, CORS, and no patience without end."""

import asyncio
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from media.origin import measures
from media.origin.streams import Text
from media.packaging.outputs import TARGET_DURATION

CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, Date, ETag",
    # Players measure their connection by when bytes came, not by when a busy page looked.
    "Timing-Allow-Origin": "*",
}
IMMUTABLE: Final = "public, max-age=31536000, immutable"
NEVER: Final = "no-store"
BLOCKED_PLAYLIST: Final = f"public, max-age={6 * TARGET_DURATION}"
"""A playlist asked for by number: six target durations (rfc8216bis, B.1)."""
PLAYLIST: Final = f"public, max-age=0, s-maxage={TARGET_DURATION // 2}"
"""The playlist of now: half a target duration in a shared cache (B.1), browsers ask each time."""
MISSING: Final = f"public, max-age=0, s-maxage={TARGET_DURATION}"

_RANGE: Final = re.compile(r"^bytes=(\d{0,15})-(\d{0,15})$")
CHUNK: Final = 256 << 10


class RequestError(Exception):
    """A request that is answered with an error (RFC 9457)."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def problem(error: RequestError) -> web.Response:
    """The response of a request that cannot be answered."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
    }
    caching = MISSING if error.status == 404 else NEVER
    return web.Response(
        status=error.status,
        body=msgspec.json.encode(body),
        content_type="application/problem+json",
        headers=CORS | {"Cache-Control": caching} | error.headers,
    )


def playlist(request: web.Request, text: Text, *, blocked: bool) -> web.Response:
    """A playlist, zipped where the client takes that."""
    headers = CORS | {
        "Cache-Control": BLOCKED_PLAYLIST if blocked else PLAYLIST,
        "ETag": f'W/"{text.etag}"',
        "Vary": "Accept-Encoding",
    }
    if text.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    body = text.plain
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body = text.zipped
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, content_type="application/vnd.apple.mpegurl", headers=headers)


def wanted_range(request: web.Request, size: int) -> tuple[int, int] | None:
    """Start and end (not included) of the one range asked for; None asks for the whole.

    Several are answered with the whole, as RFC 9110, 14.2 allows. Raises RequestError (416).
    """
    found = _RANGE.match(request.headers.get("Range", ""))
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    if start >= end:
        detail = f"the range is outside of the object's {size} bytes"
        raise RequestError(416, detail, **{"Content-Range": f"bytes */{size}"})
    return start, end


def object_headers(key: str, size: int, span: tuple[int, int] | None) -> dict[str, str]:
    """Headers of an object, which never changes: its key is its entity tag."""
    headers = CORS | {
        "Cache-Control": IMMUTABLE,
        "ETag": f'"{key}"',
        "Accept-Ranges": "bytes",
    }
    if span is not None:
        start, end = span
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return headers


async def send(
    request: web.Request, response: web.StreamResponse, body: AsyncIterator[bytes], seconds: float
) -> web.StreamResponse:
    """Write a body piece by piece; a client that takes none for so long is cut off."""
    try:
        async with asyncio.timeout(seconds) as patience:
            await response.prepare(request)
            if request.method != "HEAD":
                async for piece in body:
                    await response.write(piece)
                    measures.SENT.inc(len(piece))
                    patience.reschedule(asyncio.get_running_loop().time() + seconds)
            await response.write_eof()
    except TimeoutError:
        _cut_off(request)
    except ConnectionResetError:
        pass  # the client left, which is its right
    return response


def _cut_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def finish(
    request: web.Request, response: web.Response, seconds: float
) -> web.StreamResponse:
    """Write a small body; a client that does not take it in time is cut off."""
    try:
        async with asyncio.timeout(seconds):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        _cut_off(request)
    except ConnectionResetError:
        pass  # the client left, which is its right
    if isinstance(response.body, bytes) and request.method != "HEAD":
        measures.SENT.inc(len(response.body))
    return response

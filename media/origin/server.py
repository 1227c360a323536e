"""The HTTP face of the origin: playlists, objects, pictures, health and metrics."""

import math
import re
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from infra.clock import Clock
from infra.errors import NotFound, Unavailable
from infra.settings import OriginSettings
from media.naming import SOURCE
from media.origin import measures
from media.origin.decoding import NoPictureError
from media.origin.objects import Objects, TooLargeError
from media.origin.rendition import Rendition
from media.origin.responses import (
    CHUNK,
    CORS,
    NEVER,
    RequestError,
    finish,
    object_headers,
    playlist,
    problem,
    send,
    wanted_range,
)
from media.origin.storyboard import Storyboards
from media.origin.streams import Live, Stream, Streams
from media.origin.thumbnail import Thumbnails
from media.packaging.outputs import TARGET_DURATION

log = structlog.get_logger()

MAX_BLOCK: Final = 3.0 * TARGET_DURATION
"""Seconds a blocking request waits before 503 (rfc8216bis, 6.2.5.2)."""
SILENT: Final = 10.0
"""Seconds without a word from the log after which the origin is not healthy."""

_ID: Final = "[A-Za-z0-9_-]{1,64}"
_STREAM: Final = f"/live/{{stream:{_ID}}}"
_OBJECT: Final = f"/{{session:{_ID}}}/{{rendition:{_ID}}}"
_FILE: Final = r"/{file:(?:init(?:-\d{1,9})?\.mp4|\d{1,15}(?:\.\d{1,9})?\.m4s)}"
_SHEET: Final = r"{sheet:\d{1,15}-\d{1,15}}"
_PART: Final = re.compile(r"^\d+\.\d+\.m4s$")


class Server:
    """Request handlers over the streams and the objects."""

    def __init__(
        self,
        settings: OriginSettings,
        streams: Streams,
        objects: Objects,
        thumbnails: Thumbnails,
        storyboards: Storyboards,
        clock: Clock,
        polled_at: Callable[[], float],
    ) -> None:
        self._settings, self._streams, self._objects = settings, streams, objects
        self._thumbnails, self._storyboards = thumbnails, storyboards
        self._clock, self._polled_at = clock, polled_at
        self._in_progress = 0

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[self._guard])
        app.router.add_get(f"{_STREAM}{_OBJECT}{_FILE}", self._object)
        app.router.add_get(f"{_STREAM}/index.m3u8", self._multivariant)
        app.router.add_get(f"{_STREAM}/{{rendition:{_ID}}}.m3u8", self._media)
        app.router.add_get(f"{_STREAM}/thumbnail.jpg", self._thumbnail)
        app.router.add_get(f"{_STREAM}/storyboard.json", self._storyboard)
        app.router.add_get(f"{_STREAM}/storyboard-{_SHEET}.jpg", self._sheet)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/metrics", self._metrics)
        return app

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[..., object]
    ) -> web.StreamResponse:
        """Bounds what is in progress; turns errors into problem+json; counts."""
        resource = handler.__name__.lstrip("_")
        self._in_progress += 1
        measures.IN_PROGRESS.set(self._in_progress)
        try:
            response = await self._answer(request, handler)
        finally:
            self._in_progress -= 1
        measures.REQUESTS.labels(resource, response.status).inc()
        if response.prepared or not isinstance(response, web.Response):
            return response
        return await finish(request, response, self._settings.write_timeout)

    async def _answer(
        self, request: web.Request, handler: Callable[..., object]
    ) -> web.StreamResponse:
        try:
            if self._in_progress > self._settings.max_requests:
                raise RequestError(503, "too many requests in progress", **{"Retry-After": "1"})
            if request.method == "OPTIONS":
                return _preflight()
            return await handler(request)  # type: ignore[misc,no-any-return]
        except RequestError as error:
            return problem(error)
        except web.HTTPException as error:
            return problem(RequestError(error.status, f"{request.method} {request.path}"))
        except NotFound as error:
            return problem(RequestError(404, str(error)))
        except NoPictureError as error:
            return problem(RequestError(503, str(error), **{"Retry-After": "5"}))
        except Unavailable as error:
            log.warning("could not answer", path=request.path, error=str(error))
            return problem(RequestError(503, "the storage does not answer", **{"Retry-After": "1"}))

    # Playlists.

    async def _multivariant(self, request: web.Request) -> web.StreamResponse:
        """`?rungs=all` names also rungs that may come: a player reads this playlist but once."""
        every = request.query.get("rungs") == "all"
        return playlist(request, self._stream(request).multivariant(every=every), blocked=False)

    async def _media(self, request: web.Request) -> web.StreamResponse:
        stream = self._stream(request)
        name = request.match_info["rendition"]
        live = stream.renditions.get(name)
        if live is None or not stream.is_playable(name):
            raise RequestError(404, "the stream has no such rendition now")
        media_sequence = _directive(request, "_HLS_msn")
        part = _directive(request, "_HLS_part")
        if part is not None and media_sequence is None:
            raise RequestError(400, "_HLS_part needs _HLS_msn")
        if stream.ended_at is None:
            if media_sequence is None:
                await self._await_first(stream, live)
            else:
                await self._block(stream, live, media_sequence, part)
            if not stream.is_playable(name):
                raise RequestError(404, "the rendition came to an end")
        skip = request.query.get("_HLS_skip") in ("YES", "v2")
        return playlist(request, live.text(skip=skip), blocked=media_sequence is not None)

    async def _await_first(self, stream: Stream, live: Live) -> None:
        """Until a stream has a whole segment its playlist is held back: players, hls.js among them,
        take one with parts alone for empty and begin again a second later."""

        def ready() -> bool:
            return stream.ended_at is not None or bool(live.rendition.entries)

        await live.wait(ready, MAX_BLOCK)

    async def _block(
        self, stream: Stream, live: Live, media_sequence: int, part: int | None
    ) -> None:
        """Wait until the playlist holds what is asked for (6.2.5.2)."""
        rendition = live.rendition
        coming = rendition.next
        ahead = math.ceil(3 / max(rendition.part_target, 0.01))
        if media_sequence > coming.media_sequence + 1 or (
            media_sequence == coming.media_sequence and (part or 0) > coming.part + ahead
        ):
            raise RequestError(400, f"segment {media_sequence} is too far ahead")

        def ready() -> bool:
            over = stream.ended_at is not None or not stream.is_playable(rendition.name)
            return over or rendition.has(media_sequence, part)

        if not await live.wait(ready, MAX_BLOCK):
            raise RequestError(503, "the segment did not come in time", **{"Retry-After": "1"})

    def _stream(self, request: web.Request) -> Stream:
        if not self._polled_at():
            raise RequestError(503, "the log is being read", **{"Retry-After": "1"})
        stream = self._streams.get(request.match_info["stream"])
        if stream is None or not stream.is_playable(SOURCE):
            raise RequestError(404, "no such stream is on air")
        return stream

    # Objects.

    async def _object(self, request: web.Request) -> web.StreamResponse:
        key = request.path.lstrip("/")
        await self._await_hinted(request)
        if f'"{key}"' in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=object_headers(key, 0, None))
        try:
            data = await self._objects.get(key)
        except TooLargeError as found:
            return await self._stream_object(request, key, found.size)
        except NotFound as error:
            raise RequestError(404, "no such object") from error
        measures.CACHED.set(self._objects.cached_bytes)
        span = wanted_range(request, len(data))
        return web.Response(
            status=206 if span else 200,
            body=data[slice(*span)] if span else data,
            content_type="video/mp4",
            headers=object_headers(key, len(data), span),
        )

    async def _stream_object(self, request: web.Request, key: str, size: int) -> web.StreamResponse:
        span = wanted_range(request, size)
        headers = object_headers(key, size, span) | {"Content-Type": "video/mp4"}
        start, end = span or (0, size)
        headers["Content-Length"] = str(end - start)
        response = web.StreamResponse(status=206 if span else 200, headers=headers)
        pieces = self._pieces(key, start, end)
        return await send(request, response, pieces, self._settings.write_timeout)

    async def _pieces(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        for at in range(start, end, CHUNK):
            yield await self._objects.get_range(key, at, min(at + CHUNK, end))

    async def _await_hinted(self, request: web.Request) -> None:
        """A part that a preload hint named is sent as soon as it exists (6.2.6)."""
        stream = self._streams.get(request.match_info["stream"])
        key = request.path.lstrip("/")
        if stream is None or not _PART.match(request.match_info["file"]):
            return
        for live in stream.playable():
            if live.rendition.hint == key:
                await live.wait(_moved_on(stream, live.rendition), MAX_BLOCK)
                return

    async def _thumbnail(self, request: web.Request) -> web.StreamResponse:
        jpeg = await self._thumbnails.get(self._stream(request))
        return web.Response(
            body=jpeg,
            content_type="image/jpeg",
            headers=CORS | {"Cache-Control": "public, max-age=5"},
        )

    async def _storyboard(self, request: web.Request) -> web.StreamResponse:
        described = self._storyboards.describe(self._stream(request))
        return web.Response(
            body=msgspec.json.encode(described),
            content_type="application/json",
            headers=CORS | {"Cache-Control": "public, max-age=5"},
        )

    async def _sheet(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["sheet"]
        jpeg = await self._storyboards.sheet(self._stream(request), name)
        headers = CORS | {"Cache-Control": "public, max-age=300"}
        return web.Response(body=jpeg, content_type="image/jpeg", headers=headers)

    # Operations.

    async def _health(self, request: web.Request) -> web.StreamResponse:
        polled_at = self._polled_at()
        silent = self._clock.monotonic() - polled_at
        if not polled_at or silent > SILENT:
            raise RequestError(503, "the log is not being followed")
        return web.json_response({"status": "ok", "streams": len(self._streams)})

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        response = web.Response(body=generate_latest(), headers={"Cache-Control": NEVER})
        response.headers["Content-Type"] = CONTENT_TYPE_LATEST
        return response


def _moved_on(stream: Stream, rendition: Rendition) -> Callable[[], bool]:
    """Whether the part that was to come is there, or will never be."""
    waited = rendition.next
    return lambda: rendition.next > waited or not stream.is_playable(rendition.name)


def _preflight() -> web.Response:
    headers = CORS | {
        "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
        "Access-Control-Allow-Headers": "Range, If-None-Match, Content-Type",
        "Access-Control-Max-Age": "86400",
    }
    return web.Response(status=204, headers=headers)


def _directive(request: web.Request, name: str) -> int | None:
    value = request.query.get(name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 15:
        raise RequestError(400, f"{name} must be a number from 0")
    return int(value)

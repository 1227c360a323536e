"""What every response gets: a request id, a log line, metrics, security headers, CORS."""

import itertools
import re
import uuid
from functools import lru_cache
from typing import Final, NamedTuple

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest

from api.places import Places
from api.problems import REQUEST_ID, Handler
from infra.clock import Clock
from infra.errors import InvalidRecord
from infra.observability.request_log import RequestLog

CLOCK: web.AppKey[Clock] = web.AppKey("clock")
PLACES: web.AppKey[Places] = web.AppKey("places", Places)
LOG: web.AppKey[RequestLog] = web.AppKey("log", RequestLog)

_SECONDS = Histogram(
    "millrace_gateway_request_seconds",
    "Answered requests, and the time that each took.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_OPEN = (
    *("/v1/", "/helix/", "/.well-known/"),
    *("/oauth2/token", "/oauth2/revoke", "/oauth2/validate", "/oauth2/introspect"),
)
"""What pages of any site may use."""
_METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": (
        "Authorization, Client-Id, Content-Type, Idempotency-Key, Last-Event-ID"
    ),
    "Access-Control-Max-Age": "86400",
}
_EXPOSED = (
    "Location, Next-Cursor, Retry-After, WWW-Authenticate, X-Request-Id, "
    "Ratelimit-Limit, Ratelimit-Remaining, Ratelimit-Reset"
)
_QUIET = {"/healthz", "/metrics"}


_PROCESS = uuid.uuid4().hex[:16]
_NUMBERS = itertools.count()
"""A request's id: the process, and its number in it."""


class _Measures(NamedTuple):
    """What is counted of requests that were answered alike."""

    route: str
    seconds: Histogram


@lru_cache(8192)
def _measures(method: str, resource: web.AbstractResource | None, status: int) -> _Measures:
    route = resource.canonical if resource else "none"
    return _Measures(route, _SECONDS.labels(method, route, str(status)))


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request, time it, count it and log it. The outermost middleware."""
    given = request.headers.get("X-Request-Id")
    if given is None or not _REQUEST_ID.fullmatch(given):
        given = f"{_PROCESS}{next(_NUMBERS):016x}"
    request[REQUEST_ID] = given
    app = request.app
    clock = app[CLOCK]
    started = clock.monotonic()
    response = await handler(request)
    took = clock.monotonic() - started
    method = request.method if request.method in _METHODS else "other"
    measures = _measures(method, request.match_info.route.resource, response.status)
    measures.seconds.observe(took)
    if measures.route not in _QUIET:
        app[LOG].add(method, request.path, response.status, took, given)
    return response


@web.middleware
async def cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let pages of any site use these: they take tokens in a header, and no cookies."""
    if not request.path.startswith(_OPEN) or request.method != "OPTIONS":
        return await handler(request)
    return web.Response(status=204, headers=_PREFLIGHT)


_SECURITY: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_SHARED: Final = {
    **_SECURITY,
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": _EXPOSED,
}


def static_headers(path: str) -> dict[str, str]:
    """Headers that every response from a path has."""
    return _SHARED if path.startswith(_OPEN) else _SECURITY


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler that puts the security headers on a response before it starts."""
    headers = response.headers
    headers["X-Request-Id"] = request.get(REQUEST_ID, "")
    headers.update(static_headers(request.path))
    if response.content_type == "text/html":
        headers.setdefault("Content-Security-Policy", content_security_policy(*_sources(request)))


def _sources(request: web.Request) -> tuple[str, str]:
    places = request.app[PLACES]
    try:
        return places.origin(request), places.chat(request)
    except InvalidRecord:
        return "'none'", ""  # a Host that is none: the page may talk to nobody else


def content_security_policy(origin: str, chat: str = "") -> str:
    """What a page may load: our own files, and media from the origin; and that it may chat.

    hls.js hands the video element a blob, and may start its worker from one.
    """
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: {origin}",
            f"connect-src 'self' {origin} {chat}".rstrip(),
            f"media-src blob: {origin}",
            "worker-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        ]
    )


async def metrics(_request: web.Request) -> web.Response:
    """All metrics of the process in the Prometheus text format."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

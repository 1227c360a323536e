"""The ingest's HTTP server: spools as they grow, health, metrics."""

from collections.abc import Callable
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from infra.errors import NotFound, Refused
from infra.observability.web import Health, health_app
from media.spool import Spool

_TYPE: Final = "video/x-flv"


def ingest_app(
    spool: Spool, health: Callable[[], Health], registry: CollectorRegistry
) -> web.Application:
    """`GET /spool/{session_id}`, `GET /healthz`, `GET /metrics`.

    `?offset=N` streams from N and goes on as the spool grows, until the session ends; a response
    that is cut short means that the server was. `Range: bytes=…` gives what is there now.
    `Millrace-Spool: live|ended` and `Millrace-Spool-Size` say how far it had come.
    """
    app = health_app(health, registry)

    async def get_spool(request: web.Request) -> web.StreamResponse:
        return await _get_spool(request, spool)

    app.router.add_get("/spool/{session_id}", get_spool)
    return app


async def _get_spool(request: web.Request, spool: Spool) -> web.StreamResponse:
    session_id = request.match_info["session_id"]
    try:
        state = spool.state(session_id)
        begin, end = _wanted(request, state.size)
    except NotFound as error:
        raise web.HTTPNotFound(text=f"{error}\n") from error
    except Refused as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from error
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
        "Content-Type": _TYPE,
        "Millrace-Spool": "live" if state.live else "ended",
        "Millrace-Spool-Size": str(state.size),
    }
    if begin > state.size or (end is not None and begin >= end):
        refused = {"Content-Range": f"bytes */{state.size}"}
        raise web.HTTPRequestRangeNotSatisfiable(
            headers=refused, text=f"the spool has {state.size} bytes\n"
        )
    response = web.StreamResponse(headers=headers)
    if end is not None:
        total = "*" if state.live else state.size
        response.set_status(206)
        response.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{total}"
        response.content_length = end - begin
    elif not state.live:
        response.content_length = state.size - begin
    await response.prepare(request)
    if request.method != "HEAD":
        until = end if end is not None or state.live else state.size
        async for block in spool.read(session_id, begin, until):
            await response.write(block)
    await response.write_eof()
    return response


def _wanted(request: web.Request, size: int) -> tuple[int, int | None]:
    """First byte and, for a range, the end: what of it is there. Raises Refused."""
    try:
        asked = request.http_range
        if asked.start is None and asked.stop is None:
            offset = int(request.query.get("offset", "0"))
            if offset < 0:
                raise ValueError
            return offset, None
    except ValueError:
        raise Refused("invalid-offset", "`offset` and Range must name bytes, from 0") from None
    start = asked.start if asked.start is not None else 0
    if start < 0:
        return max(0, size + start), size
    return start, min(size, asked.stop if asked.stop is not None else size)

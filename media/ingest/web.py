"""The ingest's HTTP server: spools as they grow, health, metrics."""

from collections.abc import Callable
from typing import Final

import msgspec
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from infra.errors import NotFound, Refused
from infra.observability.web import Health, health_app
from media.spool.spool import Gone, Spool, SpoolState

log = structlog.get_logger()

_TYPE: Final = "video/x-flv"


def ingest_app(
    spool: Spool, health: Callable[[], Health], registry: CollectorRegistry
) -> web.Application:
    """`GET /spool/{session_id}`, `GET /healthz`, `GET /metrics`.

    A spool is the log of a session, addressed by offset; its beginning may have been deleted.

    - `?offset=N`: the log's bytes from N, or from 0.
    - `?head=1`: an FLV file that can be played, from the first offset that is still there; with
      `offset=N` from there, where a tag must begin. FLV header, metadata and codec parameters as a
      decoder needs them come before the log's bytes; `Millrace-Spool-Head` says how many bytes
      these are, `Millrace-Spool-Offset` where the log's begin.
    - `Range: bytes=…`, without `head`: the log's bytes that are there now.

    All but ranges go on as the log grows, until the session ends. A response that is cut short
    means that the server was, or that what came next has been deleted meanwhile: asking again
    tells. An offset that was deleted is answered by 410.

    `Millrace-Spool: live|ended`, `Millrace-Spool-First` (the first offset that is there; a tag
    begins there) and `Millrace-Spool-Size` say what there was when the response began.
    """
    app = health_app(health, registry)

    async def get_spool(request: web.Request) -> web.StreamResponse:
        try:
            return await _get_spool(request, spool)
        except Gone as error:
            raise web.HTTPGone(
                headers={"Millrace-Spool-First": str(error.first)},
                text=f"{error}; ask for ?offset={error.first}&head=1\n",
            ) from error
        except NotFound as error:
            raise web.HTTPNotFound(text=f"{error}\n") from error
        except Refused as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error

    app.router.add_get("/spool/{session_id}", get_spool)
    return app


class _Wanted(msgspec.Struct, frozen=True):
    """What a request asks for."""

    begin: int
    end: int | None = None
    """None: as far as the log will go."""
    head: bool = False


async def _get_spool(request: web.Request, spool: Spool) -> web.StreamResponse:
    session_id = request.match_info["session_id"]
    state = spool.state(session_id)
    wanted = _wanted(request, state)
    headers = {
        "Accept-Ranges": "none" if wanted.head else "bytes",
        "Cache-Control": "no-store",
        "Content-Type": _TYPE,
        "Millrace-Spool": "live" if state.live else "ended",
        "Millrace-Spool-First": str(state.first),
        "Millrace-Spool-Offset": str(wanted.begin),
        "Millrace-Spool-Size": str(state.size),
    }
    if wanted.begin > state.size or (wanted.end is not None and wanted.begin >= wanted.end):
        refused = {"Content-Range": f"bytes */{state.size}"}
        raise web.HTTPRequestRangeNotSatisfiable(
            headers=refused, text=f"the spool has {state.size} bytes\n"
        )
    if wanted.begin < state.first:
        raise Gone(state.first)
    head = await spool.head(session_id, wanted.begin) if wanted.head else b""
    headers["Millrace-Spool-Head"] = str(len(head))
    response = web.StreamResponse(headers=headers)
    if wanted.end is not None:
        total = "*" if state.live else state.size
        response.set_status(206)
        response.headers["Content-Range"] = f"bytes {wanted.begin}-{wanted.end - 1}/{total}"
        response.content_length = wanted.end - wanted.begin
    elif not state.live:
        response.content_length = len(head) + state.size - wanted.begin
    await response.prepare(request)
    if request.method != "HEAD":
        await response.write(head)
        await _write_log(request, response, spool, wanted)
    return response


async def _write_log(
    request: web.Request, response: web.StreamResponse, spool: Spool, wanted: _Wanted
) -> None:
    """The log, and if it is deleted under the reader, an end that cannot be taken for its own."""
    session_id = request.match_info["session_id"]
    try:
        async for block in spool.read(session_id, wanted.begin, wanted.end):
            await response.write(block)
    except NotFound as error:
        log.warning("a reader of a spool was too slow", session_id=session_id, error=str(error))
        if request.transport is not None:
            request.transport.abort()


def _wanted(request: web.Request, state: SpoolState) -> _Wanted:
    """What of the log is asked for. Raises Refused."""
    head = request.query.get("head") == "1"
    try:
        offset = int(request.query.get("offset", state.first if head else 0))
        asked = request.http_range
        if offset < 0:
            raise ValueError
    except ValueError:
        raise Refused("invalid-offset", "`offset` and Range must name bytes, from 0") from None
    if head or (asked.start is None and asked.stop is None):
        return _Wanted(offset, head=head)
    start = asked.start if asked.start is not None else 0
    if start < 0:
        return _Wanted(max(state.first, state.size + start), state.size)
    return _Wanted(start, min(state.size, asked.stop if asked.stop is not None else state.size))

"""The gateway: pages, and `/v1` over the views. It writes no store."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from aiohttp import web

from api import edge, pages
from api.places import Places
from api.problems import problems
from api.routes import Route, add_routes, authorise, public
from api.v1 import channels, config, streams
from api.views import CHANNELS, Views
from infra.clock import Clock
from infra.errors import Unavailable

MAX_BODY = 64 * 1024
"""Bytes of a request's body at most."""

ROUTES = (
    Route("GET", "/", pages.browse, public),
    Route("GET", "/c/{name}", pages.watch, public),
    Route("GET", "/static/{path:.+}", pages.asset, public),
    Route("GET", "/v1/config", config.get_config, public),
    Route("GET", "/v1/channels", channels.list_channels, public),
    Route("GET", "/v1/channels/{name}", channels.get_channel, public),
    Route("GET", "/v1/channels/{name}/streams", channels.list_streams, public),
    Route("GET", "/v1/streams/{stream_id}", streams.get_stream, public),
    Route("GET", "/metrics", edge.metrics, public),
)


def make_app(
    views: Views,
    *,
    clock: Clock,
    places: Places,
    folder: Path,
    more: Iterable[Route] = (),
) -> web.Application:
    """The gateway's application.

    `folder` holds the pages; `more` are the routes of others, such as the schema registry's.
    """
    app = web.Application(
        middlewares=[edge.observe, edge.cors, problems, authorise], client_max_size=MAX_BODY
    )
    app[channels.VIEWS] = views
    app[edge.CLOCK] = clock
    app[edge.PLACES] = places
    app[pages.FOLDER] = folder
    add_routes(app, [*ROUTES, Route("GET", "/healthz", healthz, public), *more])
    app.on_response_prepare.append(edge.add_headers)
    return app


def make_runner(app: web.Application) -> web.AppRunner:
    """A runner with the gateway's limits: 8 KiB a header line, cancelled when the caller leaves."""
    return web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=30,
        max_line_size=8190,
        max_field_size=8190,
    )


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: 200 while the views answer within a second. Raises Unavailable otherwise."""
    try:
        async with asyncio.timeout(1):
            await request.app[channels.VIEWS].get(CHANNELS, "healthz")
    except TimeoutError as slow:
        raise Unavailable("the views take longer than a second") from slow
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})

"""Health and metrics over HTTP, for roles that have no web server of their own."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest


class Health(msgspec.Struct, frozen=True):
    """How a role is."""

    ok: bool
    details: dict[str, Any] = {}


def health_app(
    health: Callable[[], Health], registry: CollectorRegistry = REGISTRY
) -> web.Application:
    """`GET /healthz`: 200 while `health` says so, else 503. `GET /metrics`: Prometheus text."""

    async def healthz(request: web.Request) -> web.Response:
        found = health()
        return web.Response(
            body=msgspec.json.encode(found),
            status=200 if found.ok else 503,
            content_type="application/json",
        )

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", metrics)
    return app


@asynccontextmanager
async def serve(host: str, port: int, health: Callable[[], Health]) -> AsyncIterator[None]:
    """Answer `/healthz` and `/metrics` while the context is open."""
    runner = web.AppRunner(health_app(health), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()

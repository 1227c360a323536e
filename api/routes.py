"""Routes that declare who may use them: a route without a rule answers nobody."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from aiohttp import web

from api.problems import Handler
from infra.errors import Refused

Rule = Callable[[web.Request], Awaitable[None]]
"""Returns for a caller who may pass; raises Refused for one who may not."""


async def public(_request: web.Request) -> None:
    """Anyone may."""


@dataclass(frozen=True)
class Route:
    """A method and a path, who may use it, and what answers."""

    method: str
    path: str
    handler: Handler
    rule: Rule


_RULES: web.AppKey[dict[web.AbstractRoute, Rule]] = web.AppKey("rules", dict)


def add_routes(app: web.Application, routes: Iterable[Route]) -> None:
    """Register routes with their rules. GET answers HEAD too."""
    rules = app.setdefault(_RULES, {})
    for route in routes:
        resource = app.router.add_resource(route.path)
        methods = ["GET", "HEAD"] if route.method == "GET" else [route.method]
        for method in methods:
            rules[resource.add_route(method, route.handler)] = route.rule


def undeclared(app: web.Application) -> list[str]:
    """Registered routes that declare no rule."""
    rules = app.get(_RULES, {})
    return [repr(route) for route in app.router.routes() if route not in rules]


@web.middleware
async def authorise(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Apply the rule of the route that was found; refuse when it has none."""
    found = request.match_info
    if found.http_exception is None:
        rule = request.app[_RULES].get(found.route)
        if rule is None:
            raise Refused("route-without-rule", "This address is closed.")
        await rule(request)
    return await handler(request)

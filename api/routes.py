"""Routes that declare who may use them and what is said: a route without a rule answers nobody."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from api.access import Principal, Rule, Tokens, bearer_of, parameters_of
from api.errors import Unauthorized
from api.limits import charge
from api.problems import Handler
from infra.errors import MillraceError, Refused


@dataclass(frozen=True)
class Said:
    """What a route takes and gives, as types: what the OpenAPI document is generated from."""

    path: type[Any] | None = None
    """A struct of the path's parameters; None: texts, as the path names them."""
    query: type[Any] | None = None
    """A struct of the query's parameters."""
    headers: type[Any] | None = None
    """A struct of the headers that it looks at; field names as the headers, with `_` for `-`."""
    body: Any = None
    """Type of the JSON, or of the form, in the request."""
    body_type: str = "application/json"
    """Media type of the request's body."""
    answer: Any = None
    """Type of the JSON in the answer; None: no JSON."""
    status: int = 200
    """Of a good answer."""
    others: dict[int, str] = field(default_factory=dict)
    """Further good answers without JSON of their own: what each means."""
    media_types: tuple[str, ...] = ("application/json",)
    """Of a good answer."""
    errors: tuple[int, ...] = ()
    """Statuses of problems beyond those that its rule and its parameters entail."""
    failure: Any = None
    """Type of the JSON of errors in a dialect of its own; None: a problem (RFC 9457)."""


@dataclass(frozen=True)
class Route:
    """A method and a path, what answers, who may use it, and what is said.

    The handler's docstring is the description. A route without `said` is for browsers, or another
    dialect's: it is not in the OpenAPI document.
    """

    method: str
    path: str
    handler: Handler
    rule: Rule
    said: Said | None = None
    doc: str = ""
    check: Callable[[web.Request], None] | None = None
    """What is looked at besides the rule. Raises for whoever may not use it."""

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters."""
        return re.findall(r"{(\w+)", self.path)


PRINCIPAL: web.RequestKey[Principal | None] = web.RequestKey("principal")
TOKENS: web.AppKey[Tokens] = web.AppKey("tokens")
ROUTES: web.AppKey[list[Route]] = web.AppKey("routes")
"""All that were declared, in order."""
_RULES: web.AppKey[dict[web.AbstractRoute, Route]] = web.AppKey("rules", dict)
REFUSAL: web.RequestKey[MillraceError | None] = web.RequestKey("refusal")
"""Why who asks may not, where that is known already."""


def add_routes(app: web.Application, routes: Iterable[Route]) -> None:
    """Register routes with their rules. GET answers HEAD too."""
    rules, declared = app.setdefault(_RULES, {}), app.setdefault(ROUTES, [])
    for route in routes:
        resource = app.router.add_resource(route.path)
        methods = ["GET", "HEAD"] if route.method == "GET" else [route.method]
        for method in methods:
            rules[resource.add_route(method, route.handler)] = route
        declared.append(route)


def undeclared(app: web.Application) -> list[str]:
    """Registered routes that declare no rule."""
    rules = app.get(_RULES, {})
    return [repr(route) for route in app.router.routes() if route not in rules]


def anyone_may(request: web.Request) -> bool:
    """Whether the route that was found asks nothing of who asks."""
    route = request.app[_RULES].get(request.match_info.route)
    return route is not None and not route.rule.alternatives and route.check is None


@web.middleware
async def authorise(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Apply the rule of the route that was found; refuse when it has none.

    Who asks is under PRINCIPAL from here on; None on a public route.
    """
    if (refusal := request[REFUSAL]) is not None:
        raise refusal
    found = request.match_info
    request[PRINCIPAL] = None
    if found.http_exception is None:
        route = request.app[_RULES].get(found.route)
        if route is None:
            raise Refused("route-without-rule", "This address is closed.")
        await _identify(request, route.rule)
        if route.check is not None:
            route.check(request)
    return await handler(request)


async def _identify(request: web.Request, rule: Rule) -> None:
    """Who asks, as far as the rule cares; whoever is not known is counted by address."""
    principal = None
    try:
        if rule.alternatives:
            principal = await request.app[TOKENS].verify(bearer_of(request))
    except Unauthorized:
        await charge(request, None)
        raise
    await charge(request, principal)
    if principal is not None and not rule.any_token_will_do:
        rule.check(principal, parameters_of(request))
    request[PRINCIPAL] = principal

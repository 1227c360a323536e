"""Who may: every route without a token, with one that lacks, and with one that does."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from api.access import Needs, Principal, Rule, anyone, listed, public, role, scoped, signed_in
from api.errors import Forbidden
from api.oauth2.scopes import description
from api.routes import ROUTES, Route
from tests.functional.gateway import MemoryViews
from tests.functional.gateway_fakes import bearer, whole_app

Client = TestClient[web.Request, web.Application]

FILLED = {"topic": "identity-commands", "path": "x.js"}


async def hello(_request: web.Request) -> web.Response:
    return web.Response(text="hello")


RULES = {
    "/rules/anyone": anyone,
    "/rules/user": signed_in,
    "/rules/scoped": scoped("a:read", "a:manage"),
    "/rules/operator": role("operator"),
    "/rules/both": signed_in & scoped("a:manage"),
    "/rules/either": role("operator") | scoped("a:manage"),
    "/rules/of/{topic}": scoped("a:write:{topic}"),
}
APP = whole_app(MemoryViews(), *(Route("GET", path, hello, rule) for path, rule in RULES.items()))
DECLARED: list[Route] = APP[ROUTES]
CLOSED = [route for route in DECLARED if route.rule.alternatives]
OTHERS = [route for route in DECLARED if route.rule.by]
OPEN = [route for route in DECLARED if route not in CLOSED and route not in OTHERS]


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    more = (Route("GET", path, hello, rule) for path, rule in RULES.items())
    async with TestClient(TestServer(whole_app(MemoryViews(), *more))) as found:
        yield found


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def address(route: Route) -> str:
    path = route.path.replace(":.+", "")
    for name in route.parameters:
        path = path.replace(f"{{{name}}}", FILLED.get(name, "0" * 8))
    return path


async def status(client: Client, route: Route, headers: dict[str, str]) -> int:
    query = {"topic": FILLED["topic"]} if "topic" not in route.parameters else {}
    response = await client.request(route.method, address(route), params=query, headers=headers)
    return response.status


@pytest.mark.parametrize("route", CLOSED, ids=named)
async def test_a_closed_route_asks_for_a_token(client: Client, route: Route) -> None:
    assert await status(client, route, {}) == 401
    assert await status(client, route, {"Authorization": "Bearer nobody"}) == 401


def lacking(needs: Needs) -> list[dict[str, str]]:
    """Tokens that lack one thing each, or nothing can be lacked."""
    scopes = [*needs.scopes, *(f"role.{name}" for name in needs.roles)]
    client = "test/user" if needs.user else "test"
    found = [
        bearer(*(each for each in scopes if each != left_out), client=client) for left_out in scopes
    ]
    if needs.user:
        found.append(bearer(*scopes))
    return found


@pytest.mark.parametrize("route", CLOSED, ids=named)
async def test_a_closed_route_refuses_who_has_too_little(client: Client, route: Route) -> None:
    for needs in route.rule.alternatives:
        for headers in lacking(needs):
            refused = 401 if route.path.startswith("/helix/") else 403  # as the dialect does
            assert await status(client, route, headers) == refused, (needs, headers)


@pytest.mark.parametrize("route", CLOSED, ids=named)
async def test_a_closed_route_opens_to_who_has_enough(client: Client, route: Route) -> None:
    for needs in route.rule.alternatives:
        scopes = [scope.replace("{topic}", FILLED["topic"]) for scope in needs.scopes]
        roles = [f"role.{name}" for name in needs.roles]
        name = "test/00000000" if needs.user else "test"  # whose id the address holds
        assert await status(client, route, bearer(*scopes, *roles, client=name)) not in (401, 403)


@pytest.mark.parametrize("route", OTHERS, ids=named)
async def test_a_route_that_asks_in_its_own_way_lets_nobody_in(
    client: Client, route: Route
) -> None:
    """Without a session, without an application's secret, without a token."""
    response = await client.request(route.method, address(route), allow_redirects=False)
    assert (
        response.status
        in {"session": (303, 400, 403), "client": (400,), "token": (401,)}[route.rule.by]
    )
    if response.status == 303:
        assert response.headers["Location"].startswith("/signin?next=")


@pytest.mark.parametrize("route", OPEN, ids=named)
async def test_an_open_route_does_not_look_at_tokens(client: Client, route: Route) -> None:
    assert await status(client, route, {"Authorization": "Bearer nobody"}) not in (401, 403)


def test_there_are_routes_of_both_kinds() -> None:
    assert len(CLOSED) >= 3 + len(RULES)
    assert len(OPEN) >= 10
    assert len(OTHERS) >= 15


def test_every_scope_that_a_route_asks_for_is_said_in_words() -> None:
    for scope in listed(route.rule for route in DECLARED):
        if not scope.startswith("a:"):
            assert description(scope.replace("{topic}", "x")), scope


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({}, 'Bearer realm="millrace"'),
        ({"Authorization": "Basic dTpw"}, 'error="invalid_request"'),
        ({"Authorization": "Bearer"}, 'error="invalid_request"'),
        ({"Authorization": "Bearer nobody"}, 'error="invalid_token"'),
        ({"Authorization": "Bearer " + "x" * 5000}, 'error="invalid_token"'),
        (bearer("a:write"), 'error="insufficient_scope", scope="a:read"'),
    ],
)
async def test_a_refusal_says_what_would_do(
    client: Client, headers: dict[str, str], challenge: str
) -> None:
    response = await client.get("/rules/scoped", headers=headers)
    assert response.status == (403 if "scope=" in challenge else 401)
    assert challenge in response.headers["WWW-Authenticate"]
    assert response.content_type == "application/problem+json"


async def test_two_tokens_are_no_token(client: Client) -> None:
    headers = [("Authorization", "Bearer test~a:read"), ("Authorization", "Bearer nobody")]
    assert (await client.get("/rules/scoped", headers=headers)).status == 401


async def test_a_scope_speaks_of_the_request_it_is_for(client: Client) -> None:
    mine = bearer("a:write:b")
    assert (await client.get("/rules/of/b", headers=mine)).status == 200
    assert (await client.get("/rules/of/c", headers=mine)).status == 403
    # The path decides, not a query that says otherwise; and nothing odd gets into the header.
    assert (await client.get("/rules/of/c?topic=b", headers=mine)).status == 403
    odd = await client.get("/rules/of/%22%2C%20x%3D", headers=mine)
    assert (odd.status, 'scope="a:write:{topic}"' in odd.headers["WWW-Authenticate"]) == (403, True)


USER = Principal("u", "c", frozenset({"x"}), frozenset({"operator"}))
A, B = scoped("x"), scoped("y")


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        (public, True),
        (anyone, True),
        (A, True),
        (B, False),
        (A & B, False),
        (A | B, True),
        (B & (A | role("operator")), False),
        ((B | role("operator")) & A, True),
        (public & B, False),
        (public | B, True),
        (signed_in & A, True),
    ],
)
def test_rules_combine(rule: Rule, passes: bool) -> None:
    if passes:
        rule.check(USER, {})
    else:
        with pytest.raises(Forbidden):
            rule.check(USER, {})


def test_principals_have_names_of_their_own() -> None:
    found = [Principal(None, "a"), Principal("a", "a"), Principal("a", "b"), Principal(None, "b")]
    assert len({principal.name for principal in found}) == 4
    assert msgspec.json.encode(sorted(principal.name for principal in found))

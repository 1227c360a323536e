"""A request to every route that a gateway declares, as somebody who may use all of them."""

import html
import re
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import msgspec
from aiohttp import ClientResponse, ClientSession, DummyCookieJar

from api.access import listed
from api.oauth2.scopes import OPERATE
from api.routes import Route
from infra.names import id_of
from tests.waiting import until

PASSWORD = "correct horse battery"
BACK = "https://app.example/back"
TOPIC, READ = "identity-commands", "identity-events"
_UUID = "01939c5e-0000-7000-8000-000000000000"

VALUES: dict[str, Any] = {
    "name": "river",
    "topic": TOPIC,
    "path": "missing.js",
    "event_id": _UUID,
    "command_id": _UUID,
    "id": "1",
    "version": "latest",
    "pool": "default",
    "subject": f"{TOPIC}-value",
    "query": "riv",
}
"""Of parameters, by name; ids of users and channels are those of who asks."""

CHANNEL = {"type": "RegisterChannel", "data": {"channel_id": "c9", "name": "outage"}}
EXAMPLES: dict[str, dict[str, Any]] = {
    "PATCH /helix/channels": {"json": {"title": "Still here"}},
    "GET /helix/games": {"query": {"id": "1"}},
    "POST /v1/topics/{topic}/events": {
        "json": {"events": [{**CHANNEL, "data": {**CHANNEL["data"], "title": "", "category": ""}}]}
    },
    "GET /v1/events": {"query": {"topic": READ}},
    "POST /helix/eventsub/subscriptions": {
        "json": {
            "type": "stream.online",
            "version": "1",
            "condition": {"broadcaster_user_id": id_of("river")},
            "transport": {"method": "websocket", "session_id": _UUID},
        }
    },
    "PUT /v1/channels/{channel_id}/followers/me": {"path": {"channel_id": id_of("guest")}},
    "POST /v1/pools/{pool}/reservations": {
        "json": {
            "reservation_id": "outage",
            "channel_id": "c9",
            "begins_at": "2030-01-01T20:00:00Z",
            "ends_at": "2030-01-01T21:00:00Z",
        }
    },
    "POST /session/markers": {"json": {"description": "Here"}},
    "POST /oauth2/token": {"form": {"grant_type": "client_credentials"}},
    "GET /oauth2/authorize": {"query": {"scope": "user:read:email"}},
    "POST /oauth2/authorize": {
        "query": {"scope": "user:read:email"},
        "form": {"decision": "allow"},
    },
    "POST /oauth2/revoke": {"form": {"token": "unknown"}},
    "POST /signin": {"form": {"login": "guest", "password": PASSWORD}},
    "POST /signup": {"form": {"login": "river", "password": PASSWORD}},
    "POST /account/access/end": {"form": {"grant_id": "unknown"}},
    "POST /account/password": {"form": {"password": PASSWORD, "new": PASSWORD}},
    "POST /account/applications": {"form": {"name": "Bot", "redirect_uris": BACK}},
    "POST /account/applications/{client_id}/delete": {"path": {"client_id": "unknown"}},
    "POST /account/erase": {"form": {"login": "guest", "password": "wrong password"}},
}
"""What a request needs beyond what its types tell; it must not take anything from who asks."""
HASHING = ("POST /signin", "POST /signup", "POST /account/password", "POST /account/erase")
"""What takes a while by itself."""
ENTERING = ("/signin", "/signup")
"""Asked by a stranger: who signs in leaves the session before."""
LEAVING = "POST /signout"
"""Asked under a session that is for nothing else."""


@dataclass(frozen=True)
class Seat:
    """A browser: its cookie, and what its forms bring along."""

    cookie: str
    form: str


@dataclass
class Visitor:
    """A user with an application and a token that opens every route; a guest at the pages."""

    user_id: str
    client_id: str
    secret: str
    token: str
    stranger: Seat
    guest: Seat
    leaving: Seat
    """Another session of the guest."""
    guests_client_id: str


@dataclass(frozen=True)
class Request:
    """A request to a route."""

    route: str
    method: str
    address: str
    options: dict[str, Any]


def requests(routes: Iterable[Route], visitor: Visitor) -> list[Request]:
    """One each, and one more where an endpoint also shows what was."""
    found = []
    for route in routes:
        found.append(_request(route, visitor))
        if "as_of" in _fields(route):
            now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            found.append(_request(route, visitor, as_of=now))
    return found


def _fields(route: Route) -> dict[str, bool]:
    """Parameters of the query, and whether they are needed."""
    if route.said is None or route.said.query is None:
        return {}
    return {each.encode_name: each.required for each in msgspec.structs.fields(route.said.query)}


def _request(route: Route, visitor: Visitor, **more: str) -> Request:
    name = f"{route.method} {route.path}"
    example = EXAMPLES.get(name, {})
    name = " ".join([name, *more])
    values = {**VALUES, "client_id": visitor.guests_client_id}
    known = lambda each: values.get(each, visitor.user_id)  # noqa: E731
    path = route.path.replace(":.+", "")
    for each in route.parameters:
        value = example.get("path", {}).get(each, known(each))
        path = path.replace(f"{{{each}}}", quote(str(value)))
    query, headers = {**more, **example.get("query", {})}, {"Accept": "*/*"}
    for each, needed in _fields(route).items():
        if needed:
            query.setdefault(each, known(each))
    options: dict[str, Any] = {"headers": headers, "allow_redirects": False}
    if route.rule.alternatives:
        headers["Authorization"] = f"Bearer {visitor.token}"
        headers["Client-Id"] = visitor.client_id
        if route.said is not None and route.said.body is not None:
            options["json"] = example.get("json", _example(route.said.body))
    elif route.rule.by == "client":
        secrets = {"client_id": visitor.client_id, "client_secret": visitor.secret}
        options["data"] = {**secrets, "token": visitor.token, **example.get("form", {})}
    elif route.rule.by == "token":
        headers["Authorization"] = f"OAuth {visitor.token}"
    else:
        seat = visitor.stranger if route.path in ENTERING else visitor.guest
        seat = visitor.leaving if name == LEAVING else seat
        headers |= {"Cookie": seat.cookie, "Form-Token": seat.form}
        if route.method != "GET":
            options["data"] = {"form": seat.form, **example.get("form", {})}
    if route.path == "/oauth2/authorize":
        query |= {"response_type": "code", "client_id": visitor.client_id, "redirect_uri": BACK}
    return Request(name, route.method, f"{path}?{urlencode(query)}", options)


def _example(kind: Any) -> Any:
    """The least that a type allows."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _example(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return _example(get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind, include_extras=True)
        needed = [each for each in msgspec.structs.fields(kind) if each.required]
        return {each.encode_name: _example(hints[each.name]) for each in needed}
    return {int: 1, float: 1.0, bool: True, list: [], dict: {}}.get(origin or kind, "x")


async def visit(url: str, routes: list[Route], promote: Callable[[str, Seat], Any]) -> Visitor:
    """Sign people up, and let one of them have whatever a route asks for."""
    user_id, owner = id_of("river"), await _enter(url, "/signup", "river")
    guest, stranger = await _enter(url, "/signup", "guest"), await _seat(url, "/signin")
    await promote(user_id, owner)
    client_id, secret = await _application(url, owner)
    scopes = {
        each.replace("{topic}", topic)
        for each in listed(each.rule for each in routes)
        for topic in (TOPIC, READ)
    }
    given = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": BACK,
        "scope": " ".join(sorted(scopes | {OPERATE})),
    }
    answer, _ = await _send(url, f"/oauth2/authorize?{urlencode(given)}", owner, decision="allow")
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    return Visitor(
        user_id=user_id,
        client_id=client_id,
        secret=secret,
        token=await _token(url, client_id, secret, code),
        stranger=stranger,
        guest=guest,
        leaving=await _enter(url, "/signin", "guest"),
        guests_client_id=(await _application(url, guest))[0],
    )


async def renew(url: str, visitor: Visitor) -> None:
    """Another session to leave."""
    visitor.leaving = await _enter(url, "/signin", "guest")


async def _seat(url: str, path: str, cookie: str = "") -> Seat:
    """A browser that looks at a page, once the platform's views are there."""
    async with ClientSession(url, cookie_jar=DummyCookieJar()) as session:

        async def look() -> Seat | None:
            shown = await session.get(path, headers={"Cookie": cookie})
            assert shown.status in (200, 503), await shown.text()
            if shown.status == 503:
                return None
            found = re.search(r'name="form" value="([^"]*)"', await shown.text())
            assert found
            return Seat(cookie or _cookies(shown), html.unescape(found[1]))

        found: Seat = await until(look)
        return found


async def _enter(url: str, path: str, login: str) -> Seat:
    """A new session."""
    answer, text = await _send(url, path, await _seat(url, path), login=login, password=PASSWORD)
    assert answer.status == 303, re.findall("<p.*", text)
    return await _seat(url, "/account", _cookies(answer))


async def _application(url: str, owner: Seat) -> tuple[str, str]:
    """Id and secret."""
    answer, text = await _send(url, "/account/applications", owner, name="Bot", redirect_uris=BACK)
    assert answer.status == 200, text
    client_id, secret = re.findall(r"<code[^>]*>([^<]*)</code>", text)[:2]
    return client_id, secret


async def _token(url: str, client_id: str, secret: str, code: str) -> str:
    given = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "client_id": client_id,
        "client_secret": secret,
    }
    async with ClientSession(url) as session:

        async def token() -> str:
            answer = await session.post("/oauth2/token", data=given)
            found = await answer.json()
            assert answer.status in (200, 503), found  # there may be no key yet to sign with
            return str(found.get("access_token", ""))

        return str(await until(token))


async def _send(url: str, path: str, seat: Seat, **fields: str) -> tuple[ClientResponse, str]:
    async with ClientSession(url, cookie_jar=DummyCookieJar()) as session:
        answer = await session.post(
            path,
            data={"form": seat.form, **fields},
            headers={"Cookie": seat.cookie},
            allow_redirects=False,
        )
        return answer, await answer.text()


def _cookies(answer: ClientResponse) -> str:
    found = [f"{name}={each.value}" for name, each in answer.cookies.items() if each.value]
    return "; ".join(found)

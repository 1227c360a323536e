"""What all endpoints of the dialect share: who asks, pages, cursors, the shape of errors."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from api.access import Rule
from api.call import Call, endpoint
from api.errors import Forbidden, Unauthorized
from api.problems import MEDIA_TYPE, Handler, Problem
from api.routes import PRINCIPAL, Route
from api.v1.parameters import MAX_PAGE, Cursor, Id
from infra.errors import InvalidRecord

PREFIX: Final = "/helix"
MOST_IDS: Final = 100
"""Ids or names in one request."""

Ids = Annotated[list[Id], msgspec.Meta(max_length=MOST_IDS)]
Login = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_]{1,25}$")]
Logins = Annotated[list[Login], msgspec.Meta(max_length=MOST_IDS)]
First = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE, description="Rows at most.")]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]

Item = TypeVar("Item")
Place = TypeVar("Place")


class Pagination(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a list goes on: nowhere, without a cursor."""

    cursor: str | None = None
    """Give it back as `after`."""


class Data(msgspec.Struct, Generic[Item], frozen=True):
    """A list that is all there is."""

    data: list[Item]


class Listing(msgspec.Struct, Generic[Item], frozen=True):
    """Some of a list."""

    data: list[Item]
    pagination: Pagination


class Counted(msgspec.Struct, Generic[Item], frozen=True):
    """Some of a list, and how long it is."""

    total: int
    data: list[Item]
    pagination: Pagination


class PageQuery(msgspec.Struct, frozen=True):
    """Which part of a list."""

    first: First = 20
    after: Cursor | None = None


class Failure(msgspec.Struct, frozen=True):
    """The body of an error."""

    error: str
    """The status in words."""
    status: int
    message: str


def helix(
    method: str, path: str, function: Callable[..., Awaitable[Any]], rule: Rule, **more: Any
) -> Route:
    """A route under `/helix`. Unlike others it asks for the `Client-Id` of the token."""
    route = endpoint(method, f"{PREFIX}{path}", function, rule, **more)
    route.handler.__name__ = f"helix_{function.__name__}"
    assert route.said is not None
    return replace(route, said=replace(route.said, failure=Failure), check=_check_client)


def own(call: Call, user_id: str, name: str) -> str:
    """An id that must be the user's who asks. Raises Forbidden naming the parameter."""
    if user_id != call.user_id:
        raise Forbidden(f"{name} must be the id of the user that the token is for")
    return user_id


def cursor_of(place: Any) -> str:
    """A place in a list as text."""
    return urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def place_of(cursor: str, kind: type[Place], name: str = "after") -> Place:
    """The place that `cursor_of` wrote. Raises InvalidRecord, with the parameter, otherwise."""
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise InvalidRecord(f"{name}: must be the cursor of an earlier page") from error


def counted(found: list[Item], query: PageQuery) -> tuple[list[Item], Pagination]:
    """The page of a list that is at hand as a whole: its cursor is a number."""
    start = max(0, place_of(query.after, int)) if query.after else 0
    end = start + query.first
    return found[start:end], Pagination(cursor_of(end) if end < len(found) else None)


@web.middleware
async def failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say problems under `/helix` as the dialect does: 401 for a token that lacks something."""
    response = await handler(request)
    if not request.path.startswith(f"{PREFIX}/") or response.content_type != MEDIA_TYPE:
        return response
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    problem = msgspec.json.decode(response.body, type=Problem)
    status = {403: 401, 422: 400}.get(problem.status, problem.status)
    failure = Failure(HTTPStatus(status).phrase, status, problem.detail or problem.title)
    headers = CIMultiDict(response.headers)
    for name in ("Content-Type", "Content-Length"):
        headers.popall(name, None)
    return web.Response(
        status=status,
        body=msgspec.json.encode(failure),
        content_type="application/json",
        headers=headers,
    )


def _check_client(request: web.Request) -> None:
    """Raises Unauthorized unless the header names the client that the token was given to."""
    principal = request[PRINCIPAL]
    given = request.headers.getall("Client-Id", [])
    if principal is None or given == [principal.client_id]:
        return
    if not given:
        raise Unauthorized("invalid_request", "Client-Id is missing")
    raise Unauthorized("invalid_token", "Client-Id is not that of the token")

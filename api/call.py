"""An endpoint is a typed function: what it takes and gives is read from its signature.

class Path(msgspec.Struct):
    channel_id: Id

async def rename(call: Call, path: Path, body: Title) -> Renamed:
    \"\"\"Rename a channel.\"\"\"
    event = await call.ask("identity-commands", path.channel_id, Rename(...), ChannelUpdated)
    return Renamed(event.title)

endpoint("PUT", "/v1/channels/{channel_id}/title", rename, scoped("channel:manage"))
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from aiohttp import web

from api.access import Principal, Rule
from api.bodies import body_of
from api.commands import Commands
from api.deadline import give
from api.edge import CLOCK
from api.errors import Forbidden, Unauthorized, Unprocessable
from api.idempotency import checked_key
from api.kept import KEPT, NOTING, Standing
from api.pointers import pointer_and_reason
from api.problems import Handler
from api.routes import PRINCIPAL, Route, Said
from api.views import Row, Views, typed
from infra.errors import InvalidRecord, NotFound
from infra.record import Record

VIEWS: web.AppKey[Views] = web.AppKey("views")
COMMANDS: web.AppKey[Commands] = web.AppKey("commands")

MAX_BODY: Final = 64 * 1024
"""Bytes of a request's body at most, unless the route says otherwise."""

Event = TypeVar("Event", bound=Record)
Parameters = TypeVar("Parameters", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Call:
    """What an endpoint works with."""

    request: web.Request

    @property
    def principal(self) -> Principal:
        """Who asks. Raises Unauthorized on a public route."""
        principal = self.request[PRINCIPAL]
        if principal is None:
            raise Unauthorized("", "This needs a token")
        return principal

    @property
    def user_id(self) -> str:
        """The user who asks. Raises Forbidden for an application that acts for itself."""
        user_id = self.principal.user_id
        if user_id is None:
            raise Forbidden("This needs the token of a user, not that of an application")
        return user_id

    @property
    def views(self) -> Views:
        """The views."""
        return self.request.get(NOTING) or self.request.app[VIEWS]

    def stands_on(self, *basis: Standing) -> None:
        """Let an answer that is kept fall with something that is no row of a view."""
        if noting := self.request.get(NOTING):
            noting.note(*basis)

    @property
    def now(self) -> int:
        """Microseconds since 1970."""
        return self.request.app[CLOCK].now()

    async def row(self, view: str, key: str, kind: type[Row], missing: str) -> Row:
        """A row of a view. Raises NotFound with the text `missing`, or Unavailable."""
        found = await self.views.get(view, key)
        if found is None:
            raise NotFound(missing)
        return typed(found, kind)

    async def ask(
        self,
        topic: str,
        key: str,
        command: Record,
        *outcomes: type[Event],
        seconds: float = 5.0,
        by: Principal | None = None,
    ) -> Event:
        """Ask the platform for something, and wait for what comes of it.

        Under the request's `Idempotency-Key`, if it has one. Returns the first of `outcomes`, which
        are kinds of events. `by` says who asks where no token does. Raises CommandRefused for a
        refusal, Undecided after `seconds`, Unprocessable for a key that was used for something
        else, Unavailable.
        """
        return await self.request.app[COMMANDS].ask(
            topic,
            key,
            command,
            by or self.principal,
            *outcomes,
            seconds=seconds,
            idempotency_key=checked_key(self.request.headers.getall("Idempotency-Key", [])),
        )


def endpoint(
    method: str,
    path: str,
    function: Callable[..., Awaitable[Any]],
    rule: Rule,
    *,
    status: int = 200,
    max_age: int | None = None,
    kept: bool = False,
    seconds: float | None = None,
    most: int = MAX_BODY,
    in_query: bool = False,
    errors: tuple[int, ...] = (),
    answer: Any = None,
    media_types: tuple[str, ...] = ("application/json",),
) -> Route:
    """A route to a function of (call, path, query, headers, body), of which it takes what it names.

    `max_age` lets shared caches keep a good answer for so many seconds; without it none does.
    `kept` answers are given again while all rows stand that were read for them (`api.kept`): for
    what says the same to everybody who may ask, and depends on nothing but path, query and views.
    `seconds` bounds the call where it takes longer than others by its nature (`api.deadline`),
    `most` the bytes of its body. With `in_query` the body's fields may stand in the query instead
    of a body: some clients of the dialect send them so. A function that makes a response by itself
    says with `answer` and `media_types` what is in it. `errors` are statuses that the rest does not
    entail.
    """
    kinds = get_type_hints(function, include_extras=True)
    given_back = kinds.pop("return")
    if answer is None and given_back is not type(None):
        answer = given_back
    body = kinds.get("body")
    decoder = msgspec.json.Decoder(body) if body is not None else None

    async def handle(request: web.Request) -> web.StreamResponse:
        if seconds is not None:
            give(seconds)
        given: dict[str, Any] = {}
        if "path" in kinds:
            given["path"] = _path(request, kinds["path"])
        if "query" in kinds:
            given["query"] = query_of(request, kinds["query"])
        if "headers" in kinds:
            given["headers"] = headers_of(request, kinds["headers"])
        if body is not None and in_query and not request.can_read_body:
            given["body"] = query_of(request, body)
        elif decoder is not None:
            given["body"] = await _body(request, decoder, most)
        if kept and request.method == "GET" and (noting := request.app[KEPT].noting()):
            request[NOTING] = noting
            found = await function(Call(request), **given)
            response = _response(found, status, max_age)
            request.app[KEPT].keep(request, noting, response, getattr(found, "as_of", ""))
            return response
        found = await function(Call(request), **given)
        return _response(found, 204 if answer is None else status, max_age)

    said = Said(
        path=kinds.get("path"),
        query=kinds.get("query"),
        headers=kinds.get("headers"),
        body=body,
        answer=answer,
        status=204 if answer is None else status,
        media_types=media_types,
        errors=errors,
    )
    return Route(method, path, _named(handle, function), rule, said, function.__doc__ or "")


def query_of(request: web.Request, kind: type[Parameters]) -> Parameters:
    """The query's parameters. Unknown ones are passed over. Raises InvalidRecord naming one."""
    given: dict[str, Any] = {}
    for field in _fields(kind) if request.query_string else ():
        values = request.query.getall(field.shown, [])
        if field.many:
            if values:
                given[field.shown] = values
        elif len(values) > 1:
            raise InvalidRecord(f"{field.shown}: must be given once")
        elif values:
            given[field.shown] = values[0]
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        pointer, reason = pointer_and_reason(error)
        raise InvalidRecord(f"{pointer.lstrip('/') or 'query'}: {reason}") from error


def _path(request: web.Request, kind: type[Parameters]) -> Parameters:
    try:
        return msgspec.convert(dict(request.match_info), kind, strict=False)
    except msgspec.ValidationError as error:
        raise NotFound("There is nothing at this address.") from error


def headers_of(request: web.Request, kind: type[Parameters]) -> Parameters:
    """The headers that an endpoint looks at. Raises InvalidRecord naming one."""
    given = {}
    for field in _fields(kind):
        name = field.name.replace("_", "-")
        values = request.headers.getall(name, [])
        if len(values) > 1:
            raise InvalidRecord(f"{name}: must be given once")
        if values:
            given[field.name] = values[0]
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        pointer, reason = pointer_and_reason(error)
        raise InvalidRecord(f"{pointer.lstrip('/').replace('_', '-')}: {reason}") from error


async def _body(request: web.Request, decoder: msgspec.json.Decoder[Any], most: int) -> Any:
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    raw = await body_of(request, most)
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        pointer, reason = pointer_and_reason(error)
        raise Unprocessable(f"{pointer or 'body'}: {reason}", pointer) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRecord(f"the body is not JSON: {error}") from error


def _response(found: Any, status: int, max_age: int | None) -> web.StreamResponse:
    if isinstance(found, web.StreamResponse):
        return found
    keep = "no-store" if max_age is None else f"public, max-age={max_age}"
    if status == 204:
        return web.Response(status=204, headers={"Cache-Control": keep})
    return web.Response(
        body=msgspec.json.encode(found),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": keep},
    )


class _Field(NamedTuple):
    """A parameter: its name in the struct and as it is sent, and whether it may be repeated."""

    name: str
    shown: str
    many: bool


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[_Field, ...]:
    return tuple(
        _Field(each.name, each.encode_name, _many(each.type))
        for each in msgspec.structs.fields(kind)
    )


def _many(kind: Any) -> bool:
    return get_origin(kind) is list or any(get_origin(each) is list for each in get_args(kind))


def _named(handler: Handler, function: Callable[..., Any]) -> Handler:
    handler.__name__ = function.__name__
    handler.__doc__ = function.__doc__
    return handler

"""Errors as `application/problem+json` (RFC 9457)."""

import math
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog
from aiohttp import web

from api.errors import (
    CommandRefused,
    Conflict,
    Forbidden,
    Gone,
    TooLarge,
    TooMany,
    Unauthorized,
    Undecided,
    Unprocessable,
)
from infra.errors import InvalidRecord, MillraceError, NotFound, Refused, Unavailable

log = structlog.get_logger()

REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 2

_TITLES = {
    400: "The request is not valid",
    401: "Who asks is not known",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "There is no such form of the answer",
    408: "The request took too long to arrive",
    409: "Something else is under way",
    410: "No longer there",
    413: "The request is too large",
    415: "The request's form is not known here",
    422: "The request breaks a rule",
    429: "Too many requests",
    500: "Something broke on our side",
    503: "Out of reach for the moment",
    504: "Not known yet",
}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of an error."""

    type: str
    """Stable code of the kind of problem, as a URN: clients compare it."""
    title: str
    """What it means, the same for all problems of the kind."""
    status: int
    """The HTTP status again."""
    detail: str = ""
    """What is wrong this time, for people."""
    instance: str = ""
    """This occurrence: the request id, to be quoted to an operator."""
    pointer: str = ""
    """The part of the body that is wrong, as a JSON pointer (RFC 6901)."""
    start: str = ""
    """Of a cursor that is no longer there: the one to go on from."""
    command_id: str = ""
    """Of a command whose outcome is not known yet: ask `/v1/commands/{command_id}`."""


def _kind(error: MillraceError) -> tuple[int, str, str]:
    """Status, code and detail of an error. What is our fault says nothing of our insides."""
    match error:
        case Unauthorized():
            return 401, (error.reason or "no-token").replace("_", "-"), str(error)
        case Forbidden():
            return 403, error.reason.replace("_", "-"), str(error)
        case CommandRefused():
            return 422, error.reason, str(error)
        case Conflict():
            return 409, error.reason, str(error)
        case TooMany():
            return 429, error.reason, str(error)
        case Refused():
            return 403, error.reason, str(error)
        case Gone():
            return 410, "gone", str(error)
        case NotFound():
            return 404, "not-found", str(error)
        case TooLarge():
            return 413, "too-large", str(error)
        case Unprocessable():
            return 422, error.code, str(error)
        case InvalidRecord():
            return 400, "invalid-request", str(error)
        case Undecided():
            return 504, "undecided", str(error)
        case Unavailable():
            return 503, "unavailable", "A server behind this page is away. Try again in a moment."
        case _:
            return 500, "internal", ""


def problem_response(
    status: int, code: str, detail: str, request_id: str, **more: str
) -> web.Response:
    """A problem as a response. Raises nothing."""
    problem = Problem(
        type=f"urn:millrace:problem:{code}",
        title=_TITLES.get(status, "The request failed"),
        status=status,
        detail=detail,
        instance=f"urn:millrace:request:{request_id}",
        **more,
    )
    return web.Response(
        status=status,
        body=msgspec.json.encode(problem),
        content_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store"},
    )


def problem_of(error: MillraceError, request_id: str) -> web.Response:
    """An error of ours as a response, with the headers that go with it."""
    status, code, detail = _kind(error)
    more, headers = {}, {}
    match error:
        case Unauthorized() | Forbidden() if error.challenge:
            headers["WWW-Authenticate"] = error.challenge
        case TooMany():
            headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
        case Conflict():
            headers["Retry-After"] = str(RETRY_SECONDS)
        case Gone():
            more["start"] = error.start
        case Unprocessable():
            more["pointer"] = error.pointer
        case Undecided():
            more["command_id"] = error.command_id
            headers["Location"] = f"/v1/commands/{error.command_id}"
            headers["Retry-After"] = str(RETRY_SECONDS)
        case Unavailable():
            headers["Retry-After"] = str(RETRY_SECONDS)
    response = problem_response(status, code, detail, request_id, **more)
    response.headers.update(headers)
    return response


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error of a handler into a problem, and log the ones that are our fault."""
    request_id = request[REQUEST_ID]
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        if refusal.status < 400:
            raise
        code = refusal.reason.lower().replace(" ", "-")
        response = problem_response(refusal.status, code, "", request_id)
        if "Allow" in refusal.headers:
            response.headers["Allow"] = refusal.headers["Allow"]
        return response
    except MillraceError as error:
        response = problem_of(error, request_id)
        if response.status >= 500:
            log.warning("request failed", path=request.path, error=repr(error))
        return response
    except Exception:
        # The outermost handler: a caller gets an answer, the log gets the trace.
        log.exception("request broke", path=request.path)
        return problem_response(500, "internal", "", request_id)

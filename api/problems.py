"""Errors as `application/problem+json` (RFC 9457)."""

from collections.abc import Awaitable, Callable

import msgspec
import structlog
from aiohttp import web

from infra.errors import InvalidRecord, MillraceError, NotFound, Refused, Unavailable

log = structlog.get_logger()

REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_TITLES = {
    400: "The request is not valid",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    413: "The request is too large",
    500: "Something broke on our side",
    503: "Out of reach for the moment",
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


def _kind(error: MillraceError) -> tuple[int, str, str]:
    """Status, code and detail of an error. What is our fault says nothing of our insides."""
    match error:
        case Refused():
            return 403, error.reason, str(error)
        case NotFound():
            return 404, "not-found", str(error)
        case InvalidRecord():
            return 400, "invalid-request", str(error)
        case Unavailable():
            return 503, "unavailable", "A server behind this page is away. Try again in a moment."
        case _:
            return 500, "internal", ""


def problem_response(status: int, code: str, detail: str, request_id: str) -> web.Response:
    """A problem as a response. Raises nothing."""
    problem = Problem(
        type=f"urn:millrace:problem:{code}",
        title=_TITLES.get(status, "The request failed"),
        status=status,
        detail=detail,
        instance=f"urn:millrace:request:{request_id}",
    )
    return web.Response(
        status=status,
        body=msgspec.json.encode(problem),
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store"},
    )


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
        status, code, detail = _kind(error)
        if status >= 500:
            log.warning("request failed", path=request.path, error=repr(error))
        response = problem_response(status, code, detail, request_id)
        if status == 503:
            response.headers["Retry-After"] = "2"
        return response
    except Exception:
        # The outermost handler: a caller gets an answer, the log gets the trace.
        log.exception("request broke", path=request.path)
        return problem_response(500, "internal", "", request_id)

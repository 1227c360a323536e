"""What OAuth 2 is asked and answers: forms in, JSON out, errors as both dialects know them."""

from collections.abc import Mapping
from functools import wraps
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
import structlog
from aiohttp import web

from api.bodies import body_of
from api.errors import TooLarge
from api.problems import MEDIA_TYPE, RETRY_SECONDS, Handler, Problem
from infra.errors import InvalidRecord, MillraceError, Refused, Unavailable

log = structlog.get_logger()

FORM: Final = "application/x-www-form-urlencoded"
MOST: Final = 16 * 1024
"""Bytes of a form."""
HEADERS: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""RFC 6749 section 5.1."""
ENDPOINTS: Final = tuple(
    f"/oauth2/{name}" for name in ("token", "validate", "introspect", "revoke")
)
_FIELDS: Final = 50
_CODES: Final = {
    429: "temporarily_unavailable",
    500: "server_error",
    503: "temporarily_unavailable",
    504: "temporarily_unavailable",
}
_STATUSES: Final = {"invalid_client": 401, "invalid_token": 401, "temporarily_unavailable": 503}


class Fault(msgspec.Struct, frozen=True):
    """An error of OAuth 2 (RFC 6749 section 5.2), with the two fields of the dialect."""

    error: str
    """The code to compare."""
    error_description: str
    status: int
    """The HTTP status again."""
    message: str
    """The same as `error_description`."""


class OAuthError(Refused):
    """What OAuth 2 refuses: `reason` is RFC 6749's own code, with underscores."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUSES.get(self.reason, 400)


Parameters = Mapping[str, str]


async def parameters(request: web.Request) -> Parameters:
    """What a request says in its form and, as clients of the dialect do, in its query.

    What is empty counts as left out. Raises OAuthError for what stands twice or is no form.
    """
    raw = await body_of(request, MOST)
    if raw and request.content_type != FORM:
        raise OAuthError("invalid_request", f"the body must be {FORM}")
    try:
        form = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError as error:
        raise OAuthError("invalid_request", "the body is not a form in UTF-8") from error
    return once([*request.query.items(), *form])


def once(pairs: list[tuple[str, str]]) -> Parameters:
    """Each parameter once (RFC 6749 section 3.1). Raises OAuthError."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise OAuthError("invalid_request", "a parameter stands twice")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def wanted(given: Parameters, name: str) -> str:
    """A parameter that must be there. Raises OAuthError."""
    if name not in given:
        raise OAuthError("invalid_request", f"{name} is missing")
    return given[name]


def answer(body: Any, status: int = 200) -> web.Response:
    """JSON that nobody keeps."""
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        headers=HEADERS,
    )


def fault(code: str, text: str, status: int) -> web.Response:
    """An error."""
    return answer(Fault(code, text, status, text), status)


def speaking(handler: Handler) -> Handler:
    """Let a handler's errors be said as OAuth 2 says them."""

    @wraps(handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except OAuthError as error:
            response = fault(error.reason, str(error), error.status)
            if error.status == 401:
                response.headers["WWW-Authenticate"] = 'Basic realm="millrace", charset="UTF-8"'
            return response
        except Unavailable as error:
            log.warning("request failed", path=request.path, error=repr(error))
            text = "a server behind this one is away; try again in a moment"
            response = fault("temporarily_unavailable", text, 503)
            response.headers["Retry-After"] = str(RETRY_SECONDS)
            return response
        except (TooLarge, web.HTTPException):
            raise
        except (Refused, InvalidRecord) as error:
            return fault("invalid_request", _plain(error), 400)

    return handle


@web.middleware
async def faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say problems of these endpoints, which came up before they were reached, as OAuth 2 does."""
    response = await handler(request)
    if not request.path.startswith(ENDPOINTS) or response.content_type != MEDIA_TYPE:
        return response
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    problem = msgspec.json.decode(response.body, type=Problem)
    code = _CODES.get(problem.status, "invalid_request")
    found = fault(code, problem.detail or problem.title, problem.status)
    for name in ("Retry-After", "Allow"):
        if name in response.headers:
            found.headers[name] = response.headers[name]
    return found


def _plain(error: MillraceError) -> str:
    """Its text, of which RFC 6749 section 5.2 allows a part of ASCII only."""
    return "".join(c for c in str(error) if 0x20 <= ord(c) < 0x7F and c not in '"\\')

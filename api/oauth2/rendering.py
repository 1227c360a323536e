"""Pages that are filled in here: they need no scripts, and nobody may frame or keep them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import jinja2
import msgspec
import structlog
from aiohttp import web

from api.bodies import body_of
from api.errors import Forbidden, TooMany
from api.oauth2.answers import FORM, MOST, OAuthError, Parameters
from api.oauth2.authority import authority
from api.oauth2.sessions import (
    Session,
    bound_to,
    check_form,
    remember_visitor,
    sealed_form,
    session_of,
)
from api.problems import MEDIA_TYPE, RETRY_SECONDS, Handler, Problem
from infra.errors import InvalidRecord, NotFound, Refused, Unavailable

log = structlog.get_logger()

SignedIn = Callable[[web.Request, Session], Awaitable[web.StreamResponse]]
_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(
        [
            Path(__file__).parents[1] / folder / "templates"
            for folder in ("oauth2", "studio", "operations")
        ]
    ),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_FIELDS: Final = 50
_PAGED: Final[set[Handler]] = set()
"""What `paged` made."""


def moment(microseconds: int) -> str:
    """A time for people."""
    return f"{datetime.fromtimestamp(microseconds / 1e6, UTC):%d %b %Y, %H:%M} UTC"


def position(seconds: int) -> str:
    """A place in a broadcast for people."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def grouped(number: int) -> str:
    """A large number for people."""
    return f"{number:,}".replace(",", "\u202f")


_TEMPLATES.filters |= {"moment": moment, "position": position, "grouped": grouped}


async def page(
    request: web.Request, template: str, /, *, status: int = 200, leads_to: str = "", **values: Any
) -> web.Response:
    """A page from a template. `leads_to`: a source that its form may be redirected to (CSP)."""
    mind = authority(request)
    session = await session_of(request)
    bound, visitor = bound_to(request, session)
    text = _TEMPLATES.get_template(f"{template}.html").render(
        form=sealed_form(mind, bound), session=session, **values
    )
    response = web.Response(text=text, status=status, content_type="text/html")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = _policy(leads_to)
    if visitor is not None:
        remember_visitor(mind, response, visitor)
    return response


def see_other(location: str) -> web.Response:
    """Go on there, with GET."""
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def local(location: str) -> str:
    """A path of ours to go on to; `/` for anything that might lead elsewhere."""
    plain = location.isascii() and location.isprintable() and "\\" not in location
    if plain and location.startswith("/") and not location.startswith("//"):
        return location
    return "/"


async def sent_form(request: web.Request) -> Parameters:
    """The fields of a form of ours. Raises Forbidden if it is not, TooLarge, InvalidRecord."""
    raw = await body_of(request, MOST)
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError as error:
        raise InvalidRecord("the form is not in UTF-8") from error
    fields = dict(pairs) if request.content_type == FORM else {}
    check_form(request, await session_of(request), fields.get("form", ""))
    return fields


def paged(handler: Handler) -> Handler:
    """Let a handler's errors be said by a page."""

    @wraps(handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Unavailable as error:
            log.warning("request failed", path=request.path, error=repr(error))
            text = "A server behind this page is away. Try again in a moment."
            response = _plain("Out of reach for the moment", text, 503)
            response.headers["Retry-After"] = str(RETRY_SECONDS)
            return response
        except TooMany as error:
            response = _plain("Too many attempts", str(error), 429)
            response.headers["Retry-After"] = str(error.retry_after)
            return response
        except Forbidden as error:
            return _plain("That did not work", str(error), 403)
        except NotFound as error:
            return _plain("Not found", sentence(error), 404)
        except OAuthError as error:
            return _plain("That did not work", sentence(error), 400)
        except (Refused, InvalidRecord) as error:
            return _plain("That did not work", sentence(error), 422)

    _PAGED.add(handle)
    return handle


@web.middleware
async def notices(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say problems of pages, which came up around them, as a page."""
    response = await handler(request)
    if response.content_type != MEDIA_TYPE or not _is_page(request):
        return response
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    problem = msgspec.json.decode(response.body, type=Problem)
    found = _plain(problem.title, problem.detail or "Try again in a moment.", problem.status)
    for name in ("Retry-After", "Allow"):
        if name in response.headers:
            found.headers[name] = response.headers[name]
    return found


def _is_page(request: web.Request) -> bool:
    return request.match_info.handler in _PAGED


def for_session(function: SignedIn) -> Handler:
    """A page for who is signed in; others are asked to sign in, and come back."""

    @wraps(function)
    @paged
    async def handle(request: web.Request) -> web.StreamResponse:
        session = await session_of(request)
        if session is None:
            back = request.path_qs if request.method == "GET" else "/account"
            return see_other(sign_in_and(back))
        return await function(request, session)

    return handle


def sign_in_and(back: str) -> str:
    """Where to sign in, to come back afterwards."""
    return f"/signin?next={quote(back, safe='')}"


def sentence(error: Exception) -> str:
    """The text of an error as a sentence."""
    text = str(error).strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _plain(title: str, text: str, status: int) -> web.Response:
    """A page that says what is wrong, and asks nothing of any server."""
    body = _TEMPLATES.get_template("notice.html").render(title=title, text=text, session=None)
    response = web.Response(text=body, status=status, content_type="text/html")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = _policy("")
    return response


def _policy(leads_to: str) -> str:
    """What a page may do. Browsers hold redirects after a form to `form-action`, too."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            f"form-action 'self' {leads_to}".rstrip(),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )

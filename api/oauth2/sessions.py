"""Who sits at the browser: a sealed cookie that names a grant, and forms that only they can send.

A session is a grant of the platform's own pages (flow `sign_in`): it is listed, ended and erased
like any other. The cookie is not a token: nothing but these pages takes it.
"""

import secrets
from typing import Final
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from api.errors import Forbidden
from api.oauth2.authority import Authority, authority
from api.oauth2.rows import GRANTS, USERS, GrantRow, UserRow
from api.oauth2.standing import PAGES, row
from api.proxies import proxies
from infra.errors import InvalidRecord

LASTS_SECONDS: Final = 30 * 86_400
"""As long as the grant of a session (`agents.access.model.REFRESH_LIFETIME`)."""
FORM_SECONDS: Final = 12 * 3_600
"""How old a form may be when it is sent."""
_SESSION, _VISITOR = "millrace-session", "millrace-visitor"
_LONGEST: Final = 1000
_OWN_SITES: Final = {"same-origin", ""}
_REMEMBERED: web.RequestKey["Session | None"] = web.RequestKey("session")


class Session(msgspec.Struct, frozen=True):
    """Somebody who signed in, and is still."""

    user: UserRow
    grant_id: str


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    """What a cookie or a form holds: for whom, and since when (microseconds)."""

    subject: str
    grant_id: str
    since: int


async def session_of(request: web.Request) -> Session | None:
    """The session of a request, or None. Raises Unavailable."""
    if _REMEMBERED not in request:
        request[_REMEMBERED] = await _session(request)
    return request[_REMEMBERED]


async def _session(request: web.Request) -> Session | None:
    mind = authority(request)
    found = _opened(mind, "session", request.cookies.get(_name(mind, _SESSION), ""), LASTS_SECONDS)
    if found is None:
        return None
    grant = await row(mind.views, GRANTS, found.grant_id, GrantRow)
    if grant is None or (grant.state, grant.client_id, grant.user_id) != (
        "active",
        PAGES,
        found.subject,
    ):
        return None
    user = await row(mind.views, USERS, found.subject, UserRow)
    return Session(user, found.grant_id) if user else None


def begin(mind: Authority, response: web.StreamResponse, user_id: str, grant_id: str) -> None:
    """Give the browser a session that it did not have before."""
    text = _sealed(mind, "session", user_id, grant_id)
    _set(mind, response, _SESSION, text, LASTS_SECONDS)
    _set(mind, response, _VISITOR, "", 0)


def leave(request: web.Request, response: web.StreamResponse) -> None:
    """Take the session from the browser."""
    request[_REMEMBERED] = None
    _set(authority(request), response, _SESSION, "", 0)


def bound_to(request: web.Request, session: Session | None) -> tuple[str, str | None]:
    """Whom a form is for, and the visitor's cookie if it has to be set."""
    if session is not None:
        return session.grant_id, None
    mind = authority(request)
    known = request.cookies.get(_name(mind, _VISITOR), "")
    if 20 <= len(known) <= 100:
        return known, None
    made = secrets.token_urlsafe(24)
    return made, made


def sealed_form(mind: Authority, bound: str) -> str:
    """The hidden field of a form."""
    return _sealed(mind, "form", bound, "")


def remember_visitor(mind: Authority, response: web.StreamResponse, visitor: str) -> None:
    """Set the cookie that a visitor's forms are bound to. It lasts as long as the browser."""
    _set(mind, response, _VISITOR, visitor, None)


def check_form(request: web.Request, session: Session | None, token: str) -> None:
    """Raises Forbidden for a form that did not come from a page of ours, for this browser."""
    mind = authority(request)
    site = request.headers.get("Sec-Fetch-Site", "").lower()
    origin = request.headers.get("Origin", "")
    own = {proxies(request).host(request), urlsplit(mind.url).netloc}
    foreign = bool(origin) and urlsplit(origin).netloc not in own  # `null` is foreign, too
    found = _opened(mind, "form", token, FORM_SECONDS)
    bound, unknown = bound_to(request, session)
    if site not in _OWN_SITES or foreign or unknown is not None:
        raise Forbidden("This form did not come from a page of ours. Open the page and try again.")
    if found is None or not secrets.compare_digest(found.subject, bound):
        raise Forbidden("This form is out of date. Open the page again, then send it.")


def _sealed(mind: Authority, purpose: str, subject: str, grant_id: str) -> str:
    text = msgspec.json.encode(_Sealed(subject, grant_id, mind.clock.now())).decode()
    return mind.master.seal(purpose, text)


def _opened(mind: Authority, purpose: str, text: str, seconds: int) -> _Sealed | None:
    if not 0 < len(text) <= _LONGEST:
        return None
    try:
        found = msgspec.json.decode(mind.master.open(purpose, text), type=_Sealed)
    except (InvalidRecord, msgspec.DecodeError):
        return None
    return found if mind.clock.now() < found.since + seconds * 1_000_000 else None


def _set(
    mind: Authority, response: web.StreamResponse, kind: str, text: str, seconds: int | None
) -> None:
    response.set_cookie(
        _name(mind, kind),
        text,
        max_age=seconds,
        path="/",
        secure=mind.secure,
        httponly=True,
        samesite="Lax",
    )


def _name(mind: Authority, kind: str) -> str:
    """With TLS under a prefix that no other host can set (RFC 6265bis section 4.1.3.2)."""
    return f"__Host-{kind}" if mind.secure else kind

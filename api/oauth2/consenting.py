"""`/oauth2/authorize`: a user lets an application act for them, or does not (RFC 6749 section 4.1).

Who cannot be told apart from somebody else's redirect is told here, on a page; everything else goes
back to the application (section 4.1.2.1), with the issuer's name (RFC 9207).
"""

import re
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec
from aiohttp import web

from api.oauth2.answers import OAuthError, Parameters, once, wanted
from api.oauth2.authority import ACCESS, Authority, authority
from api.oauth2.clients import application
from api.oauth2.rendering import page, paged, see_other, sent_form, sign_in_and
from api.oauth2.rows import ApplicationRow
from api.oauth2.scopes import asked, description, permitted
from api.oauth2.secrets import digest_of, new_grant_id, new_secret
from api.oauth2.sessions import Session, session_of
from infra.errors import Refused
from infra.record import Record
from schemas.records.access import GrantRefused, GrantStarted, StartGrant

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_LONGEST_STATE: Final = 2000


class Asked(msgspec.Struct, frozen=True):
    """What an application asks for."""

    application: ApplicationRow
    redirect_uri: str
    state: str
    scopes: list[str]
    challenge: str | None
    """PKCE, S256; None without."""


class _Back(OAuthError):
    """An error that the application is to hear of."""

    def __init__(self, error: OAuthError, redirect_uri: str, state: str) -> None:
        super().__init__(error.reason, str(error))
        self.redirect_uri = redirect_uri
        self.state = state


@paged
async def get_authorize(request: web.Request) -> web.StreamResponse:
    """Ask the user."""
    mind = authority(request)
    try:
        found = await _asked(request, mind)
        session = await session_of(request)
        if session is None:
            return see_other(sign_in_and(request.path_qs))
        _check_user(found, session)
    except _Back as error:
        return _refused(mind, error)
    return await page(
        request,
        "consent",
        leads_to=_source(found.redirect_uri),
        application=found.application,
        where=urlsplit(found.redirect_uri).netloc,
        allowed=[description(scope) for scope in found.scopes],
        action=request.path_qs,
    )


@paged
async def post_authorize(request: web.Request) -> web.StreamResponse:
    """Do what the user decided. The query is looked at anew: it is what counts."""
    given, mind = await sent_form(request), authority(request)
    try:
        found = await _asked(request, mind)
        session = await session_of(request)
        if session is None:
            return see_other(sign_in_and(request.path_qs))
        _check_user(found, session)
        if given.get("decision") != "allow":
            denied = OAuthError("access_denied", "the user said no")
            raise _Back(denied, found.redirect_uri, found.state)
        code = await _code(mind, found, session)
    except _Back as error:
        return _refused(mind, error)
    more = {"code": code, "scope": " ".join(found.scopes)}
    return _back(mind, found.redirect_uri, found.state, more)


async def _asked(request: web.Request, mind: Authority) -> Asked:
    """What is asked. Raises OAuthError, which only the user hears of, or _Back."""
    given = once(list(request.query.items()))
    found = await application(mind.views, wanted(given, "client_id"))
    if found is None:
        raise OAuthError("invalid_client", "There is no such application")
    redirect_uri = wanted(given, "redirect_uri")
    # Compared as it is written (RFC 9700 section 4.1.3): no patterns, no prefixes.
    if redirect_uri not in found.redirect_uris.split():
        text = "The address to return to is not one that the application has registered"
        raise OAuthError("invalid_request", text)
    state = given.get("state", "")
    try:
        return Asked(found, redirect_uri, state, *_wishes(given, found))
    except OAuthError as error:
        raise _Back(error, redirect_uri, state[:_LONGEST_STATE]) from error


def _wishes(given: Parameters, found: ApplicationRow) -> tuple[list[str], str | None]:
    """Scopes and challenge. Raises OAuthError."""
    if len(given.get("state", "")) > _LONGEST_STATE:
        raise OAuthError("invalid_request", f"state may have {_LONGEST_STATE} characters")
    if wanted(given, "response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    if given.get("response_mode", "query") != "query":
        raise OAuthError("invalid_request", "response_mode must be query")
    challenge = given.get("code_challenge")
    method = given.get("code_challenge_method", "plain" if challenge else "S256")
    if method != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256")
    if challenge is None and ("code_challenge_method" in given or not found.confidential):
        raise OAuthError("invalid_request", "code_challenge is missing")
    if challenge is not None and not _CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "code_challenge must be 43 characters of base64url")
    try:
        return asked(given.get("scope", "")), challenge
    except Refused as error:
        raise OAuthError("invalid_scope", str(error)) from error


def _check_user(found: Asked, session: Session) -> None:
    """Nobody gives what they do not have. Raises _Back."""
    if foreign := set(found.scopes) - permitted(found.scopes, session.user.roles.split()):
        text = f"not for this user to give: {' '.join(sorted(foreign))}"
        raise _Back(OAuthError("invalid_scope", text), found.redirect_uri, found.state)


async def _code(mind: Authority, found: Asked, session: Session) -> str:
    user_id, grant_id = session.user.user_id, new_grant_id()
    code = new_secret(user_id, grant_id)
    command = StartGrant(
        subject_id=user_id,
        grant_id=grant_id,
        client_id=found.application.client_id,
        confidential=found.application.confidential,
        user_id=user_id,
        flow="authorization_code",
        scopes=found.scopes,
        code_digest=digest_of(code),
        redirect_uri=found.redirect_uri,
        code_challenge=found.challenge,
    )
    event: Record = await mind.ask(
        ACCESS, user_id, command, command.client_id, GrantStarted, GrantRefused
    )
    if isinstance(event, GrantRefused):
        error = OAuthError(event.error, event.detail)
        raise _Back(error, found.redirect_uri, found.state)
    return code


def _refused(mind: Authority, error: _Back) -> web.Response:
    more = {"error": error.reason, "error_description": str(error)}
    return _back(mind, error.redirect_uri, error.state, more)


def _back(mind: Authority, redirect_uri: str, state: str, more: dict[str, str]) -> web.Response:
    """Return to the application, by an address that was compared before."""
    if state:
        more["state"] = state
    more["iss"] = mind.url
    return see_other(f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(more)}")


def _source(redirect_uri: str) -> str:
    """The application's address as a source of a CSP, which has no way to write IPv6."""
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}:" if "[" in parts.netloc else f"{parts.scheme}://{parts.netloc}"

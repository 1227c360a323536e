"""`POST /oauth2/token`: tokens for a code, for a refresh token, or for an application itself."""

import uuid
from typing import Annotated, Final

import msgspec
from aiohttp import web

from api.oauth2.answers import OAuthError, Parameters, answer, parameters, speaking, wanted
from api.oauth2.authority import ACCESS, Authority, authority
from api.oauth2.clients import authenticated
from api.oauth2.rows import USERS, ApplicationRow, UserRow
from api.oauth2.scopes import asked, permitted
from api.oauth2.secrets import (
    Shown,
    challenge_of,
    digest_of,
    new_grant_id,
    new_secret,
    shown,
)
from api.oauth2.standing import row
from infra.errors import Refused
from infra.record import Record
from schemas.records.access import (
    GrantRefused,
    RedeemCode,
    RefreshTokens,
    StartGrant,
    TokensIssued,
)

_SECOND: Final = 1_000_000


class TokenForm(msgspec.Struct, frozen=True):
    """What is asked for. Which fields count depends on `grant_type`."""

    grant_type: Annotated[
        str, msgspec.Meta(pattern="^(client_credentials|authorization_code|refresh_token)$")
    ]
    client_id: str = ""
    """The application; left out with HTTP Basic."""
    client_secret: str = ""
    """Its secret, if it has one and does not use HTTP Basic."""
    code: str = ""
    """The authorization code."""
    redirect_uri: str = ""
    """Where the code was sent to."""
    code_verifier: str = ""
    """PKCE (RFC 7636)."""
    refresh_token: str = ""
    """The refresh token: it counts once."""
    scope: str = ""
    """Scopes with spaces between them."""


class Issued(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens. `scope` is a list, as clients of the dialect expect it, not RFC 6749's text."""

    access_token: str
    expires_in: int
    """Seconds."""
    scope: list[str]
    token_type: str
    refresh_token: str = ""
    """Where a user gave access: counts once."""


@speaking
async def post_token(request: web.Request) -> web.StreamResponse:
    """Get tokens.

    For an authorization code, a refresh token, or as an application that acts for itself. Fields
    may also stand in the query. A code or a refresh token that comes a second time ends its access.
    """
    given = await parameters(request)
    kind = wanted(given, "grant_type")
    if kind not in _KINDS:
        raise OAuthError("unsupported_grant_type", f"grant_type must be {', '.join(_KINDS)}")
    found = await authenticated(request, given)
    mind = authority(request)
    # Asked first: a code is not used up where there is no key to sign with.
    mind.tokens.keys.private(mind.clock.now())
    return answer(await _KINDS[kind](mind, found, given))


async def _client_credentials(mind: Authority, found: ApplicationRow, given: Parameters) -> Issued:
    if not found.confidential:
        raise OAuthError("unauthorized_client", "only an application with a secret may do this")
    scopes = _scopes(given)
    owner = await row(mind.views, USERS, found.user_id, UserRow)
    roles = frozenset(owner.roles.split()) & {"service"} if owner else frozenset()
    if refused := set(scopes) - permitted(scopes, roles):
        raise OAuthError("invalid_scope", f"not for this application: {' '.join(sorted(refused))}")
    command = StartGrant(
        subject_id=found.client_id,
        grant_id=new_grant_id(),
        client_id=found.client_id,
        confidential=True,
        flow="client_credentials",
        scopes=scopes,
        token_id=str(uuid.uuid4()),
    )
    return await _issued(mind, found, command)


async def _authorization_code(mind: Authority, found: ApplicationRow, given: Parameters) -> Issued:
    code = _shown(wanted(given, "code"))
    verifier = given.get("code_verifier")
    refresh = new_secret(code.subject_id, code.grant_id)
    command = RedeemCode(
        subject_id=code.subject_id,
        grant_id=code.grant_id,
        client_id=found.client_id,
        code_digest=code.digest,
        redirect_uri=wanted(given, "redirect_uri"),
        code_challenge=None if verifier is None else _challenge(verifier),
        token_id=str(uuid.uuid4()),
        new_refresh_digest=digest_of(refresh),
    )
    return await _issued(mind, found, command, refresh)


async def _refresh_token(mind: Authority, found: ApplicationRow, given: Parameters) -> Issued:
    token = _shown(wanted(given, "refresh_token"))
    refresh = new_secret(token.subject_id, token.grant_id)
    command = RefreshTokens(
        subject_id=token.subject_id,
        grant_id=token.grant_id,
        client_id=found.client_id,
        refresh_digest=token.digest,
        new_refresh_digest=digest_of(refresh),
        token_id=str(uuid.uuid4()),
        scopes=_scopes(given),
    )
    return await _issued(mind, found, command, refresh)


_KINDS: Final = {
    "authorization_code": _authorization_code,
    "client_credentials": _client_credentials,
    "refresh_token": _refresh_token,
}


async def _issued(
    mind: Authority,
    found: ApplicationRow,
    command: StartGrant | RedeemCode | RefreshTokens,
    refresh_token: str = "",
) -> Issued:
    """Ask the platform, and sign what it decided. Raises OAuthError."""
    event: Record = await mind.ask(
        ACCESS, command.subject_id, command, found.client_id, TokensIssued, GrantRefused
    )
    if isinstance(event, GrantRefused):
        raise OAuthError(event.error, event.detail)
    assert isinstance(event, TokensIssued)
    token = mind.tokens.sign(
        subject_id=event.subject_id,
        client_id=event.client_id,
        grant_id=event.grant_id,
        token_id=event.token_id,
        scopes=event.scopes,
        expires_at=event.access_expires_at,
    )
    seconds = max(0, (event.access_expires_at - mind.clock.now()) // _SECOND)
    return Issued(token, seconds, event.scopes, "bearer", refresh_token)


def _scopes(given: Parameters) -> list[str]:
    try:
        return asked(given.get("scope", ""))
    except Refused as error:
        raise OAuthError("invalid_scope", str(error)) from error


def _shown(text: str) -> Shown:
    try:
        return shown(text)
    except Refused as error:
        raise OAuthError("invalid_grant", str(error)) from error


def _challenge(verifier: str) -> str:
    try:
        return challenge_of(verifier)
    except Refused as error:
        raise OAuthError("invalid_request", str(error)) from error

"""What a token is worth, and its end: `/oauth2/validate`, `introspect`, `revoke`."""

import uuid
from typing import Final

import msgspec
from aiohttp import web

from api.access import LONGEST_TOKEN
from api.errors import Unauthorized
from api.oauth2.answers import OAuthError, answer, fault, parameters, speaking, wanted
from api.oauth2.authority import ACCESS, Authority, authority
from api.oauth2.clients import authenticated, known
from api.oauth2.rows import ApplicationRow
from api.oauth2.secrets import Shown, digest_of, new_secret, shown
from api.oauth2.standing import Checked
from infra.errors import Refused
from infra.record import Record
from schemas.records.access import (
    GrantRefused,
    GrantRevoked,
    RefreshTokens,
    RevokeGrant,
    TokensIssued,
)

_SCHEMES: Final = {"oauth", "bearer"}
_NOT_OURS: Final = "invalid access token"


class Valid(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token that counts, as the dialect says it."""

    client_id: str
    scopes: list[str]
    expires_in: int
    """Seconds."""
    login: str = ""
    """Of the user; left out where an application acts for itself."""
    user_id: str = ""


class TokenOnly(msgspec.Struct, frozen=True):
    """A token, and the application that asks about it."""

    token: str
    token_type_hint: str = ""
    """`access_token` or `refresh_token`; it makes no difference."""
    client_id: str = ""
    """The application; left out with HTTP Basic."""
    client_secret: str = ""


class Introspected(msgspec.Struct, frozen=True, omit_defaults=True):
    """What RFC 7662 says of a token. Of one that does not count: `active`, and no more."""

    active: bool
    scope: str = ""
    client_id: str = ""
    username: str = ""
    token_type: str = ""
    exp: int = 0
    iat: int = 0
    sub: str = ""
    aud: str = ""
    iss: str = ""
    jti: str = ""


@speaking
async def get_validate(request: web.Request) -> web.StreamResponse:
    """Say who an access token is for and how long it counts.

    The token stands in the header: `Authorization: OAuth <token>`, or `Bearer`.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    mind = authority(request)
    try:
        if scheme.lower() not in _SCHEMES or not 0 < len(token.strip()) <= LONGEST_TOKEN:
            raise Unauthorized("invalid_token", _NOT_OURS)
        found = await mind.checking.check(token.strip())
    except Unauthorized:
        return fault("invalid_token", _NOT_OURS, 401)
    user = found.standing.user if found.claims.user_id else None
    return answer(
        Valid(
            client_id=found.claims.client_id,
            scopes=sorted(found.principal.scopes),
            expires_in=_left(mind, found),
            login=user.login if user else "",
            user_id=found.claims.user_id or "",
        )
    )


@speaking
async def post_introspect(request: web.Request) -> web.StreamResponse:
    """Say what an access token is worth, to the application that it was given to (RFC 7662)."""
    given = await parameters(request)
    token = wanted(given, "token")
    asking = await authenticated(request, given)
    if not asking.confidential:
        raise OAuthError("unauthorized_client", "only an application with a secret may do this")
    try:
        found = await authority(request).checking.check(token)
    except Unauthorized:
        return answer(Introspected(False))
    if found.claims.client_id != asking.client_id:
        return answer(Introspected(False))
    claims, user = found.claims, found.standing.user
    return answer(
        Introspected(
            active=True,
            scope=" ".join(sorted(found.principal.scopes)),
            client_id=claims.client_id,
            username=user.login if user and claims.user_id else "",
            token_type="bearer",  # noqa: S106 - a kind of token, not one
            exp=claims.exp,
            iat=claims.iat,
            sub=claims.sub,
            aud=claims.aud,
            iss=claims.iss,
            jti=claims.jti,
        )
    )


@speaking
async def post_revoke(request: web.Request) -> web.StreamResponse:
    """End what a token stands for: the whole access, with all of its tokens (RFC 7009).

    Clients of the dialect send no secret here, so the token itself is what counts; a secret that is
    sent must be right. A token that does not count any more is no error.
    """
    given = await parameters(request)
    token = wanted(given, "token")
    asking = await known(request, given)
    mind = authority(request)
    try:
        refresh = shown(token)
    except Refused:
        await _revoke_access_token(mind, asking, token)
    else:
        await _revoke_refresh_token(mind, asking, refresh)
    return answer({})


async def _revoke_access_token(mind: Authority, asking: ApplicationRow, token: str) -> None:
    try:
        found = await mind.checking.check(token)
    except Unauthorized:
        return
    if found.claims.client_id != asking.client_id:
        raise OAuthError("invalid_request", "the token was given to another application")
    await end(mind, found.claims.sub, found.claims.gid, asking.client_id, "revoked-by-application")


async def _revoke_refresh_token(mind: Authority, asking: ApplicationRow, token: Shown) -> None:
    """Whoever shows a refresh token uses it up for nothing: only then is it known to be right.

    The ids in it are no secret, so they alone end nothing. One that was used before ends the
    grant by itself.
    """
    used = RefreshTokens(
        subject_id=token.subject_id,
        grant_id=token.grant_id,
        client_id=asking.client_id,
        refresh_digest=token.digest,
        new_refresh_digest=digest_of(new_secret(token.subject_id, token.grant_id)),
        token_id=str(uuid.uuid4()),
        scopes=[],
    )
    said: Record = await mind.ask(
        ACCESS, token.subject_id, used, asking.client_id, TokensIssued, GrantRefused
    )
    if isinstance(said, TokensIssued):
        await end(
            mind, token.subject_id, token.grant_id, asking.client_id, "revoked-by-application"
        )
    mind.checking.forget(token.grant_id)


async def end(
    mind: Authority, subject_id: str, grant_id: str, client_id: str | None, reason: str
) -> None:
    """End a grant, if it has not ended yet. With `client_id` only one of that application."""
    command = RevokeGrant(
        subject_id=subject_id, grant_id=grant_id, client_id=client_id, reason=reason
    )
    await mind.ask(ACCESS, subject_id, command, client_id or "", GrantRevoked, GrantRefused)
    mind.checking.forget(grant_id)


def _left(mind: Authority, found: Checked) -> int:
    return max(0, found.claims.exp - mind.clock.now() // 1_000_000)

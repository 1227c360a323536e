"""What clients read to find their way: `/.well-known/…` (RFC 8414) and the keys (RFC 7517)."""

from typing import Any

import msgspec
from aiohttp import web

from api.oauth2.authority import authority
from api.oauth2.scopes import SCOPES
from api.oauth2.tokens import ALGORITHM


class Metadata(msgspec.Struct, frozen=True):
    """The authorization server (RFC 8414 section 2)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    introspection_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]
    code_challenge_methods_supported: list[str]
    authorization_response_iss_parameter_supported: bool
    """RFC 9207."""
    access_token_signing_alg_values_supported: list[str]


class KeySet(msgspec.Struct, frozen=True):
    """Public keys that access tokens are signed with (RFC 7517 section 5)."""

    keys: list[dict[str, Any]]


async def get_metadata(request: web.Request) -> web.Response:
    """Say where the endpoints of OAuth 2 are and what they know (RFC 8414)."""
    url = authority(request).url
    secret = ["client_secret_basic", "client_secret_post"]
    found = Metadata(
        issuer=url,
        authorization_endpoint=f"{url}/oauth2/authorize",
        token_endpoint=f"{url}/oauth2/token",
        revocation_endpoint=f"{url}/oauth2/revoke",
        introspection_endpoint=f"{url}/oauth2/introspect",
        jwks_uri=f"{url}/.well-known/jwks.json",
        scopes_supported=list(SCOPES),
        response_types_supported=["code"],
        response_modes_supported=["query"],
        grant_types_supported=["authorization_code", "client_credentials", "refresh_token"],
        token_endpoint_auth_methods_supported=[*secret, "none"],
        revocation_endpoint_auth_methods_supported=[*secret, "none"],
        introspection_endpoint_auth_methods_supported=secret,
        code_challenge_methods_supported=["S256"],
        authorization_response_iss_parameter_supported=True,
        access_token_signing_alg_values_supported=[ALGORITHM],
    )
    return _public(found, 300)


async def get_jwks(request: web.Request) -> web.Response:
    """The public keys that access tokens are signed with (RFC 7517)."""
    mind = authority(request)
    return _public(KeySet(mind.tokens.keys.jwks(mind.clock.now())["keys"]), 30)


def _public(body: msgspec.Struct, seconds: int) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body),
        content_type="application/json",
        headers={"Cache-Control": f"public, max-age={seconds}"},
    )

"""Which application asks, and whether it is the one it says (RFC 6749 section 2.3)."""

import binascii
import hmac
from base64 import b64decode
from urllib.parse import unquote_plus

from aiohttp import web

from api.oauth2.answers import OAuthError, Parameters, wanted
from api.oauth2.authority import authority
from api.oauth2.rows import APPLICATIONS, ApplicationRow
from api.oauth2.secrets import digest_of
from api.oauth2.standing import row
from api.views import Views

_LONGEST = 100


async def application(views: Views, client_id: str) -> ApplicationRow | None:
    """An application, or None. Raises Unavailable."""
    if not 0 < len(client_id) <= _LONGEST:
        return None
    return await row(views, APPLICATIONS, client_id, ApplicationRow)


async def authenticated(request: web.Request, given: Parameters) -> ApplicationRow:
    """The application that asks: a confidential one has shown its secret, a public one has none.

    Raises OAuthError("invalid_client", …), or "invalid_request" for two ways at once.
    """
    found, secret = await named(request, given)
    if found.confidential != (secret is not None) or (secret and not _right(found, secret)):
        raise OAuthError("invalid_client", "the application's secret is wrong or missing")
    return found


async def known(request: web.Request, given: Parameters) -> ApplicationRow:
    """The same, but a confidential application may leave its secret out."""
    found, secret = await named(request, given)
    if secret is not None and not _right(found, secret):
        raise OAuthError("invalid_client", "the application's secret is wrong")
    return found


async def named(request: web.Request, given: Parameters) -> tuple[ApplicationRow, str | None]:
    """The application that a request names, and the secret that it shows, unchecked."""
    basic = _basic(request)
    if basic is None:
        client_id, secret = wanted(given, "client_id"), given.get("client_secret")
    elif "client_secret" in given:
        raise OAuthError("invalid_request", "an application shows its secret in one way, not two")
    else:
        client_id, secret = basic
        if given.get("client_id", client_id) != client_id:
            raise OAuthError("invalid_request", "client_id is another than in Authorization")
    found = await application(authority(request).views, client_id)
    if found is None:
        raise OAuthError("invalid_client", "there is no such application")
    return found, secret


def _basic(request: web.Request) -> tuple[str, str | None] | None:
    """Id and secret of HTTP Basic, each form-encoded (RFC 6749 section 2.3.1)."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise OAuthError("invalid_client", "Authorization is not as HTTP Basic is") from error
    if not colon:
        raise OAuthError("invalid_client", "Authorization is not as HTTP Basic is")
    return unquote_plus(client_id), unquote_plus(secret) or None


def _right(found: ApplicationRow, secret: str) -> bool:
    kept = found.secret_digest or ""
    return bool(kept) and hmac.compare_digest(digest_of(secret), kept)

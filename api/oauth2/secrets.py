"""Codes, refresh tokens and application secrets: made at random, known to the platform by SHA-256.

    <subject_id>.<grant_id>.<256 random bits>    a code or a refresh token

The ids say where on the log the grant is; only the last part is secret, and only the digest of the
whole is kept.
"""

import hashlib
import re
import secrets
import string
import uuid
from base64 import urlsafe_b64encode
from typing import Final

import msgspec

from infra.errors import Refused

_SHOWN: Final = re.compile(r"([a-z0-9-]{20,40})\.([a-z0-9-]{36})\.[A-Za-z0-9_-]{43}")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
"""RFC 7636 section 4.1."""
_CLIENT_ID_LENGTH: Final = 30


class Shown(msgspec.Struct, frozen=True):
    """A code or refresh token that somebody shows."""

    subject_id: str
    grant_id: str
    digest: str


def new_grant_id() -> str:
    """An id for a grant that begins."""
    return str(uuid.uuid4())


def new_secret(subject_id: str, grant_id: str) -> str:
    """A code or refresh token that nobody has."""
    return f"{subject_id}.{grant_id}.{secrets.token_urlsafe(32)}"


def shown(text: str) -> Shown:
    """What a code or refresh token says. Raises Refused if it is none."""
    found = _SHOWN.fullmatch(text)
    if found is None:
        raise Refused("invalid-secret", "not a code or refresh token of this platform")
    return Shown(found[1], found[2], digest_of(text))


def digest_of(secret: str) -> str:
    """What the platform keeps of a code, a token or an application's secret: SHA-256, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a code verifier (RFC 7636 section 4.6). Raises Refused."""
    if not _VERIFIER.fullmatch(verifier):
        raise Refused("invalid-verifier", "code_verifier must be 43 to 128 of A-Z a-z 0-9 - . _ ~")
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def new_client_id() -> str:
    """A public id for an application: 155 random bits, as the dialect's look."""
    letters = string.ascii_lowercase + string.digits
    return "".join(secrets.choice(letters) for _ in range(_CLIENT_ID_LENGTH))


def new_client_secret() -> str:
    """A secret for a confidential application: 256 random bits."""
    return secrets.token_urlsafe(32)

"""Access tokens: JWTs (RFC 9068) signed with EdDSA, made from grants, and checked without mercy.

What a token says counts only if its signature is ours, by the one algorithm we use, under a key
that we know by its name. Everything else in its header is refused, not ignored: no other algorithm
(RFC 8725 section 3.1), no key that it brings along or points to.
"""

import binascii
import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from api.oauth2.signing_keys import SigningKeys
from infra.clock import Clock
from infra.errors import Refused

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
LONGEST: Final = 4096
"""Characters of a token; a longer one is not looked at."""
REMEMBERED: Final = 20_000
"""Tokens whose signature was checked, by their digest; those checked first go first."""
LEEWAY: Final = 5
"""Seconds that the clocks of two gateways may differ."""

_SECOND: Final = 1_000_000
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_KID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


class AccessToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The claims of an access token. Times are seconds since 1970-01-01T00:00:00Z."""

    iss: str
    aud: str
    sub: str
    """The user; the application itself if it acts for itself (RFC 9068 section 2.2)."""
    client_id: str
    scope: str
    """Scopes with spaces between them (RFC 8693 section 4.2)."""
    jti: str
    gid: str
    """The grant: while it lasts, the token counts."""
    iat: int
    exp: int
    nbf: int | None = None

    @property
    def user_id(self) -> str | None:
        """The user who gave access; None if an application acts for itself."""
        return None if self.sub == self.client_id else self.sub

    @property
    def scopes(self) -> frozenset[str]:
        """What it allows."""
        return frozenset(self.scope.split())


class InvalidToken(Refused):
    """A token does not count. `reason` is for logs; a client hears `invalid_token` (RFC 6750)."""


class AccessTokens:
    """Signs and checks the access tokens of one platform."""

    def __init__(self, issuer: str, audience: str, keys: SigningKeys, clock: Clock) -> None:
        self.issuer = issuer
        self.audience = audience
        self.keys = keys
        """Replace it whenever the view `signing-keys` was read again."""
        self._clock = clock
        self._verified: dict[bytes, tuple[str, AccessToken]] = {}

    def sign(
        self,
        *,
        subject_id: str,
        client_id: str,
        grant_id: str,
        token_id: str,
        scopes: list[str],
        expires_at: int,
    ) -> str:
        """A token for what `TokensIssued` says. `expires_at`: microseconds. Raises Unavailable."""
        now = self._clock.now()
        claims = AccessToken(
            iss=self.issuer,
            aud=self.audience,
            sub=subject_id,
            client_id=client_id,
            scope=" ".join(scopes),
            jti=token_id,
            gid=grant_id,
            iat=now // _SECOND,
            exp=expires_at // _SECOND,
        )
        kid, key = self.keys.private(now)
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": kid}
        payload = {
            name: value
            for name, value in msgspec.structs.asdict(claims).items()
            if value is not None
        }
        return jws.serialize_compact(header, json.dumps(payload), key, algorithms=[ALGORITHM])

    def verify(self, token: str) -> AccessToken:
        """What a token says. Raises InvalidToken, and nothing else, whatever the token is.

        Whether its grant still lasts is not known here: ask the view `grants`.
        """
        now = self._clock.now()
        if len(token) > LONGEST:
            raise InvalidToken("too-large", f"a token has at most {LONGEST} characters")
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        kid, claims = self._verified.get(digest) or ("", None)
        if claims is None or self.keys.public(kid, now) is None:
            kid, claims = self._signed(token, now)
            self._verified[digest] = kid, claims
            if len(self._verified) > REMEMBERED:
                del self._verified[next(iter(self._verified))]
        self._check(claims, now / _SECOND)
        return claims

    def _signed(self, token: str, now: int) -> tuple[str, AccessToken]:
        """What a token with a good signature says, and by which key. A signature stays good."""
        parts = token.split(".")
        if len(parts) != 3:
            raise InvalidToken("malformed", "a token has three parts")
        header, payload, _ = (_decoded(part) for part in parts)
        kid = _kid(header)
        key = self.keys.public(kid, now)
        if key is None:
            raise InvalidToken("unknown-key", "the token is signed with a key that we do not have")
        try:
            jws.deserialize_compact(token, key, algorithms=[ALGORITHM])
        except (JoseError, ValueError) as error:
            raise InvalidToken("bad-signature", "the signature does not match") from error
        try:
            claims = msgspec.json.decode(payload, type=AccessToken)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidToken("malformed", f"a claim is not as it must be: {error}") from error
        return kid, claims

    def _check(self, claims: AccessToken, now: float) -> None:
        if claims.iss != self.issuer:
            raise InvalidToken("wrong-issuer", "the token is from elsewhere")
        if claims.aud != self.audience:
            raise InvalidToken("wrong-audience", "the token is for someone else")
        if now >= claims.exp:
            raise InvalidToken("expired", "the token is too old")
        if max(claims.iat, claims.nbf or 0) > now + LEEWAY:
            raise InvalidToken("not-yet-valid", "the token is from the future")


def _kid(header: bytes) -> str:
    """The name of the key, from a header that is exactly as we write it."""
    try:
        found = json.loads(header, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InvalidToken("malformed", "the header is not JSON") from error
    if not isinstance(found, dict):
        raise InvalidToken("malformed", "the header is not a JSON object")
    if found.get("alg") != ALGORITHM:
        raise InvalidToken("wrong-algorithm", f"alg must be {ALGORITHM}")
    if found.get("typ") != TYPE or found.keys() != {"alg", "typ", "kid"}:
        raise InvalidToken("foreign-header", f"the header has alg, typ ({TYPE}) and kid, no more")
    kid = found["kid"]
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise InvalidToken("unknown-key", "kid is not the name of a key")
    return kid


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _decoded(part: str) -> bytes:
    """Bytes of base64url that is written in the one way there is (RFC 7515 section 2)."""
    if not _PART.fullmatch(part):
        raise InvalidToken("malformed", "a part is not base64url")
    try:
        plain = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise InvalidToken("malformed", "a part is not base64url") from error
    if urlsafe_b64encode(plain).rstrip(b"=").decode() != part:
        raise InvalidToken("malformed", "a part is not base64url")
    return plain

"""Keys that access tokens are signed with: made, used for a while, published longer, retired.

A key is announced before it signs, so that every gateway knows it when the first token comes, and
stays published until the last token that it signed is too old. Ed25519 (RFC 8037).
"""

import json
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

import msgspec
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey

from infra.errors import InvalidRecord, Unavailable
from infra.sealing import MasterKeys
from schemas.records.access import SigningKeyIssued, SigningKeyRetired

SECOND: Final = 1_000_000
LEAD: Final = 60 * SECOND
"""How long before it signs a key is announced. The first key there is signs at once."""
SIGNS_FOR: Final = 30 * 86_400 * SECOND
OUTLIVED_BY_TOKENS: Final = 2 * 3_600 * SECOND
"""How long after its last signature a key verifies: longer than any access token counts."""
_PURPOSE: Final = "signing-key"

# RFC 9864 renames EdDSA to Ed25519; most verifiers out there know only the old name.
warnings.filterwarnings("ignore", "EdDSA is deprecated", SecurityWarning)


class SigningKey(msgspec.Struct, frozen=True):
    """A row of the view `signing-keys`. Times are microseconds since 1970-01-01T00:00:00Z."""

    kid: str
    public_jwk: str
    sealed_private_jwk: str
    signs_from: int
    signs_until: int
    verifies_until: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The key in a row of the view. Raises msgspec.ValidationError."""
        return msgspec.convert(row, cls)


class SigningKeys:
    """The keys that are known now. Made anew whenever the view is read again."""

    def __init__(self, keys: Iterable[SigningKey], master: MasterKeys) -> None:
        self._keys = {key.kid: key for key in keys}
        self._master = master
        self._private: dict[str, OKPKey] = {}
        self._public: dict[str, OKPKey] = {}

    def sign_at(self, now: int) -> bool:
        """Whether one of them signs now."""
        return any(key.signs_from <= now < key.signs_until for key in self._keys.values())

    def private(self, now: int) -> tuple[str, OKPKey]:
        """The newest key that signs now, with its kid. Raises Unavailable if there is none."""
        usable = [key for key in self._keys.values() if key.signs_from <= now < key.signs_until]
        if not usable:
            raise Unavailable("there is no key to sign tokens with; run `millrace keys rotate`")
        newest = max(usable, key=lambda key: (key.signs_from, key.kid))
        if newest.kid not in self._private:
            try:
                text = self._master.open(_PURPOSE, newest.sealed_private_jwk)
            except InvalidRecord as error:
                raise Unavailable(f"{error}: run `millrace keys rotate`") from error
            self._private[newest.kid] = OKPKey.import_key(json.loads(text))
        return newest.kid, self._private[newest.kid]

    def public(self, kid: str, now: int) -> OKPKey | None:
        """The key of that name whose tokens count, or None."""
        key = self._keys.get(kid)
        if key is None or now >= key.verifies_until:
            return None
        if kid not in self._public:
            self._public[kid] = OKPKey.import_key(json.loads(key.public_jwk))
        return self._public[kid]

    def jwks(self, now: int) -> dict[str, Any]:
        """The JWK Set to publish (RFC 7517 section 5)."""
        return {
            "keys": [
                {**json.loads(key.public_jwk), "kid": key.kid, "use": "sig", "alg": "EdDSA"}
                for key in sorted(self._keys.values(), key=lambda key: key.signs_from)
                if now < key.verifies_until
            ]
        }

    def rotation(
        self, now: int, *, early: bool = False
    ) -> list[SigningKeyIssued | SigningKeyRetired]:
        """What to write so that there is a key to sign with, now and soon.

        A key that is about to end, or with `early` any, gets a successor; those of which no token
        counts any more are retired. Often there is nothing to write.
        """
        retired = [
            SigningKeyRetired(kid=key.kid, reason="expired")
            for key in self._keys.values()
            if now >= key.verifies_until
        ]
        last = max((key.signs_until for key in self._keys.values()), default=0)
        if now < last - 2 * LEAD and not early:
            return [*retired]
        signs_from = now + LEAD if now < last else now
        return [new_key(self._master, signs_from), *retired]

    def replacement(
        self, now: int, *, compromised: bool = False
    ) -> list[SigningKeyIssued | SigningKeyRetired]:
        """What to write for a key that takes the place of those so far.

        Compromised ones are retired, and the new one signs at once: until all gateways know it,
        some refuse its tokens, which costs seconds.
        """
        if not compromised:
            return self.rotation(now, early=True)
        retired = [SigningKeyRetired(kid=kid, reason="compromised") for kid in self._keys]
        return [new_key(self._master, now), *retired]


def new_key(master: MasterKeys, signs_from: int) -> SigningKeyIssued:
    """A key that nobody has."""
    key = OKPKey.generate_key("Ed25519")
    return SigningKeyIssued(
        kid=key.thumbprint(),
        public_jwk=json.dumps(key.as_dict(private=False)),
        sealed_private_jwk=master.seal(_PURPOSE, json.dumps(key.as_dict(private=True))),
        signs_from=signs_from,
        signs_until=signs_from + SIGNS_FOR,
        verifies_until=signs_from + SIGNS_FOR + OUTLIVED_BY_TOKENS,
    )

"""Seals what is personal or secret, so that destroying one key makes it unreadable everywhere.

Each user has a data key; it lies on the log wrapped by the platform's master key, which is in no
log. Both are AES-256-GCM (NIST SP 800-38D) under random nonces of 96 bits. What a text is for
(whose key, whose field) is bound as associated data: a sealed value in another place does not open.

    w1.<master key id>.<nonce, ciphertext, tag>    a wrapped data key
    s1.<data key id>.<nonce, ciphertext, tag>      a field of a user
    p1.<master key id>.<nonce, ciphertext, tag>    a secret of the platform

Bytes are base64url without padding (RFC 4648 section 5).
"""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from infra.errors import ConfigurationError, InvalidRecord

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12

Field = Literal["email", "password", "address"]


class DataKey:
    """Seals and opens the personal fields of one user."""

    def __init__(self, key_id: str, user_id: str, key: bytes) -> None:
        self.key_id = key_id
        self.user_id = user_id
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return f"DataKey({self.key_id})"

    def seal(self, field: Field, text: str) -> str:
        """A text as it may stand in events and views."""
        sealed = _encrypt(self._cipher, text.encode(), "field", self.user_id, field)
        return f"s1.{self.key_id}.{sealed}"

    def open(self, field: Field, sealed: str) -> str:
        """The text. Raises InvalidRecord if it is not a field of this name and user."""
        kind, _, rest = sealed.partition(".")
        key_id, _, text = rest.rpartition(".")
        if (kind, key_id) != ("s1", self.key_id):
            raise InvalidRecord(f"{field} of user {self.user_id}: sealed with another key")
        what = f"{field} of user {self.user_id}"
        return _decrypt(self._cipher, text, what, "field", self.user_id, field).decode()


class MasterKeys:
    """The platform's master keys: the first one seals, all of them open."""

    def __init__(self, keys: SecretStr) -> None:
        """`keys`: base64url of 32 bytes each, comma-separated. Raises ConfigurationError."""
        texts = [text.strip() for text in keys.get_secret_value().split(",") if text.strip()]
        if not texts:
            raise ConfigurationError(
                "MILLRACE_MASTER_KEY is not set: personal data cannot be sealed. Make a key with "
                "`python -c 'import secrets; print(secrets.token_urlsafe(32))'` and keep it safe"
            )
        self._ciphers = dict(_cipher(text) for text in texts)
        self._salt = hmac.digest(_bytes(texts[0]), b"millrace pseudonyms", "sha256")
        self._current = next(iter(self._ciphers))

    def __repr__(self) -> str:
        return f"MasterKeys({', '.join(self._ciphers)})"

    def issue(self, user_id: str) -> tuple[DataKey, str]:
        """A new data key for a user, and the same wrapped, as it stands on `user-keys`."""
        key, key_id = secrets.token_bytes(KEY_BYTES), f"{user_id}.{secrets.token_hex(8)}"
        cipher = self._ciphers[self._current]
        wrapped = _encrypt(cipher, key, "data-key", key_id, user_id)
        return DataKey(key_id, user_id, key), f"w1.{self._current}.{wrapped}"

    def unwrap(self, key_id: str, user_id: str, wrapped: str) -> DataKey:
        """The data key. Raises InvalidRecord if it is not that user's or its master key is gone."""
        cipher, text = self._named("w1", f"data key {key_id}", wrapped)
        key = _decrypt(cipher, text, f"data key {key_id}", "data-key", key_id, user_id)
        return DataKey(key_id, user_id, key)

    def seal(self, purpose: str, text: str) -> str:
        """A secret of the platform as it may stand in events and views."""
        cipher = self._ciphers[self._current]
        return f"p1.{self._current}.{_encrypt(cipher, text.encode(), 'platform', purpose)}"

    def open(self, purpose: str, sealed: str) -> str:
        """The secret. Raises InvalidRecord if it is for another purpose or its key is gone."""
        cipher, text = self._named("p1", purpose, sealed)
        return _decrypt(cipher, text, purpose, "platform", purpose).decode()

    def pseudonym(self, purpose: str, text: str) -> str:
        """A name for who a text says, the same each time: it tells nothing to who lacks the key.

        HMAC-SHA-256, of which 128 bits are kept, in hex. A new current key gives new names.
        """
        return hmac.digest(self._salt, _associated((purpose, text)), "sha256")[:16].hex()

    def _named(self, kind: str, what: str, sealed: str) -> tuple[AESGCM, str]:
        parts = sealed.split(".")
        if len(parts) != 3 or parts[0] != kind:
            raise InvalidRecord(f"{what}: is not sealed as {kind}")
        if parts[1] not in self._ciphers:
            raise InvalidRecord(f"{what}: master key {parts[1]} is not in MILLRACE_MASTER_KEY")
        return self._ciphers[parts[1]], parts[2]


def new_master_key() -> str:
    """A master key that nobody has, as text."""
    return secrets.token_urlsafe(KEY_BYTES)


def _cipher(text: str) -> tuple[str, AESGCM]:
    """A master key and its id, by which wrapped keys name it and which says nothing of it."""
    try:
        key = _bytes(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"MILLRACE_MASTER_KEY must be base64url of {KEY_BYTES} bytes (or several, with commas)"
        )
    return hashlib.sha256(b"millrace master key" + key).hexdigest()[:8], AESGCM(key)


def _encrypt(cipher: AESGCM, plain: bytes, *bound: str) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, plain, _associated(bound))
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _decrypt(cipher: AESGCM, text: str, what: str, *bound: str) -> bytes:
    try:
        sealed = _bytes(text)
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _associated(bound))
    except (InvalidTag, ValueError) as error:
        raise InvalidRecord(f"{what}: does not open") from error


def _bytes(text: str) -> bytes:
    if not text.isascii():
        raise ValueError("not base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _associated(bound: tuple[str, ...]) -> bytes:
    """Parts so written that no other parts give the same bytes."""
    return json.dumps(["millrace", *bound]).encode()

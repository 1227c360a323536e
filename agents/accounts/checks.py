"""What the fields of users must be like."""

import re
from typing import ClassVar, Protocol

from schemas.records.accounts import AccountCommandRefused

DISPLAY_NAME_LENGTH = 25
SEALED_LENGTH = 2_000
DISPLAY_NAME_RULE = f"display_name must have 1 to {DISPLAY_NAME_LENGTH} printable characters"
SEALED_RULE = "personal fields must be sealed with the user's data key"

_LOGIN = re.compile(r"[a-z0-9_]{3,25}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEY_ID = re.compile(r"([0-9a-f-]{36})\.[0-9a-f]{16}")
_SEALED = re.compile(r"s1\.([0-9a-f-]{36}\.[0-9a-f]{16})\.[A-Za-z0-9_-]+")


class Asked(Protocol):
    """A command of this context."""

    FULL_NAME: ClassVar[str]

    @property
    def user_id(self) -> str:
        """The user it is about."""
        ...


def is_login(login: str) -> bool:
    """Whether a text may be a login."""
    return _LOGIN.fullmatch(login) is not None


def is_digest(text: str) -> bool:
    """Whether a text is a SHA-256 in hex."""
    return _DIGEST.fullmatch(text) is not None


def is_display_name(name: str) -> bool:
    """Whether a text may be shown as a name."""
    return 1 <= len(name.strip()) <= len(name) <= DISPLAY_NAME_LENGTH and name.isprintable()


def is_key_of(key_id: str, user_id: str) -> bool:
    """Whether a data key was made for that user."""
    found = _KEY_ID.fullmatch(key_id)
    return found is not None and found[1] == user_id


def is_sealed(value: str | None, key_id: str) -> bool:
    """Whether a value is none, or sealed with that key: clear text gets no further than here."""
    if value is None:
        return True
    found = _SEALED.fullmatch(value) if len(value) <= SEALED_LENGTH else None
    return found is not None and found[1] == key_id


def refused(command: Asked, reason: str, detail: str) -> AccountCommandRefused:
    """The answer to a command that breaks a rule."""
    return AccountCommandRefused(
        user_id=command.user_id, command=command.FULL_NAME, reason=reason, detail=detail
    )

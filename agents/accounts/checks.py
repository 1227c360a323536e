"""What the fields of users and applications must be like."""

import re
from collections.abc import Collection
from typing import ClassVar, Protocol

from schemas.records.accounts import AccountCommandRefused, RegisterApplication

DISPLAY_NAME_LENGTH = 25
APPLICATIONS = 50
APPLICATION_NAME_LENGTH = 100
REDIRECT_URIS = 10
REDIRECT_URI_LENGTH = 500
SEALED_LENGTH = 2_000
DISPLAY_NAME_RULE = f"display_name must have 1 to {DISPLAY_NAME_LENGTH} printable characters"
SEALED_RULE = "personal fields must be sealed with the user's data key"

_LOGIN = re.compile(r"[a-z0-9_]{3,25}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CLIENT_ID = re.compile(r"[a-z0-9]{20,40}")
_KEY_ID = re.compile(r"([0-9a-f-]{36})\.[0-9a-f]{16}")
_SEALED = re.compile(r"s1\.([0-9a-f-]{36}\.[0-9a-f]{16})\.[A-Za-z0-9_-]+")
_REDIRECT_URI = re.compile(
    r"https://[^\s#@/]+(/[^\s#]*)?"
    r"|http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?(/[^\s#]*)?"
)
"""Absolute, without fragment (RFC 6749 section 3.1.2); clear text only on one's own machine."""


class Asked(Protocol):
    """A command of this context."""

    FULL_NAME: ClassVar[str]

    @property
    def user_id(self) -> str:
        """The user it is about."""
        ...


def wrong_application(
    command: RegisterApplication, known: Collection[str]
) -> AccountCommandRefused | None:
    """Why an application may not be registered, or None. `known`: client_ids of the user."""
    if not _CLIENT_ID.fullmatch(command.client_id):
        text = "client_id must be 20 to 40 characters of a-z, 0-9"
        return refused(command, "invalid-client-id", text)
    if command.client_id in known:
        return refused(command, "client-id-taken", "there is an application of this client_id")
    if len(known) >= APPLICATIONS:
        text = f"a user may have {APPLICATIONS} applications"
        return refused(command, "too-many-applications", text)
    if not 1 <= len(command.name.strip()) <= len(command.name) <= APPLICATION_NAME_LENGTH:
        text = f"name must have 1 to {APPLICATION_NAME_LENGTH} characters"
        return refused(command, "invalid-name", text)
    if len(command.redirect_uris) > REDIRECT_URIS:
        text = f"an application may have {REDIRECT_URIS} redirect_uris"
        return refused(command, "too-many-redirect-uris", text)
    for uri in command.redirect_uris:
        if len(uri) > REDIRECT_URI_LENGTH or not _REDIRECT_URI.fullmatch(uri):
            text = "a redirect URI must be https://…, or http://localhost…, without a fragment"
            return refused(command, "invalid-redirect-uri", text)
    if command.confidential != (command.secret_digest is not None):
        text = "an application has a secret if it is confidential, and only then"
        return refused(command, "invalid-secret", text)
    if command.secret_digest is not None and not is_digest(command.secret_digest):
        return refused(command, "invalid-secret", "secret_digest must be 64 hexadecimal digits")
    return None


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

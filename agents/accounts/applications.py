"""The applications of a user: which there may be, and what becomes of them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from agents.accounts.checks import is_digest, refused
from schemas.records.accounts import (
    AccountCommandRefused,
    ApplicationDeleted,
    ApplicationRegistered,
    ApplicationSecretRotated,
    DeleteApplication,
    RegisterApplication,
    RotateApplicationSecret,
)

Event = (
    ApplicationRegistered | ApplicationSecretRotated | ApplicationDeleted | AccountCommandRefused
)

APPLICATIONS = 50
APPLICATION_NAME_LENGTH = 100
REDIRECT_URIS = 10
REDIRECT_URI_LENGTH = 500

_CLIENT_ID = re.compile(r"[a-z0-9]{20,40}")
_REDIRECT_URI = re.compile(
    r"https://[^\s#@/]+(/[^\s#]*)?"
    r"|http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?(/[^\s#]*)?"
)
"""Absolute, without fragment (RFC 6749 section 3.1.2); clear text only on one's own machine."""


@dataclass(frozen=True)
class Application:
    """An application, as far as rules need to know it."""

    confidential: bool


def register_application(
    known: Mapping[str, Application], command: RegisterApplication
) -> Sequence[Event]:
    """The events that follow. `known`: the user's applications by client_id."""
    wrong = _wrong(command, known)
    if wrong is not None:
        return [wrong]
    return [
        ApplicationRegistered(
            user_id=command.user_id,
            client_id=command.client_id,
            name=command.name,
            redirect_uris=command.redirect_uris,
            confidential=command.confidential,
            secret_digest=command.secret_digest,
        )
    ]


def change_application(
    known: Mapping[str, Application], command: RotateApplicationSecret | DeleteApplication
) -> Sequence[Event]:
    """The events that follow. `known`: the user's applications by client_id."""
    application = known.get(command.client_id)
    if application is None:
        return [refused(command, "unknown-application", "the user has no such application")]
    if isinstance(command, DeleteApplication):
        return [ApplicationDeleted(user_id=command.user_id, client_id=command.client_id)]
    if not application.confidential:
        return [refused(command, "public-application", "a public application has no secret")]
    if not is_digest(command.secret_digest):
        text = "secret_digest must be 64 hexadecimal digits"
        return [refused(command, "invalid-secret", text)]
    return [
        ApplicationSecretRotated(
            user_id=command.user_id,
            client_id=command.client_id,
            secret_digest=command.secret_digest,
        )
    ]


def _wrong(command: RegisterApplication, known: Collection[str]) -> AccountCommandRefused | None:
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

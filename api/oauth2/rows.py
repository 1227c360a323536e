"""Rows of the views about users and access, as far as the gateway uses them."""

from typing import Final

import msgspec

USERS: Final = "users"
"""Users by user_id."""
CREDENTIALS: Final = "credentials"
"""What signs users in, sealed, by user_id."""
USER_KEYS: Final = "user-keys"
"""Wrapped data keys, by key_id."""
APPLICATIONS: Final = "applications"
"""Applications by client_id."""
APPLICATIONS_BY_USER: Final = "applications-by-user"
"""Which applications a user has, by user_id and client_id."""
GRANTS: Final = "grants"
"""Grants that last, by grant_id."""
GRANTS_BY_SUBJECT: Final = "grants-by-subject"
"""Sessions and connected applications, by subject_id and grant_id."""
SIGNING_KEYS: Final = "signing-keys"
"""Keys of access tokens, by kid."""


class UserRow(msgspec.Struct, frozen=True):
    """A row of `users`."""

    user_id: str
    login: str
    display_name: str = ""
    description: str = ""
    roles: str = ""
    """With spaces between them."""
    registered_at: int = 0
    """Microseconds since 1970."""


class CredentialsRow(msgspec.Struct, frozen=True):
    """A row of `credentials`."""

    user_id: str
    key_id: str
    sealed_password: str
    sealed_email: str | None = None


class UserKeyRow(msgspec.Struct, frozen=True):
    """A row of `user-keys`."""

    key_id: str
    user_id: str
    wrapped_key: str


class ApplicationRow(msgspec.Struct, frozen=True):
    """A row of `applications`."""

    client_id: str
    user_id: str
    """Whose application it is."""
    name: str
    redirect_uris: str = ""
    """With spaces between them."""
    confidential: bool = False
    secret_digest: str | None = None


class ListedApplicationRow(msgspec.Struct, frozen=True):
    """A row of `applications-by-user`."""

    client_id: str
    registered_at: int = 0


class GrantRow(msgspec.Struct, frozen=True):
    """A row of `grants`."""

    grant_id: str
    subject_id: str
    client_id: str
    scopes: str = ""
    state: str = "pending"
    user_id: str | None = None


class ListedGrantRow(msgspec.Struct, frozen=True):
    """A row of `grants-by-subject`. Times are microseconds since 1970."""

    grant_id: str
    client_id: str
    scopes: str = ""
    description: str | None = None
    started_at: int = 0
    used_at: int | None = None

"""Records of the accounts context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar

from infra.record import Record


class AccountCommandRefused(Record, frozen=True, kw_only=True):
    """A command broke a rule and changed nothing."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.AccountCommandRefused"

    user_id: str
    """The user. Key of the message."""
    command: str
    """Avro name of the refused command."""
    reason: str
    """Stable code of the rule that was broken, kebab-case."""
    detail: str
    """What is wrong, for people."""


class ApplicationDeleted(Record, frozen=True, kw_only=True):
    """An application is no longer known."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.ApplicationDeleted"

    user_id: str
    """The user. Key of the message."""
    client_id: str
    """Public id of the application, chosen at random by whoever registers it."""


class ApplicationRegistered(Record, frozen=True, kw_only=True):
    """An application may ask users for access."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.ApplicationRegistered"

    user_id: str
    """The user. Key of the message."""
    client_id: str
    """Public id of the application, chosen at random by whoever registers it."""
    name: str
    """Name of the application, for people: 1 to 100 characters."""
    redirect_uris: list[str]
    """Addresses that a sign-in may return to, compared as they are written; absolute, https or of this machine."""
    confidential: bool
    """Whether it can keep a secret (RFC 6749 section 2.1)."""
    secret_digest: str | None = None
    """SHA-256 of the application's secret, in hex; null for a public application, which has none."""


class ApplicationSecretRotated(Record, frozen=True, kw_only=True):
    """An application has another secret; the one before is not valid any more."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.ApplicationSecretRotated"

    user_id: str
    """The user. Key of the message."""
    client_id: str
    """Public id of the application, chosen at random by whoever registers it."""
    secret_digest: str
    """SHA-256 of the application's secret, in hex."""


class ChangePassword(Record, frozen=True, kw_only=True):
    """Asks for another password."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.ChangePassword"

    user_id: str
    """The user. Key of the message."""
    sealed_password: str
    """Argon2id hash of the password (PHC string), sealed with the user's data key as field `password`."""
    keep_grant_id: str | None = None
    """Grant that goes on: the session in which it was asked. All other grants of the user end."""


class ChangeProfile(Record, frozen=True, kw_only=True):
    """Asks for what is shown of a user, or the e-mail address, to change. What is null stays."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.ChangeProfile"

    user_id: str
    """The user. Key of the message."""
    display_name: str | None = None
    """Name as it is shown: 1 to 25 printable characters; null: as it is."""
    description: str | None = None
    """What the user says of themselves, at most 300 characters; null: as it is."""
    sealed_email: str | None = None
    """E-mail address, sealed with the user's data key as field `email`; null: as it is."""
    colour: str | None = None
    """Colour of the name in chats, `#RRGGBB`; empty: none; null: as it is."""


class DeleteApplication(Record, frozen=True, kw_only=True):
    """Asks for an application to be deleted."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.DeleteApplication"

    user_id: str
    """The user. Key of the message."""
    client_id: str
    """Public id of the application, chosen at random by whoever registers it."""


class EraseUser(Record, frozen=True, kw_only=True):
    """Asks for a user to be erased: what is sealed becomes unreadable everywhere. Cannot be taken back."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.EraseUser"

    user_id: str
    """The user. Key of the message."""
    by_user_id: str | None = None
    """Who asked for it; null for the command line and for services."""


class GrantRole(Record, frozen=True, kw_only=True):
    """Asks for a user to have a role of the platform."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.GrantRole"

    user_id: str
    """The user. Key of the message."""
    role: str
    """Role of the platform: partner, affiliate, operator or service."""
    by_user_id: str | None = None
    """Who asked for it; null for the command line and for services."""


class PasswordChanged(Record, frozen=True, kw_only=True):
    """A user has another password."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.PasswordChanged"

    user_id: str
    """The user. Key of the message."""
    sealed_password: str
    """Argon2id hash of the password (PHC string), sealed with the user's data key as field `password`."""
    keep_grant_id: str | None = None
    """Grant that goes on; all other grants of the user end."""


class ProfileChanged(Record, frozen=True, kw_only=True):
    """What is shown of a user, or the e-mail address, changed. All of it is said, also what stayed."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.ProfileChanged"

    user_id: str
    """The user. Key of the message."""
    display_name: str
    """Name as it is shown: 1 to 25 printable characters."""
    description: str
    """What the user says of themselves."""
    sealed_email: str | None = None
    """E-mail address, sealed with the user's data key as field `email`; null if none was given."""
    colour: str | None = None
    """Colour of the name in chats, `#RRGGBB`; empty: none; null: as it was."""


class RegisterApplication(Record, frozen=True, kw_only=True):
    """Asks for an application that may ask users for access."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.RegisterApplication"

    user_id: str
    """The user. Key of the message."""
    client_id: str
    """Public id of the application, chosen at random by whoever registers it."""
    name: str
    """Name of the application, for people: 1 to 100 characters."""
    redirect_uris: list[str]
    """Addresses that a sign-in may return to, compared as they are written; absolute, https or of this machine."""
    confidential: bool
    """Whether it can keep a secret (RFC 6749 section 2.1)."""
    secret_digest: str | None = None
    """SHA-256 of the application's secret, in hex; null for a public application, which has none."""


class RegisterUser(Record, frozen=True, kw_only=True):
    """Asks for a user to exist. What is personal in it is sealed."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.RegisterUser"

    user_id: str
    """The user. Key of the message."""
    login: str
    """Name that the user signs in with and that the channel's address shows: 3 to 25 characters of a-z, 0-9 and _."""
    display_name: str
    """Name as it is shown: 1 to 25 printable characters."""
    key_id: str
    """Data key that the sealed fields are sealed with, on topic `user-keys`: user_id, a dot, 16 random hexadecimal digits."""
    sealed_password: str
    """Argon2id hash of the password (PHC string), sealed with the user's data key as field `password`."""
    sealed_email: str | None = None
    """E-mail address, sealed with the user's data key as field `email`; null if none was given."""
    sealed_address: str | None = None
    """IP address that asked for it, sealed with the user's data key as field `address`; null if not known."""
    channel_exists: bool
    """Whether there is a channel of this name that belongs to no user, as the sender knew it: only an operator may give it to someone."""
    by_user_id: str | None = None
    """Who asked for it; null for the command line and for services."""


class RevokeRole(Record, frozen=True, kw_only=True):
    """Asks for a user to lose a role of the platform."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.RevokeRole"

    user_id: str
    """The user. Key of the message."""
    role: str
    """Role of the platform: partner, affiliate, operator or service."""
    by_user_id: str | None = None
    """Who asked for it; null for the command line and for services."""


class RoleGranted(Record, frozen=True, kw_only=True):
    """A user has a role of the platform."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.RoleGranted"

    user_id: str
    """The user. Key of the message."""
    role: str
    """Role of the platform: partner, affiliate, operator or service."""
    roles: list[str]
    """All roles that the user has now, in alphabetical order."""
    by_user_id: str | None = None
    """Who asked for it; null for the command line and for services."""


class RoleRevoked(Record, frozen=True, kw_only=True):
    """A user has lost a role of the platform."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.RoleRevoked"

    user_id: str
    """The user. Key of the message."""
    role: str
    """Role of the platform: partner, affiliate, operator or service."""
    roles: list[str]
    """All roles that the user has now, in alphabetical order."""
    by_user_id: str | None = None
    """Who asked for it; null for the command line and for services."""


class RotateApplicationSecret(Record, frozen=True, kw_only=True):
    """Asks for an application's secret to be replaced. The secret itself never travels."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.RotateApplicationSecret"

    user_id: str
    """The user. Key of the message."""
    client_id: str
    """Public id of the application, chosen at random by whoever registers it."""
    secret_digest: str
    """SHA-256 of the application's secret, in hex."""


class UserErased(Record, frozen=True, kw_only=True):
    """A user was erased. The login is not given to anyone again."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.UserErased"

    user_id: str
    """The user. Key of the message."""
    login: str
    """Name that the user signs in with and that the channel's address shows: 3 to 25 characters of a-z, 0-9 and _."""
    by_user_id: str | None = None
    """Who asked for it; null for the command line and for services."""


class UserKeyDestroyed(Record, frozen=True, kw_only=True):
    """A data key is gone. Takes the place of the key when the topic is compacted."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.UserKeyDestroyed"

    key_id: str
    """The data key. Key of the message."""
    user_id: str
    """Whose fields it sealed."""


class UserKeyIssued(Record, frozen=True, kw_only=True):
    """A data key for one user's personal fields, wrapped by the platform's master key."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.UserKeyIssued"

    key_id: str
    """The data key: user_id, a dot, 16 random hexadecimal digits. Key of the message."""
    user_id: str
    """Whose fields it seals; part of what the wrapping binds."""
    wrapped_key: str
    """The key, wrapped: `w1.<master key id>.<base64url of nonce, AES-256-GCM ciphertext and tag>`."""


class UserKeyReleased(Record, frozen=True, kw_only=True):
    """No field needs a data key any more: it is to be destroyed."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.UserKeyReleased"

    user_id: str
    """The user. Key of the message."""
    key_id: str
    """The data key."""
    reason: str
    """Stable code, kebab-case: user-erased; registration-refused; still-on-disk, said again later, because a log is compacted only up to its newest segment."""


class UserRegistered(Record, frozen=True, kw_only=True):
    """A user exists."""

    FULL_NAME: ClassVar[str] = "millrace.accounts.UserRegistered"

    user_id: str
    """The user. Key of the message."""
    login: str
    """Name that the user signs in with and that the channel's address shows: 3 to 25 characters of a-z, 0-9 and _."""
    display_name: str
    """Name as it is shown: 1 to 25 printable characters."""
    key_id: str
    """Data key that the sealed fields are sealed with, on topic `user-keys`: user_id, a dot, 16 random hexadecimal digits."""
    sealed_password: str
    """Argon2id hash of the password (PHC string), sealed with the user's data key as field `password`."""
    sealed_email: str | None = None
    """E-mail address, sealed with the user's data key as field `email`; null if none was given."""
    sealed_address: str | None = None
    """IP address that asked for it, sealed with the user's data key as field `address`; null if not known."""
    by_user_id: str | None = None
    """Who asked for it; null for the command line and for services."""

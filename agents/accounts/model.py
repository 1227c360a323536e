"""Users and their applications: who is known, under which name, and when they are forgotten.

What is personal comes sealed with a data key of the user and stays so: no rule looks into it.
Every command is answered by an event. A user who was erased is never known again, and the login
is not given to anyone else: ids follow from logins, so another person would inherit the id.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from schemas.records.accounts import (
    AccountCommandRefused,
    ApplicationDeleted,
    ApplicationRegistered,
    ApplicationSecretRotated,
    ChangePassword,
    ChangeProfile,
    DeleteApplication,
    EraseUser,
    GrantRole,
    PasswordChanged,
    ProfileChanged,
    RegisterApplication,
    RegisterUser,
    RevokeRole,
    RoleGranted,
    RoleRevoked,
    RotateApplicationSecret,
    UserErased,
    UserKeyReleased,
    UserRegistered,
)

Command = (
    RegisterUser
    | ChangePassword
    | ChangeProfile
    | GrantRole
    | RevokeRole
    | EraseUser
    | RegisterApplication
    | RotateApplicationSecret
    | DeleteApplication
)
Event = (
    UserRegistered
    | PasswordChanged
    | ProfileChanged
    | RoleGranted
    | RoleRevoked
    | UserErased
    | UserKeyReleased
    | ApplicationRegistered
    | ApplicationSecretRotated
    | ApplicationDeleted
    | AccountCommandRefused
)

ROLES = frozenset({"partner", "affiliate", "operator", "service"})
DISPLAY_NAME_LENGTH = 25
DESCRIPTION_LENGTH = 300
APPLICATIONS = 50
APPLICATION_NAME_LENGTH = 100
REDIRECT_URIS = 10
REDIRECT_URI_LENGTH = 500
SEALED_LENGTH = 2_000

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


@dataclass(frozen=True)
class Application:
    """An application, as far as rules need to know it."""

    confidential: bool


@dataclass(frozen=True)
class User:
    """A user, as far as rules need to know them."""

    login: str
    display_name: str
    key_id: str
    description: str = ""
    sealed_email: str | None = None
    roles: frozenset[str] = frozenset()
    applications: dict[str, Application] = field(default_factory=dict)
    """By client_id."""
    erased: bool = False


def decide(user: User | None, command: Command, *, id_of: Callable[[str], str]) -> list[Event]:
    """The events that follow from a command. `id_of`: the id that belongs to a login."""
    if isinstance(command, RegisterUser):
        return _register(user, command, id_of)
    if user is None or user.erased:
        return [_refused(command, "unknown-user", "there is no such user")]
    match command:
        case ChangePassword():
            return _change_password(user, command)
        case ChangeProfile():
            return _change_profile(user, command)
        case GrantRole() | RevokeRole():
            return _change_role(user, command)
        case EraseUser():
            return _erase(user, command)
        case RegisterApplication():
            return _register_application(user, command)
        case RotateApplicationSecret() | DeleteApplication():
            return _change_application(user, command)
    return []


def evolve(user: User | None, event: Event) -> User | None:
    """The state after an event."""
    if isinstance(event, UserRegistered):
        return User(
            login=event.login,
            display_name=event.display_name,
            key_id=event.key_id,
            sealed_email=event.sealed_email,
        )
    if user is None:
        return None
    match event:
        case ProfileChanged():
            return replace(
                user,
                display_name=event.display_name,
                description=event.description,
                sealed_email=event.sealed_email,
            )
        case RoleGranted() | RoleRevoked():
            return replace(user, roles=frozenset(event.roles))
        case ApplicationRegistered():
            added = {event.client_id: Application(event.confidential)}
            return replace(user, applications=user.applications | added)
        case ApplicationDeleted():
            left = {key: app for key, app in user.applications.items() if key != event.client_id}
            return replace(user, applications=left)
        case UserErased():
            return User(login=user.login, display_name="", key_id="", erased=True)
    return user


def _register(user: User | None, command: RegisterUser, id_of: Callable[[str], str]) -> list[Event]:
    wrong = _wrong_registration(user, command, id_of)
    if wrong is not None:
        return [wrong, *_unused_key(user, command)]
    return [
        UserRegistered(
            user_id=command.user_id,
            login=command.login,
            display_name=command.display_name,
            key_id=command.key_id,
            sealed_password=command.sealed_password,
            sealed_email=command.sealed_email,
            sealed_address=command.sealed_address,
            by_user_id=command.by_user_id,
        )
    ]


def _unused_key(user: User | None, command: RegisterUser) -> list[Event]:
    """A data key that came with a refused registration seals nothing: nobody is to have it.

    Only keys made for this very user_id, and never the one that the user's fields need.
    """
    in_use = user is not None and command.key_id == user.key_id
    if in_use or not _is_key_of(command.key_id, command.user_id):
        return []
    return [_released(command, command.key_id, "registration-refused")]


def _wrong_registration(
    user: User | None, command: RegisterUser, id_of: Callable[[str], str]
) -> AccountCommandRefused | None:
    if not _LOGIN.fullmatch(command.login):
        text = "login must be 3 to 25 characters of a-z, 0-9, _"
        return _refused(command, "invalid-login", text)
    if command.user_id != id_of(command.login):
        return _refused(command, "invalid-user-id", "user_id must follow from the login")
    if not _is_display_name(command.display_name):
        return _refused(command, "invalid-display-name", _DISPLAY_NAME_RULE)
    if not _is_key_of(command.key_id, command.user_id):
        text = "key_id must be user_id, a dot, and 16 hexadecimal digits"
        return _refused(command, "invalid-key", text)
    sealed = (command.sealed_password, command.sealed_email, command.sealed_address)
    if not all(_is_sealed(value, command.key_id) for value in sealed):
        return _refused(command, "not-sealed", _SEALED_RULE)
    if user is not None and command.key_id == user.key_id:
        return _refused(command, "already-registered", "this registration was accepted before")
    if user is not None:
        return _refused(command, "login-taken", f"the login {command.login} is taken")
    if command.channel_exists and command.by_user_id is None:
        text = f"there is a channel {command.login}: only an operator may give it to someone"
        return _refused(command, "name-in-use", text)
    return None


def _change_password(user: User, command: ChangePassword) -> list[Event]:
    if not _is_sealed(command.sealed_password, user.key_id):
        return [_refused(command, "not-sealed", _SEALED_RULE)]
    return [
        PasswordChanged(
            user_id=command.user_id,
            sealed_password=command.sealed_password,
            keep_grant_id=command.keep_grant_id,
        )
    ]


def _change_profile(user: User, command: ChangeProfile) -> list[Event]:
    name = user.display_name if command.display_name is None else command.display_name
    description = user.description if command.description is None else command.description
    email = user.sealed_email if command.sealed_email is None else command.sealed_email
    if not _is_display_name(name):
        return [_refused(command, "invalid-display-name", _DISPLAY_NAME_RULE)]
    if len(description) > DESCRIPTION_LENGTH:
        text = f"description may have {DESCRIPTION_LENGTH} characters"
        return [_refused(command, "description-too-long", text)]
    if not _is_sealed(email, user.key_id):
        return [_refused(command, "not-sealed", _SEALED_RULE)]
    return [
        ProfileChanged(
            user_id=command.user_id,
            display_name=name,
            description=description,
            sealed_email=email,
        )
    ]


def _change_role(user: User, command: GrantRole | RevokeRole) -> list[Event]:
    if command.role not in ROLES:
        text = f"role must be one of {', '.join(sorted(ROLES))}"
        return [_refused(command, "unknown-role", text)]
    if isinstance(command, GrantRole):
        return [
            RoleGranted(
                user_id=command.user_id,
                role=command.role,
                roles=sorted(user.roles | {command.role}),
                by_user_id=command.by_user_id,
            )
        ]
    return [
        RoleRevoked(
            user_id=command.user_id,
            role=command.role,
            roles=sorted(user.roles - {command.role}),
            by_user_id=command.by_user_id,
        )
    ]


def _erase(user: User, command: EraseUser) -> list[Event]:
    """What is shown of the user goes by events of its own; the key goes last."""
    return [
        *(
            ApplicationDeleted(user_id=command.user_id, client_id=client_id)
            for client_id in user.applications
        ),
        UserErased(user_id=command.user_id, login=user.login, by_user_id=command.by_user_id),
        _released(command, user.key_id, "user-erased"),
    ]


def _register_application(user: User, command: RegisterApplication) -> list[Event]:
    wrong = _wrong_application(user, command)
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


def _wrong_application(user: User, command: RegisterApplication) -> AccountCommandRefused | None:
    if not _CLIENT_ID.fullmatch(command.client_id):
        text = "client_id must be 20 to 40 characters of a-z, 0-9"
        return _refused(command, "invalid-client-id", text)
    if command.client_id in user.applications:
        return _refused(command, "client-id-taken", "there is an application of this client_id")
    if len(user.applications) >= APPLICATIONS:
        text = f"a user may have {APPLICATIONS} applications"
        return _refused(command, "too-many-applications", text)
    if not 1 <= len(command.name.strip()) <= len(command.name) <= APPLICATION_NAME_LENGTH:
        text = f"name must have 1 to {APPLICATION_NAME_LENGTH} characters"
        return _refused(command, "invalid-name", text)
    if len(command.redirect_uris) > REDIRECT_URIS:
        text = f"an application may have {REDIRECT_URIS} redirect_uris"
        return _refused(command, "too-many-redirect-uris", text)
    for uri in command.redirect_uris:
        if len(uri) > REDIRECT_URI_LENGTH or not _REDIRECT_URI.fullmatch(uri):
            text = "a redirect URI must be https://…, or http://localhost…, without a fragment"
            return _refused(command, "invalid-redirect-uri", text)
    if command.confidential != (command.secret_digest is not None):
        text = "an application has a secret if it is confidential, and only then"
        return _refused(command, "invalid-secret", text)
    if command.secret_digest is not None and not _DIGEST.fullmatch(command.secret_digest):
        return _refused(command, "invalid-secret", "secret_digest must be 64 hexadecimal digits")
    return None


def _change_application(
    user: User, command: RotateApplicationSecret | DeleteApplication
) -> list[Event]:
    application = user.applications.get(command.client_id)
    if application is None:
        return [_refused(command, "unknown-application", "the user has no such application")]
    if isinstance(command, DeleteApplication):
        return [ApplicationDeleted(user_id=command.user_id, client_id=command.client_id)]
    if not application.confidential:
        return [_refused(command, "public-application", "a public application has no secret")]
    if not _DIGEST.fullmatch(command.secret_digest):
        text = "secret_digest must be 64 hexadecimal digits"
        return [_refused(command, "invalid-secret", text)]
    return [
        ApplicationSecretRotated(
            user_id=command.user_id,
            client_id=command.client_id,
            secret_digest=command.secret_digest,
        )
    ]


_DISPLAY_NAME_RULE = f"display_name must have 1 to {DISPLAY_NAME_LENGTH} printable characters"
_SEALED_RULE = "personal fields must be sealed with the user's data key"


def _is_display_name(name: str) -> bool:
    return 1 <= len(name.strip()) <= len(name) <= DISPLAY_NAME_LENGTH and name.isprintable()


def _is_key_of(key_id: str, user_id: str) -> bool:
    found = _KEY_ID.fullmatch(key_id)
    return found is not None and found[1] == user_id


def _is_sealed(value: str | None, key_id: str) -> bool:
    """Whether a value is none, or sealed with that key: clear text gets no further than here."""
    if value is None:
        return True
    found = _SEALED.fullmatch(value) if len(value) <= SEALED_LENGTH else None
    return found is not None and found[1] == key_id


def _released(command: Command, key_id: str, reason: str) -> UserKeyReleased:
    return UserKeyReleased(user_id=command.user_id, key_id=key_id, reason=reason)


def _refused(command: Command, reason: str, detail: str) -> AccountCommandRefused:
    return AccountCommandRefused(
        user_id=command.user_id, command=command.FULL_NAME, reason=reason, detail=detail
    )

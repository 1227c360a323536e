"""Users and their applications: who is known, under which name, and when they are forgotten.

What is personal comes sealed with a data key of the user and stays so: no rule looks into it.
Every command is answered by an event. A user who was erased is never known again, and the login
is not given to anyone else: ids follow from logins, so another person would inherit the id.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agents.accounts.applications import (
    Application,
    change_application,
    register_application,
)
from agents.accounts.checks import (
    DISPLAY_NAME_RULE,
    SEALED_RULE,
    is_display_name,
    is_key_of,
    is_login,
    is_sealed,
    refused,
)
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

DESCRIPTION_LENGTH = 300
_COLOUR = re.compile(r"(#[0-9A-F]{6})?")
ROLES = frozenset({"partner", "affiliate", "operator", "service"})


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
        return [refused(command, "unknown-user", "there is no such user")]
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
            return [*register_application(user.applications, command)]
        case RotateApplicationSecret() | DeleteApplication():
            return [*change_application(user.applications, command)]
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
    if in_use or not is_key_of(command.key_id, command.user_id):
        return []
    return [_released(command, command.key_id, "registration-refused")]


def _wrong_registration(
    user: User | None, command: RegisterUser, id_of: Callable[[str], str]
) -> AccountCommandRefused | None:
    if not is_login(command.login):
        text = "login must be 3 to 25 characters of a-z, 0-9, _"
        return refused(command, "invalid-login", text)
    if command.user_id != id_of(command.login):
        return refused(command, "invalid-user-id", "user_id must follow from the login")
    if not is_display_name(command.display_name):
        return refused(command, "invalid-display-name", DISPLAY_NAME_RULE)
    if not is_key_of(command.key_id, command.user_id):
        text = "key_id must be user_id, a dot, and 16 hexadecimal digits"
        return refused(command, "invalid-key", text)
    sealed = (command.sealed_password, command.sealed_email, command.sealed_address)
    if not all(is_sealed(value, command.key_id) for value in sealed):
        return refused(command, "not-sealed", SEALED_RULE)
    if user is not None and command.key_id == user.key_id:
        return refused(command, "already-registered", "this registration was accepted before")
    if user is not None:
        return refused(command, "login-taken", f"the login {command.login} is taken")
    if command.channel_exists and command.by_user_id is None:
        text = f"there is a channel {command.login}: only an operator may give it to someone"
        return refused(command, "name-in-use", text)
    return None


def _change_password(user: User, command: ChangePassword) -> list[Event]:
    if not is_sealed(command.sealed_password, user.key_id):
        return [refused(command, "not-sealed", SEALED_RULE)]
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
    if not is_display_name(name):
        return [refused(command, "invalid-display-name", DISPLAY_NAME_RULE)]
    if len(description) > DESCRIPTION_LENGTH:
        text = f"description may have {DESCRIPTION_LENGTH} characters"
        return [refused(command, "description-too-long", text)]
    if not is_sealed(email, user.key_id):
        return [refused(command, "not-sealed", SEALED_RULE)]
    if command.colour is not None and not _COLOUR.fullmatch(command.colour):
        return [refused(command, "invalid-colour", "colour must be #RRGGBB, or empty")]
    return [
        ProfileChanged(
            user_id=command.user_id,
            display_name=name,
            description=description,
            sealed_email=email,
            colour=command.colour,
        )
    ]


def _change_role(user: User, command: GrantRole | RevokeRole) -> list[Event]:
    if command.role not in ROLES:
        text = f"role must be one of {', '.join(sorted(ROLES))}"
        return [refused(command, "unknown-role", text)]
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


def _released(command: Command, key_id: str, reason: str) -> UserKeyReleased:
    return UserKeyReleased(user_id=command.user_id, key_id=key_id, reason=reason)

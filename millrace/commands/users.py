"""Users and their roles, and the keys that tokens are signed with: `user`, `keys`."""

import asyncio
import sys
import uuid
from typing import Annotated, Final

import typer

from api.oauth2.keyring import known
from api.oauth2.signing_keys import SigningKeys
from infra.clock import SystemClock
from infra.errors import InvalidRecord, Refused
from infra.local.layout import Layout
from infra.local.master_key import keep_master_key, master_keys
from infra.names import id_of, is_name
from infra.passwords import Passwords
from infra.settings import KafkaSettings, LocalSettings
from millrace import asking, console
from millrace.connections import producer, stores
from schemas.records.accounts import (
    GrantRole,
    RegisterUser,
    RevokeRole,
    RoleGranted,
    RoleRevoked,
    UserKeyIssued,
    UserRegistered,
)
from sinks.reader import ViewReader

_PANEL: Final = "Users"
_CONTEXT: Final = "account"
Login = Annotated[str, typer.Argument(help="The user's name: 3 to 25 characters of a-z, 0-9, _.")]
Role = Annotated[str, typer.Argument(help="One of: operator, service, partner, affiliate.")]

user_app = typer.Typer(no_args_is_help=True, help="Users and their roles.")
keys_app = typer.Typer(no_args_is_help=True, help="The keys that seal and sign.")


def add_to(app: typer.Typer) -> None:
    """Add `user` and `keys`."""
    app.add_typer(user_app, name="user", rich_help_panel=_PANEL)
    app.add_typer(keys_app, name="keys", rich_help_panel=_PANEL)


@user_app.callback()
def _user() -> None:
    """Users and their roles."""


@keys_app.callback()
def _keys() -> None:
    """The master key, and the keys that tokens are signed with."""


@user_app.command()
def create(
    login: Login,
    email: Annotated[str, typer.Option(help="E-mail address; kept sealed.")] = "",
    take_channel: Annotated[
        bool, typer.Option(help="Give them the channel of that name, if there is one.")
    ] = False,
) -> None:
    """Make a user, who can then sign in at the pages.

    The password is asked for; where there is no terminal, it is the first line of the input.

    Example: millrace user create river
    """
    if not is_name(login):
        raise InvalidRecord("the name must be 3 to 25 characters of a-z, 0-9 and _")
    asyncio.run(_create(login, _password(), email, take_channel=take_channel))
    console.console.print(f"{login} can sign in.")


@user_app.command()
def grant(login: Login, role: Role) -> None:
    """Give a user a role of the platform.

    Example, for the first operator: millrace user grant river operator
    """
    user_id = id_of(login)
    _say_roles(login, GrantRole(user_id=user_id, role=role))


@user_app.command()
def revoke(login: Login, role: Role) -> None:
    """Take a role from a user.

    Example: millrace user revoke river operator
    """
    user_id = id_of(login)
    _say_roles(login, RevokeRole(user_id=user_id, role=role))


@keys_app.command()
def rotate(
    compromised: Annotated[
        bool, typer.Option(help="The keys were stolen: every token so far stops counting at once.")
    ] = False,
) -> None:
    """Make a new key to sign tokens with. It signs a minute later, when all gateways know it.

    Example: millrace keys rotate
    """
    asyncio.run(_rotate(compromised=compromised))


@keys_app.command()
def make() -> None:
    """Make this machine's master key, unless it is there or set. Losing it loses all that it seals.

    Example: millrace keys make
    """
    keep_master_key(Layout.of(LocalSettings()))
    console.console.print("There is a master key.")


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


async def _create(login: str, password: str, email: str, *, take_channel: bool) -> None:
    user_id, kafka = id_of(login), KafkaSettings()
    passwords = Passwords()
    try:
        hashed = await passwords.hash(password)
    finally:
        passwords.close()
    async with stores() as kept:
        exists = await ViewReader(kept).get("channels", login) is not None
    key, wrapped = master_keys().issue(user_id)
    issued_key = UserKeyIssued(key_id=key.key_id, user_id=user_id, wrapped_key=wrapped)
    command = RegisterUser(
        user_id=user_id,
        login=login,
        display_name=login,
        key_id=key.key_id,
        sealed_password=key.seal("password", hashed),
        sealed_email=key.seal("email", email) if email else None,
        channel_exists=exists and not take_channel,
    )
    try:
        await asking.ask(
            kafka.bootstrap,
            *(_CONTEXT, user_id, command, UserRegistered),
            before=(("user-keys", key.key_id, issued_key),),
        )
    except Refused as error:
        if error.reason == "name-in-use":
            text = f"{error}: add --take-channel to give it to them"
            raise Refused(error.reason, text) from error
        raise


def _say_roles(login: str, command: GrantRole | RevokeRole) -> None:
    bootstrap = KafkaSettings().bootstrap
    asked = asking.ask(bootstrap, _CONTEXT, command.user_id, command, RoleGranted, RoleRevoked)
    said = asyncio.run(asked)
    assert isinstance(said, RoleGranted | RoleRevoked)
    console.console.print(f"{login}: {', '.join(said.roles) or 'no roles'}")


async def _rotate(*, compromised: bool) -> None:
    master = master_keys()
    async with stores() as kept, producer("cli") as events:
        keys = SigningKeys(await known(ViewReader(kept)), master)
        for event in keys.replacement(SystemClock().now(), compromised=compromised):
            await events.send("signing-keys", event.kid, event, event_id=str(uuid.uuid4()))
            console.console.print(f"{event.FULL_NAME.rpartition('.')[2]} {event.kid}")

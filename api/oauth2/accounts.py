"""What people do with their account, as commands: sign up, sign in, other password, erasure."""

import re
import uuid
from typing import Final, NamedTuple

from api.deadline import standing_still
from api.oauth2.authority import ACCESS, ACCOUNTS, Authority
from api.oauth2.rows import CREDENTIALS, USER_KEYS, USERS, CredentialsRow, UserKeyRow, UserRow
from api.oauth2.secrets import digest_of, new_grant_id, new_secret
from api.oauth2.sessions import Session
from api.oauth2.standing import PAGES, row
from api.views import CHANNELS
from infra.errors import Refused
from infra.names import id_of, is_name
from infra.sealing import DataKey
from schemas.records.access import StartGrant, TokensIssued
from schemas.records.accounts import (
    ChangePassword,
    ChangeProfile,
    EraseUser,
    PasswordChanged,
    ProfileChanged,
    RegisterUser,
    UserErased,
    UserKeyIssued,
    UserRegistered,
)

LONGEST_EMAIL: Final = 254
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


class NewUser(NamedTuple):
    """Who signs up."""

    login: str
    display_name: str
    password: str
    email: str
    """Empty: none."""
    address: str
    """IP address; empty: not known."""


class Kept(NamedTuple):
    """What is kept sealed of a user, and the key that opens it."""

    row: CredentialsRow
    key: DataKey


async def register(mind: Authority, new: NewUser) -> str:
    """Make a user; returns the id. Raises Refused, Unavailable."""
    if not is_name(new.login):
        text = "A name has 3 to 25 characters: small letters, digits and _."
        raise Refused("invalid-login", text)
    _check_email(new.email)
    user_id = id_of(new.login)
    if await row(mind.views, USERS, user_id, UserRow) is not None:
        raise Refused("login-taken", f"The name {new.login} is taken. Choose another.")
    with standing_still():
        hashed = await mind.passwords.hash(new.password)
    exists = await mind.views.get(CHANNELS, new.login) is not None
    key, wrapped = mind.master.issue(user_id)
    issued = UserKeyIssued(key_id=key.key_id, user_id=user_id, wrapped_key=wrapped)
    await mind.say("user-keys", key.key_id, issued)
    command = RegisterUser(
        user_id=user_id,
        login=new.login,
        display_name=new.display_name or new.login,
        key_id=key.key_id,
        sealed_password=key.seal("password", hashed),
        sealed_email=key.seal("email", new.email) if new.email else None,
        sealed_address=key.seal("address", new.address) if new.address else None,
        channel_exists=exists,
    )
    await mind.ask(ACCOUNTS, user_id, command, PAGES, UserRegistered)
    return user_id


async def recognised(mind: Authority, login: str, password: str) -> UserRow | None:
    """The user with this login and password, or None, which takes as long. Raises Unavailable."""
    user_id = id_of(login)
    user = await row(mind.views, USERS, user_id, UserRow) if is_name(login) else None
    found = await kept(mind, user_id) if user else None
    hashed = found.key.open("password", found.row.sealed_password) if found else None
    with standing_still():
        verdict = await mind.passwords.verify(hashed, password)
    return user if verdict.right else None


async def kept(mind: Authority, user_id: str) -> Kept | None:
    """What is kept sealed of a user; None once they were erased. Raises Unavailable."""
    found = await row(mind.views, CREDENTIALS, user_id, CredentialsRow)
    key = await row(mind.views, USER_KEYS, found.key_id, UserKeyRow) if found else None
    if found is None or key is None:
        return None
    return Kept(found, mind.master.unwrap(key.key_id, user_id, key.wrapped_key))


async def begin_session(mind: Authority, user_id: str, user_agent: str) -> str:
    """Begin a session of our own pages; returns its grant. Raises CommandRefused, Unavailable.

    Its refresh token is thrown away: the session goes by the cookie, for as long as the grant.
    """
    grant_id = new_grant_id()
    command = StartGrant(
        subject_id=user_id,
        grant_id=grant_id,
        client_id=PAGES,
        confidential=False,
        user_id=user_id,
        flow="sign_in",
        scopes=[],
        token_id=str(uuid.uuid4()),
        new_refresh_digest=digest_of(new_secret(user_id, grant_id)),
        description=described(user_agent),
    )
    await mind.ask(ACCESS, user_id, command, PAGES, TokensIssued)
    return grant_id


async def change_password(mind: Authority, session: Session, before: str, after: str) -> None:
    """Set another password; all other sessions and applications end. Raises Refused."""
    user_id = session.user.user_id
    found = await _proved(mind, session, before)
    with standing_still():
        hashed = await mind.passwords.hash(after)
    command = ChangePassword(
        user_id=user_id,
        sealed_password=found.key.seal("password", hashed),
        keep_grant_id=session.grant_id,
    )
    await mind.ask(ACCOUNTS, user_id, command, PAGES, PasswordChanged)


async def change_profile(
    mind: Authority, session: Session, display_name: str, email: str, password: str
) -> None:
    """Change what others call a user, and the e-mail address, which needs the password.

    Raises Refused.
    """
    user_id = session.user.user_id
    _check_email(email)
    found = await kept(mind, user_id)
    if found is not None and email != email_of(found):
        found = await _proved(mind, session, password)
    command = ChangeProfile(
        user_id=user_id,
        display_name=display_name,
        sealed_email=found.key.seal("email", email) if found else None,
    )
    await mind.ask(ACCOUNTS, user_id, command, PAGES, ProfileChanged)


def email_of(found: Kept) -> str:
    """The e-mail address; empty: none."""
    sealed = found.row.sealed_email
    return found.key.open("email", sealed) if sealed else ""


def _check_email(email: str) -> None:
    """Raises Refused for one that is none; empty is one that is not given."""
    if email and (len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email)):
        raise Refused("invalid-email", "That is not an e-mail address.")


async def erase(mind: Authority, session: Session, password: str) -> None:
    """Forget a user for good. Raises Refused."""
    user_id = session.user.user_id
    await _proved(mind, session, password)
    command = EraseUser(user_id=user_id, by_user_id=user_id)
    await mind.ask(ACCOUNTS, user_id, command, PAGES, UserErased)


async def _proved(mind: Authority, session: Session, password: str) -> Kept:
    """What is kept of a user who shows the password once more. Raises Refused."""
    await mind.spend("sign-in-login", SIGN_INS_A_LOGIN, session.user.login)
    found = await kept(mind, session.user.user_id)
    hashed = found.key.open("password", found.row.sealed_password) if found else None
    with standing_still():
        verdict = await mind.passwords.verify(hashed, password)
    if found is None or not verdict.right:
        raise Refused("wrong-password", "The password is wrong.")
    return found


SIGN_INS_A_LOGIN: Final = 10
"""Attempts a minute under one login, right or wrong, known or not."""
SIGN_INS_AN_ADDRESS: Final = 20
"""Attempts a minute from one address (IPv6: /64)."""
SIGN_UPS_AN_ADDRESS: Final = 6
"""New users a minute from one address."""


def described(user_agent: str) -> str:
    """Browser and system, for the owner of a session."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser

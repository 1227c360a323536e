"""Given these events, this command yields those events: the rules of users and applications."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.accounts.applications import APPLICATIONS
from agents.accounts.model import Command, Event, User, decide, evolve
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

USER = "58d4b5b1-9f3a-5c7e-8a55-2f6c0e9d4b11"
KEY, OTHER_KEY = f"{USER}.0f3d9c1e7a524b86", f"{USER}.ffffffffffffffff"
DIGEST = "0" * 64
CLIENT = "a" * 30


def sealed(key: str = KEY, text: str = "AAAA") -> str:
    return f"s1.{key}.{text}"


def register(**changes: object) -> RegisterUser:
    key = changes.get("key_id", KEY)
    said = {
        "user_id": USER,
        "login": "river",
        "display_name": "River",
        "key_id": key,
        "sealed_password": sealed(key),
        "sealed_email": sealed(key),
        "channel_exists": False,
    }
    return RegisterUser(**(said | changes))


def password(text: str = "BBBB", key: str = KEY) -> ChangePassword:
    return ChangePassword(user_id=USER, sealed_password=sealed(key, text))


def application(**changes: object) -> RegisterApplication:
    said = {
        "user_id": USER,
        "client_id": CLIENT,
        "name": "Overlay",
        "redirect_uris": ["http://localhost:17563"],
        "confidential": True,
        "secret_digest": DIGEST,
    }
    return RegisterApplication(**(said | changes))


ERASE = EraseUser(user_id=USER, by_user_id=USER)


def run(*commands: Command) -> tuple[User | None, list[Event]]:
    """The state after commands, and the events of the last one."""
    user: User | None = None
    events: list[Event] = []
    for command in commands:
        events = decide(user, command, id_of=lambda login: USER if login == "river" else "other")
        for event in events:
            user = evolve(user, event)
    return user, events


def test_who_is_first_has_the_login():
    assert run(register())[1] == [
        UserRegistered(
            user_id=USER,
            login="river",
            display_name="River",
            key_id=KEY,
            sealed_password=sealed(),
            sealed_email=sealed(),
        )
    ]


def test_who_is_second_is_refused_and_their_key_is_released():
    before, _ = run(register())
    after, events = run(register(), register(key_id=OTHER_KEY))
    assert [type(event) for event in events] == [AccountCommandRefused, UserKeyReleased]
    assert events[0].reason == "login-taken"
    assert (events[1].key_id, events[1].reason) == (OTHER_KEY, "registration-refused")
    assert after == before


def test_a_registration_said_twice_does_not_release_the_key_in_use():
    assert [event.reason for event in run(register(), register())[1]] == ["already-registered"]


def test_a_refusal_releases_no_key_of_another_user():
    foreign = "11111111-1111-1111-1111-111111111111.0f3d9c1e7a524b86"
    events = run(register(key_id=foreign, sealed_password=sealed(foreign)))[1]
    assert [event.reason for event in events] == ["invalid-key"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (register(login="no spaces"), "invalid-login"),
        (register(login="lake"), "invalid-user-id"),
        (register(display_name=" "), "invalid-display-name"),
        (register(display_name="x" * 26), "invalid-display-name"),
        (register(display_name="a\u202eb"), "invalid-display-name"),
        (register(sealed_password="secret"), "not-sealed"),
        (register(sealed_email="river@example.org"), "not-sealed"),
        (register(sealed_address="192.0.2.1"), "not-sealed"),
        (register(sealed_email=sealed(OTHER_KEY)), "not-sealed"),
        (register(sealed_email=sealed(text="A" * 2001)), "not-sealed"),
        (register(channel_exists=True), "name-in-use"),
    ],
)
def test_a_registration_that_breaks_a_rule(command: RegisterUser, reason: str):
    user, events = run(command)
    assert user is None
    assert [type(event) for event in events] == [AccountCommandRefused, UserKeyReleased]
    assert events[0].reason == reason


def test_an_operator_gives_a_channel_to_someone():
    assert isinstance(run(register(channel_exists=True, by_user_id="op"))[1][0], UserRegistered)


def test_a_password_and_a_profile_change():
    kept = ChangePassword(user_id=USER, sealed_password=sealed(), keep_grant_id="g")
    assert run(register(), kept)[1] == [
        PasswordChanged(user_id=USER, sealed_password=sealed(), keep_grant_id="g")
    ]
    assert run(register(), ChangeProfile(user_id=USER, description="Water."))[1] == [
        ProfileChanged(
            user_id=USER, display_name="River", description="Water.", sealed_email=sealed()
        )
    ]


def test_a_colour_is_one_of_six_digits_or_none():
    for colour in ("#0A1B2C", ""):
        (changed,) = run(register(), ChangeProfile(user_id=USER, colour=colour))[1]
        assert isinstance(changed, ProfileChanged)
        assert changed.colour == colour
    (refused,) = run(register(), ChangeProfile(user_id=USER, colour="blue"))[1]
    assert isinstance(refused, AccountCommandRefused)
    assert refused.reason == "invalid-colour"


def test_roles_are_said_whole():
    def grant(role: str) -> GrantRole:
        return GrantRole(user_id=USER, role=role)

    assert run(register(), grant("partner"), grant("operator"))[1] == [
        RoleGranted(user_id=USER, role="operator", roles=["operator", "partner"])
    ]
    assert run(register(), grant("partner"), RevokeRole(user_id=USER, role="partner"))[1] == [
        RoleRevoked(user_id=USER, role="partner", roles=[])
    ]


def test_an_application_is_registered_rotated_and_deleted():
    assert [type(event) for event in run(register(), application())[1]] == [ApplicationRegistered]
    rotate = RotateApplicationSecret(user_id=USER, client_id=CLIENT, secret_digest="1" * 64)
    assert [type(event) for event in run(register(), application(), rotate)[1]] == [
        ApplicationSecretRotated
    ]
    delete = DeleteApplication(user_id=USER, client_id=CLIENT)
    assert run(register(), application(), delete)[1] == [
        ApplicationDeleted(user_id=USER, client_id=CLIENT)
    ]
    again = run(register(), application(), delete, delete)[1]
    assert [event.reason for event in again] == ["unknown-application"]


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        ((password(),), "unknown-user"),
        ((register(), password(key=OTHER_KEY)), "not-sealed"),
        ((register(), ChangeProfile(user_id=USER, display_name="")), "invalid-display-name"),
        ((register(), ChangeProfile(user_id=USER, description="x" * 301)), "description-too-long"),
        ((register(), ChangeProfile(user_id=USER, sealed_email="a@b")), "not-sealed"),
        ((register(), GrantRole(user_id=USER, role="god")), "unknown-role"),
        ((register(), application(client_id="short")), "invalid-client-id"),
        ((register(), application(), application()), "client-id-taken"),
        ((register(), application(name="")), "invalid-name"),
        ((register(), application(redirect_uris=["https://a.example/"] * 11)),
         "too-many-redirect-uris"),
        ((register(), application(secret_digest=None)), "invalid-secret"),
        ((register(), application(confidential=False)), "invalid-secret"),
        ((register(), application(secret_digest="secret")), "invalid-secret"),
        ((register(), application(confidential=False, secret_digest=None),
          RotateApplicationSecret(user_id=USER, client_id=CLIENT, secret_digest=DIGEST)),
         "public-application"),
        ((register(), ERASE, password()), "unknown-user"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named_and_changes_nothing(commands: tuple[Command, ...], reason: str):
    before, _ = run(*commands[:-1])
    after, events = run(*commands)
    assert [type(event) for event in events] == [AccountCommandRefused]
    assert events[0].reason == reason
    assert after == before


@pytest.mark.parametrize(
    "uri",
    ["http://evil.example/", "https://a.example/#here", "javascript:alert(1)", "https://a b/",
     "https://user@a.example/", "//a.example", "http://localhost.evil.example/", ""],
)  # fmt: skip
def test_an_address_that_a_sign_in_may_not_return_to(uri: str):
    events = run(register(), application(redirect_uris=[uri]))[1]
    assert [event.reason for event in events] == ["invalid-redirect-uri"]


def test_an_erased_user_leaves_nothing_but_the_login_and_never_comes_back():
    user, events = run(register(), application(), ERASE)
    assert events == [
        ApplicationDeleted(user_id=USER, client_id=CLIENT),
        UserErased(user_id=USER, login="river", by_user_id=USER),
        UserKeyReleased(user_id=USER, key_id=KEY, reason="user-erased"),
    ]
    assert user == User(login="river", display_name="", key_id="", erased=True)
    again = run(register(), ERASE, register(key_id=OTHER_KEY))[1]
    assert [event.reason for event in again] == ["login-taken", "registration-refused"]


def test_there_is_an_end_to_applications():
    many = [application(client_id=f"{n:030}") for n in range(APPLICATIONS + 1)]
    assert [event.reason for event in run(register(), *many)[1]] == ["too-many-applications"]


commands = st.sampled_from(
    [
        register(),
        register(key_id=OTHER_KEY),
        password(),
        ChangeProfile(user_id=USER, description="d"),
        GrantRole(user_id=USER, role="partner"),
        RevokeRole(user_id=USER, role="partner"),
        application(),
        DeleteApplication(user_id=USER, client_id=CLIENT),
        ERASE,
    ]
)


@given(st.lists(commands, max_size=40))
def test_every_command_is_answered_and_every_key_is_in_use_or_released(steps: list[Command]):
    user: User | None = None
    in_use: str | None = None
    for command in steps:
        events = decide(user, command, id_of=lambda login: USER)
        assert events
        for event in events:
            user = evolve(user, event)
            match event:
                case UserRegistered():
                    assert in_use is None
                    in_use = event.key_id
                case UserKeyReleased(reason="user-erased"):
                    assert event.key_id == in_use
                    in_use = None
                case UserKeyReleased():
                    assert event.key_id != in_use
        assert (user.key_id or None if user else None) == in_use

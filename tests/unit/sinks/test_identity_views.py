"""What the views of users, applications, grants and channels show after given events."""

from schemas.records.access import (
    GrantRevoked,
    GrantStarted,
    SigningKeyIssued,
    SigningKeyRetired,
    TokensIssued,
)
from schemas.records.accounts import (
    ApplicationDeleted,
    ApplicationRegistered,
    ApplicationSecretRotated,
    PasswordChanged,
    ProfileChanged,
    RoleGranted,
    RoleRevoked,
    UserErased,
    UserKeyDestroyed,
    UserKeyIssued,
    UserRegistered,
)
from schemas.records.identity import (
    ChannelErased,
    ChannelRegistered,
    ChannelUpdated,
    ModeratorAdded,
    ModeratorRemoved,
)
from tests.unit.sinks.test_views import shown

REGISTERED = UserRegistered(
    user_id="u",
    login="river",
    display_name="River",
    key_id="k",
    sealed_password="s1.k.A",
    sealed_email="s1.k.B",
    sealed_address="s1.k.C",
)
PROFILE = ProfileChanged(
    user_id="u", display_name="RIVER", description="Water.", sealed_email="s1.k.D"
)
ERASED = UserErased(user_id="u", login="river")
APPLICATION = ApplicationRegistered(
    user_id="u",
    client_id="app",
    name="Overlay",
    redirect_uris=["http://localhost:1", "https://a.example/"],
    confidential=True,
    secret_digest="d",
)
STARTED = GrantStarted(
    subject_id="u",
    grant_id="g",
    client_id="app",
    user_id="u",
    flow="sign_in",
    scopes=["a", "b"],
    description="Firefox",
)
TOKENS = TokensIssued(
    subject_id="u",
    grant_id="g",
    client_id="app",
    user_id="u",
    token_id="t",
    scopes=["a"],
    refresh_digest="r",
    access_expires_at=9,
)
REVOKED = GrantRevoked(subject_id="u", grant_id="g", client_id="app", user_id="u", reason="r")


def test_a_user_is_seen_without_what_is_personal() -> None:
    granted = RoleGranted(user_id="u", role="partner", roles=["operator", "partner"])
    revoked = RoleRevoked(user_id="u", role="operator", roles=["partner"])
    assert shown("users", REGISTERED) == {
        ("u",): {
            "login": "river",
            "display_name": "River",
            "description": "",
            "roles": "",
            "registered_at": 0,
        }
    }
    (row,) = shown("users", REGISTERED, PROFILE, granted, revoked).values()
    assert (row["display_name"], row["description"], row["roles"]) == (
        "RIVER",
        "Water.",
        "partner",
    )
    assert "s1." not in str(row)
    assert shown("users", REGISTERED, PROFILE, ERASED) == {}


def test_credentials_are_sealed_and_go_with_their_user() -> None:
    changed = PasswordChanged(user_id="u", sealed_password="s1.k.E")
    assert shown("credentials", REGISTERED, PROFILE, changed) == {
        ("u",): {"key_id": "k", "sealed_password": "s1.k.E", "sealed_email": "s1.k.D"}
    }
    assert shown("credentials", REGISTERED, changed, ERASED) == {}


def test_a_destroyed_key_is_gone() -> None:
    issued = UserKeyIssued(key_id="k", user_id="u", wrapped_key="w1.m.A")
    assert shown("user-keys", issued) == {("k",): {"user_id": "u", "wrapped_key": "w1.m.A"}}
    assert shown("user-keys", issued, UserKeyDestroyed(key_id="k", user_id="u")) == {}


def test_an_application_is_found_by_its_id_and_by_its_owner() -> None:
    rotated = ApplicationSecretRotated(user_id="u", client_id="app", secret_digest="e")
    deleted = ApplicationDeleted(user_id="u", client_id="app")
    assert shown("applications", APPLICATION, rotated) == {
        ("app",): {
            "user_id": "u",
            "name": "Overlay",
            "redirect_uris": "http://localhost:1 https://a.example/",
            "confidential": True,
            "secret_digest": "e",
        }
    }
    assert shown("applications-by-user", APPLICATION, rotated) == {
        ("u", "app"): {"name": "Overlay", "registered_at": 0}
    }
    for view in ("applications", "applications-by-user"):
        assert shown(view, APPLICATION, rotated, deleted) == {}


def test_a_grant_is_pending_then_active_then_gone() -> None:
    (pending,) = shown("grants", STARTED).values()
    assert pending["state"] == "pending"
    assert shown("grants", STARTED, TOKENS) == {
        ("g",): {
            "subject_id": "u",
            "client_id": "app",
            "user_id": "u",
            "scopes": "a b",
            "state": "active",
        }
    }
    assert shown("grants-by-subject", STARTED, TOKENS) == {
        ("u", "g"): {
            "client_id": "app",
            "flow": "sign_in",
            "scopes": "a b",
            "description": "Firefox",
            "started_at": 0,
            "used_at": 1,
        }
    }
    for view in ("grants", "grants-by-subject"):
        assert shown(view, STARTED, TOKENS, REVOKED) == {}


def test_a_retired_signing_key_is_gone() -> None:
    issued = SigningKeyIssued(
        kid="k",
        public_jwk="{}",
        sealed_private_jwk="p1.m.A",
        signs_from=1,
        signs_until=2,
        verifies_until=3,
    )
    (row,) = shown("signing-keys", issued).values()
    assert row["verifies_until"] == 3
    assert shown("signing-keys", issued, SigningKeyRetired(kid="k", reason="expired")) == {}


def test_a_channel_shows_language_and_tags_until_it_is_erased() -> None:
    opened = ChannelRegistered(channel_id="c", name="river", title="", category="")
    updated = ChannelUpdated(
        channel_id="c", name="river", title="t", category="g", language="en", tags=["a", "b"]
    )
    before_them = ChannelUpdated(channel_id="c", name="river", title="x", category="g")
    erased = ChannelErased(channel_id="c", name="river")
    for view in ("channels", "channels-by-id"):
        (row,) = shown(view, opened, updated, before_them).values()
        assert (row["title"], row["language"], row["tags"]) == ("x", "en", "a b")
        assert shown(view, opened, updated, erased) == {}


def test_moderators_of_a_channel() -> None:
    added = [ModeratorAdded(channel_id="c", user_id=user) for user in ("m", "n")]
    removed = ModeratorRemoved(channel_id="c", user_id="m")
    assert shown("moderators", *added, removed) == {("c", "n"): {"since": 1}}

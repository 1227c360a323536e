"""Given these events, this command yields those events: the rules of OAuth 2 grants."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.access.model import (
    ACCESS_LIFETIME,
    CODE_LIFETIME,
    GRANTS,
    REFRESH_LIFETIME,
    USED_TOKENS,
    Command,
    Event,
    Subject,
    decide,
    evolve,
)
from schemas.records.access import (
    GrantRefused,
    GrantRevoked,
    GrantsRevoked,
    GrantStarted,
    RedeemCode,
    RefreshTokens,
    RevokeGrant,
    RevokeGrants,
    StartGrant,
    TokensIssued,
)
from schemas.records.clock import Tick

SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CODE = "c" * 64


def digest(number: int) -> str:
    return f"{number:016x}" + "0" * 48


def start(grant: str = "g", **changes: object) -> StartGrant:
    said = {
        "subject_id": "u",
        "grant_id": grant,
        "client_id": "app",
        "confidential": True,
        "user_id": "u",
        "flow": "authorization_code",
        "scopes": ["chat:read", "clips:edit"],
        "code_digest": CODE,
        "redirect_uri": "http://localhost",
        "code_challenge": CHALLENGE,
    }
    return StartGrant(**(said | changes))


def app_start(grant: str = "g", **changes: object) -> StartGrant:
    return start(
        grant,
        **{
            "subject_id": "app",
            "user_id": None,
            "flow": "client_credentials",
            "code_digest": None,
            "redirect_uri": None,
            "code_challenge": None,
            "token_id": "t",
        }
        | changes,
    )


def sign_in(grant: str = "g", **changes: object) -> StartGrant:
    return app_start(
        grant,
        **{"subject_id": "u", "user_id": "u", "flow": "sign_in", "new_refresh_digest": digest(1)}
        | changes,
    )


def redeem(**changes: object) -> RedeemCode:
    said = {
        "subject_id": "u",
        "grant_id": "g",
        "client_id": "app",
        "code_digest": CODE,
        "redirect_uri": "http://localhost",
        "code_challenge": CHALLENGE,
        "token_id": "t1",
        "new_refresh_digest": digest(1),
    }
    return RedeemCode(**(said | changes))


def refresh(number: int, **changes: object) -> RefreshTokens:
    said = {
        "subject_id": "u",
        "grant_id": "g",
        "client_id": "app",
        "refresh_digest": digest(number),
        "new_refresh_digest": digest(number + 1),
        "token_id": f"t{number + 1}",
        "scopes": [],
    }
    return RefreshTokens(**(said | changes))


def run(*steps: Command | int) -> tuple[Subject, list[Event]]:
    """The state after commands, and the events of the last one. A number: seconds that pass."""
    subject, events, now = Subject(), [], NOW
    for step in steps:
        if isinstance(step, int):
            now += step * SECOND
            continue
        events = decide(subject, step, now=now, subject_id="u")
        for event in events:
            subject = evolve(subject, event, now=now)
    return subject, events


def reasons(events: list[Event]) -> list[str]:
    return [event.reason for event in events]


def test_a_grant_by_code_starts_without_tokens():
    assert run(start())[1] == [
        GrantStarted(
            subject_id="u",
            grant_id="g",
            client_id="app",
            user_id="u",
            flow="authorization_code",
            scopes=["chat:read", "clips:edit"],
            code_digest=CODE,
            redirect_uri="http://localhost",
            code_challenge=CHALLENGE,
            code_expires_at=NOW + CODE_LIFETIME,
        )
    ]


def test_a_code_is_redeemed_for_tokens():
    assert run(start(), redeem())[1] == [
        TokensIssued(
            subject_id="u",
            grant_id="g",
            client_id="app",
            user_id="u",
            token_id="t1",
            scopes=["chat:read", "clips:edit"],
            refresh_digest=digest(1),
            access_expires_at=NOW + ACCESS_LIFETIME,
            refresh_expires_at=NOW + REFRESH_LIFETIME,
        )
    ]


@pytest.mark.parametrize("first", [app_start(), sign_in()])
def test_without_a_code_tokens_are_issued_at_once(first: StartGrant):
    assert [type(event) for event in run(first)[1]] == [GrantStarted, TokensIssued]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((start(), redeem(), redeem()), "code-reused"),
        ((start(), redeem(), 3000, redeem()), "code-reused"),
        ((start(), 60, redeem()), "code-expired"),
        ((start(), redeem(client_id="other")), "code-misused"),
        ((start(), redeem(redirect_uri="http://localhost/")), "code-misused"),
        ((start(), redeem(redirect_uri=None)), "code-misused"),
        ((start(), redeem(code_challenge="x" * 43)), "code-misused"),
        ((start(), redeem(code_challenge=None)), "code-misused"),
        ((start(code_challenge=None), redeem()), "code-misused"),
        ((start(), redeem(), refresh(1), refresh(1)), "refresh-reused"),
        ((start(), redeem(), refresh(1), refresh(2), refresh(3), refresh(1)), "refresh-reused"),
        ((start(), redeem(), refresh(1, client_id="other")), "refresh-misused"),
        ((start(), redeem(), 30 * 86400, refresh(1)), "expired"),
    ],
)
def test_what_shows_theft_or_age_ends_the_grant(steps: tuple[Command | int, ...], reason: str):
    subject, events = run(*steps)
    assert [type(event) for event in events] == [GrantRevoked, GrantRefused]
    assert reasons(events) == [reason, reason]
    assert events[1].error == "invalid_grant"
    assert subject == Subject()


@pytest.mark.parametrize(
    ("steps", "error", "reason"),
    [
        ((redeem(),), "invalid_grant", "unknown-grant"),
        ((refresh(1),), "invalid_grant", "unknown-grant"),
        ((start(), redeem(code_digest="d" * 64)), "invalid_grant", "wrong-code"),
        ((start(), redeem(new_refresh_digest="secret")), "invalid_request", "invalid-digest"),
        ((start(), refresh(1)), "invalid_grant", "wrong-refresh-token"),
        ((start(), redeem(), refresh(7)), "invalid_grant", "wrong-refresh-token"),
        ((start(), redeem(), refresh(1, scopes=["admin"])), "invalid_scope", "scope-too-wide"),
        ((start(), redeem(), refresh(1, new_refresh_digest="x")), "invalid_request",
         "invalid-digest"),
        ((app_start(), redeem()), "invalid_grant", "wrong-code"),
        ((start(), RevokeGrant(subject_id="u", grant_id="g", client_id="b", reason="r")),
         "invalid_grant", "wrong-client"),
        ((start(), start()), "invalid_request", "grant-exists"),
        ((start(flow="implicit"),), "invalid_request", "unknown-flow"),
        ((start(flow="password"),), "invalid_request", "unknown-flow"),
        ((start(scopes=["a b"]),), "invalid_scope", "invalid-scope"),
        ((start(scopes=["x" * 99] * 21),), "invalid_scope", "too-many-scopes"),
        ((start(redirect_uri="x" * 501),), "invalid_request", "too-long"),
        ((start(subject_id="v"),), "invalid_request", "wrong-subject"),
        ((start(code_digest="plain"),), "invalid_request", "invalid-code"),
        ((start(token_id="t"),), "invalid_request", "invalid-code"),
        ((start(redirect_uri=None),), "invalid_request", "no-redirect-uri"),
        ((start(confidential=False, code_challenge=None),), "invalid_request", "pkce-required"),
        ((start(code_challenge="short"),), "invalid_request", "invalid-challenge"),
        ((app_start(confidential=False),), "unauthorized_client", "public-application"),
        ((app_start(new_refresh_digest=digest(1)),), "invalid_request", "invalid-tokens"),
        ((app_start(token_id=None),), "invalid_request", "no-token-id"),
        ((sign_in(new_refresh_digest=None),), "invalid_request", "invalid-session"),
        ((start(user_id=None, subject_id="app"),), "invalid_request", "no-user"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named_and_changes_nothing(
    steps: tuple[Command, ...], error: str, reason: str
):
    before, _ = run(*steps[:-1])
    after, events = run(*steps)
    assert [(event.error, event.reason) for event in events] == [(error, reason)]
    assert after == before


def test_refresh_tokens_rotate_and_keep_the_grant():
    subject, events = run(start(), redeem(), 3600, refresh(1, scopes=["chat:read"]))
    assert [type(event) for event in events] == [TokensIssued]
    assert events[0].scopes == ["chat:read"]
    assert events[0].refresh_expires_at == NOW + 3600 * SECOND + REFRESH_LIFETIME
    assert subject.grants["g"].refresh_digest == digest(2)
    assert subject.grants["g"].scopes == ("chat:read", "clips:edit")


def test_how_long_a_stolen_token_is_recognised():
    rotated = [refresh(n) for n in range(1, USED_TOKENS + 2)]
    assert reasons(run(start(), redeem(), *rotated, refresh(2))[1])[0] == "refresh-reused"
    assert reasons(run(start(), redeem(), *rotated, refresh(1))[1]) == ["wrong-refresh-token"]


def test_grants_end_when_asked():
    asked = RevokeGrant(subject_id="u", grant_id="g", reason="signed-out")
    subject, events = run(start(), redeem(), asked)
    assert [(type(event), event.reason) for event in events] == [(GrantRevoked, "signed-out")]
    assert subject == Subject()
    after = refresh(1)
    assert reasons(run(start(), redeem(), asked, after)[1]) == ["unknown-grant"]


def test_several_grants_end_at_once_but_the_one_that_asked():
    asked = RevokeGrants(subject_id="u", keep_grant_id="g", reason="password-changed")
    subject, events = run(start("g"), start("h"), sign_in("i"), asked)
    assert [type(event) for event in events] == [GrantRevoked, GrantRevoked, GrantsRevoked]
    assert events[2].count == 2
    assert subject.grants.keys() == {"g"}
    only = RevokeGrants(subject_id="u", client_id="none", reason="disconnected")
    assert run(start(), only)[1] == [GrantsRevoked(subject_id="u", count=0, reason="disconnected")]


def test_ticks_end_what_nobody_used():
    assert run(start(), 59, Tick())[1] == []
    assert reasons(run(start(), 60, Tick())[1]) == ["code-expired"]
    assert run(start(), redeem(), 86400, Tick())[1] == []
    assert reasons(run(start(), redeem(), 30 * 86400, Tick())[1]) == ["expired"]
    assert reasons(run(app_start(), 3600, Tick())[1]) == ["expired"]


def test_the_oldest_grant_makes_room():
    subject, events = run(*(sign_in(str(n)) for n in range(GRANTS + 1)))
    assert [type(event) for event in events] == [GrantRevoked, GrantStarted, TokensIssued]
    assert (events[0].grant_id, events[0].reason) == ("0", "too-many-grants")
    assert len(subject.grants) == GRANTS


def test_the_largest_subject_fits_into_a_row_of_the_journal():
    """A message may write 400 kB of rows."""
    long = "https://a.example/" + "x" * 482
    scopes = [f"{n:099}" for n in range(20)]
    subject, now = Subject(), NOW
    for n in range(GRANTS):
        grant = f"{n:036}"
        commands = [
            start(grant, scopes=scopes, redirect_uri=long),
            redeem(grant_id=grant, redirect_uri=long),
            *(refresh(one, grant_id=grant) for one in range(1, USED_TOKENS + 3)),
        ]
        for command in commands:
            for event in decide(subject, command, now=now, subject_id="u"):
                subject = evolve(subject, event, now=now)
    assert len(subject.grants) == GRANTS
    assert len(msgspec.msgpack.encode(subject)) < 400_000


commands = st.one_of(
    st.builds(start, st.sampled_from("gh")),
    st.builds(sign_in, st.sampled_from("gh")),
    st.builds(redeem, grant_id=st.sampled_from("gh"), code_digest=st.sampled_from([CODE, "d" * 64]),
              new_refresh_digest=st.integers(0, 4).map(digest)),
    st.builds(refresh, st.integers(0, 4), grant_id=st.sampled_from("gh")),
    st.just(RevokeGrants(subject_id="u", reason="r")),
    st.just(Tick()),
)  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 100_000), commands), max_size=50))
def test_no_code_and_no_refresh_token_is_worth_anything_twice(
    steps: list[tuple[int, Command]],
):
    """And what is said of a grant is said between its start and its end."""
    subject, now = Subject(), NOW
    open_grants: set[str] = set()
    spent: set[tuple[str, str]] = set()
    for wait, command in steps:
        now += wait * SECOND
        for event in decide(subject, command, now=now, subject_id="u"):
            subject = evolve(subject, event, now=now)
            match event:
                case GrantStarted():
                    assert event.grant_id not in open_grants
                    open_grants.add(event.grant_id)
                    spent = {one for one in spent if one[0] != event.grant_id}
                case TokensIssued():
                    assert event.grant_id in open_grants
                    match command:
                        case RedeemCode():
                            shown = (event.grant_id, "code")
                            assert shown not in spent
                            spent.add(shown)
                case GrantRevoked():
                    assert event.grant_id in open_grants
                    open_grants.discard(event.grant_id)
        assert subject.grants.keys() == open_grants

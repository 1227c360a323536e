"""Given a prediction and purses, this command yields these events; no point is lost or made."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engagement.payouts import refunds, share_of, shares
from agents.engagement.predictions import MOST_GRANTED, MOST_HELD, MOST_STAKED, WAITS, WELCOME
from agents.engagement.state import Purse, Stake
from schemas.records.chat import PredictionEnded, PredictionLocked, PredictionProgressed
from schemas.records.engagement import PointsGranted, PointsPaid, PointsStaked
from tests.unit.agents.engagement_commands import (
    END_PREDICTION,
    GRANT,
    LOCK,
    MODERATOR,
    NOW,
    PREDICTION,
    SECOND,
    VIEWER,
    Channels,
    changed,
    stake,
)


def running() -> tuple[Channels, list[str]]:
    """A prediction that runs, and its outcomes."""
    channels = Channels()
    return channels, [each.id for each in channels.one(PREDICTION).outcomes]


def held(channels: Channels) -> dict[str, int]:
    rows = channels.rows()["purses"].items()
    return {name.removeprefix("c|"): purse.points for name, purse in rows}


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (changed(PREDICTION, title="x" * 46), "invalid-title"),
        (changed(PREDICTION, outcomes=["one"]), "invalid-outcomes"),
        (changed(PREDICTION, outcomes=list("abcdefghijk")), "invalid-outcomes"),
        (changed(PREDICTION, seconds=29), "invalid-duration"),
        (changed(PREDICTION, seconds=1801), "invalid-duration"),
        (changed(PREDICTION, **VIEWER), "not-allowed"),
        (changed(LOCK, **VIEWER), "not-allowed"),
        (changed(END_PREDICTION, **VIEWER), "not-allowed"),
        (LOCK, "not-running"),
        (END_PREDICTION, "not-running"),
        (stake("o", 10), "not-running"),
        (stake("o", 10, "c"), "own-channel"),
        (stake("o", 10, banned=True), "banned"),
        (changed(GRANT, **MODERATOR), "not-allowed"),
        (changed(GRANT, user_id="c"), "own-channel"),
        (changed(GRANT, points=0), "invalid-points"),
        (changed(GRANT, points=MOST_GRANTED + 1), "invalid-points"),
        (changed(GRANT, reason="x" * 101), "invalid-points"),
    ],
)
def test_what_may_not_be_is_refused(command: Any, reason: str) -> None:
    assert Channels().refused(command) == reason


def test_points_come_with_the_first_prediction_once() -> None:
    channels, (short, *_) = running()
    assert channels.refused(stake(short, WELCOME + 1)) == "not-enough-points"
    assert held(channels) == {}
    granted, staked = channels.put(stake(short, 300))
    assert isinstance(granted, PointsGranted)
    assert (granted.cause, granted.points, granted.balance) == ("welcome", 1000, 1000)
    assert (staked.points, staked.staked, staked.balance) == (300, 300, 700)
    added = channels.one(stake(short, 200), at=1)
    assert (added.points, added.staked, added.balance) == (200, 500, 500)
    (told,) = channels.tick(1.5)
    assert (told.outcomes[0].users, told.outcomes[0].points) == (1, 500)
    channels.put(END_PREDICTION, at=2)
    channels.one(PREDICTION, at=3, command_id="q")
    assert held(channels) == {"u": 1000}


def test_one_outcome_a_user_and_not_after_the_lock() -> None:
    channels, (short, long, _) = running()
    channels.put(stake(short, 1))
    assert channels.refused(stake(long, 1)) == "other-outcome"
    assert channels.refused(stake("other", 1, "v")) == "unknown-outcome"
    assert channels.refused(stake(short, 0, "v")) == "invalid-points"
    assert channels.refused(stake(short, -5, "v")) == "invalid-points"
    assert channels.refused(stake(short, 1, "v"), at=60) == "locked"
    locked = channels.one(changed(LOCK, **MODERATOR), at=10)
    assert (locked.locked_at, locked.by_login) == (NOW + 10 * SECOND, "wanda")
    assert [(each.users, each.points) for each in locked.outcomes] == [(1, 1), (0, 0), (0, 0)]
    assert channels.refused(stake(short, 1), at=11) == "locked"
    assert channels.refused(LOCK, at=11) == "locked"


def test_nobody_stakes_or_is_given_too_much() -> None:
    channels, (short, *_) = running()
    for _ in range(3):
        channels.one(changed(GRANT, points=MOST_GRANTED))
    assert channels.refused(stake(short, MOST_STAKED + 1)) == "too-many-points"
    channels.put(stake(short, MOST_STAKED))
    assert channels.refused(stake(short, 1)) == "too-many-points"
    channels.tables.crowds.purses["c|v"] = Purse(MOST_HELD)
    assert channels.refused(changed(GRANT, user_id="v", points=1)) == "too-many-points"


def test_a_gift_is_no_welcome() -> None:
    channels, (short, *_) = running()
    gift = channels.one(GRANT)
    assert (gift.cause, gift.reason, gift.balance) == ("gift", "a drawing", 500)
    granted, staked = channels.put(stake(short, 1500))
    assert (granted.balance, staked.balance) == (1500, 0)


def test_time_locks_it_and_calls_it_off_in_the_end() -> None:
    channels, (short, *_) = running()
    channels.put(stake(short, 400))
    (told,) = channels.tick(2)
    assert isinstance(told, PredictionProgressed)
    (locked,) = channels.tick(60)
    assert isinstance(locked, PredictionLocked)
    assert locked.by_id == ""
    waits = WAITS / SECOND
    assert channels.tick(60 + waits - 1) == []
    ended, paid = channels.tick(60 + waits)
    assert isinstance(ended, PredictionEnded)
    assert (ended.result, ended.winning_outcome_id, ended.refunded) == ("cancelled", "", True)
    assert paid == PointsPaid(
        channel_id="c",
        prediction_id="p",
        user_id="u",
        staked=400,
        points=400,
        balance=1000,
        cause="refund",
    )
    rows = channels.rows()
    assert not any(kept for name, kept in rows.items() if name != "purses")


def test_who_was_right_shares_the_pool() -> None:
    channels, (short, long, _) = running()
    channels.put(stake(short, 100, "a"))
    channels.put(stake(short, 200, "b"))
    channels.put(stake(long, 501, "d"))
    ended, *paid = channels.put(changed(END_PREDICTION, winning_outcome_id=short), at=5)
    assert (ended.result, ended.pool, ended.refunded) == ("resolved", 801, False)
    assert [(each.user_id, each.points, each.cause) for each in paid] == [
        ("a", 267, "payout"),
        ("b", 534, "payout"),
    ]
    assert held(channels) == {"a": 1167, "b": 1334, "d": 499}
    assert channels.refused(END_PREDICTION, at=6) == "not-running"


def test_where_nobody_was_right_all_get_their_points_back() -> None:
    channels, (short, _, never) = running()
    channels.put(stake(short, 100, "a"))
    assert channels.refused(changed(END_PREDICTION, winning_outcome_id="x")) == "unknown-outcome"
    ended, paid = channels.put(changed(END_PREDICTION, winning_outcome_id=never))
    assert (ended.result, ended.refunded, paid.cause) == ("resolved", True, "refund")
    assert held(channels) == {"a": 1000}


def test_a_point_that_is_left_goes_to_who_lost_most_by_rounding() -> None:
    stakes = {user: Stake("o", 1) for user in "cab"} | {"z": Stake("other", 2)}
    found = shares(5, "o", stakes.items())
    got = {user: share_of(found, user, each) for user, each in stakes.items()}
    assert got == {"a": 2, "b": 2, "c": 1, "z": 0}
    uneven = {"a": Stake("o", 10), "b": Stake("o", 7)}
    found = shares(20, "o", uneven.items())  # 11.76 and 8.24
    assert [share_of(found, user, each) for user, each in uneven.items()] == [12, 8]


_STAKES = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4),
    st.tuples(st.sampled_from("xyz"), st.integers(1, MOST_STAKED)),
    min_size=1,
    max_size=40,
)


@given(_STAKES)
def test_shares_are_the_pool_and_fair(drawn: dict[str, tuple[str, int]]) -> None:
    stakes = {user: Stake(*each) for user, each in drawn.items()}
    pool = sum(each.points for each in stakes.values())
    found = shares(pool, "x", stakes.items())
    got = {user: share_of(found, user, each) for user, each in stakes.items()}
    assert sum(got.values()) == pool
    winners = {user: each.points for user, each in stakes.items() if each.outcome_id == "x"}
    if not winners:
        assert found == refunds(pool)
        return
    staked = sum(winners.values())
    for user, points in winners.items():
        assert 0 <= got[user] - points * pool // staked <= 1
        assert got[user] >= points
    ranked = sorted(winners, key=lambda user: winners[user])
    assert all(got[a] <= got[b] or winners[a] == winners[b] for a, b in pairwise(ranked))
    assert {user: 0 for user in stakes if user not in winners} == {
        user: points for user, points in got.items() if user not in winners
    }


_ACTS = st.one_of(
    st.tuples(st.just("stake"), st.integers(0, 3), st.integers(-1, 1200), st.integers(0, 6)),
    st.tuples(st.just("grant"), st.just(0), st.integers(-1, 300), st.integers(0, 6)),
    st.tuples(st.just("start"), st.just(0), st.just(0), st.just(0)),
    st.tuples(st.just("lock"), st.just(0), st.just(0), st.just(0)),
    st.tuples(st.just("end"), st.integers(0, 3), st.just(0), st.just(0)),
    st.tuples(st.just("wait"), st.just(0), st.integers(1, 90_000), st.just(0)),
)


class Book:
    """What the events say of points, without the agent's tables."""

    def __init__(self) -> None:
        self.granted = 0
        self.balances: dict[str, int] = {}
        self.staked = 0

    def read(self, event: Any) -> None:
        match event:
            case PointsGranted():
                self.granted += event.points
                self._set(event.user_id, event.points, event.balance)
            case PointsStaked():
                self.staked += event.points
                self._set(event.user_id, -event.points, event.balance)
            case PointsPaid():
                self.staked -= event.points
                self._set(event.user_id, event.points, event.balance)

    def _set(self, user: str, change: int, balance: int) -> None:
        assert balance == self.balances.get(user, 0) + change >= 0
        self.balances[user] = balance


@given(st.lists(_ACTS, max_size=60))
def test_what_was_granted_is_held_or_staked(acts: list[tuple[str, int, int, int]]) -> None:
    channels, book = Channels(), Book()
    name, outcomes, now = "none", ["none"], 0.0
    for number, (act, which, amount, user) in enumerate(acts):
        now += 1
        outcome = outcomes[which] if which < len(outcomes) else ""
        command: Any = {
            "stake": stake(outcome, amount, f"u{user}", prediction_id=name),
            "grant": changed(GRANT, user_id=f"u{user}", points=amount),
            "start": PREDICTION,
            "lock": changed(LOCK, prediction_id=name),
            "end": changed(END_PREDICTION, prediction_id=name, winning_outcome_id=outcome),
        }.get(act)
        if command is None:
            now += amount
            found = channels.tick(now)
        else:
            found = channels.put(command, now, f"p{number}")
        for event in found:
            book.read(event)
            if type(event).__name__ == "PredictionStarted":
                name, outcomes = event.prediction_id, [each.id for each in event.outcomes]
        rows = channels.rows()
        assert held(channels) == book.balances
        assert sum(each.pool for each in rows["predictions"].values()) == book.staked
        assert book.granted == sum(book.balances.values()) + book.staked
        assert sum(each.points for each in rows["stakes"].values()) == book.staked

"""What the views of polls, predictions, participants and raids show after given events."""

from typing import Any

from schemas.records.engagement import PointsGranted, PointsPaid, PointsStaked, VoteCast
from tests.unit.agents.engagement_commands import (
    CANCEL,
    END_POLL,
    LOCK,
    NOW,
    POLL,
    PREDICTION,
    RAID,
    Channels,
    vote,
)
from tests.unit.sinks.test_views import shown

USER: dict[str, Any] = {"channel_id": "c", "user_id": "u"}


def test_a_poll_keeps_its_row_and_its_tallies() -> None:
    channels = Channels()
    red = channels.one(POLL).choices[0].id
    channels.one(vote(red))
    channels.tick(2)
    ended = channels.one(END_POLL, at=3)
    told = [event for topic, _, event in channels.said if topic == "chat-events"]
    (row,) = shown("polls", *told[:2]).values()
    assert (row["status"], row.get("ended_at")) == ("active", None)
    rows = shown("polls", *told)
    assert rows["c", NOW, "p"]["status"] == "terminated"
    assert rows["c", NOW, "p"]["winners"] == f'["{red}"]'
    assert '"votes":1' in str(rows["c", NOW, "p"]["choices"])
    assert rows["c", NOW, "p"]["ended_at"] == ended.ended_at


def test_a_prediction_is_locked_in_its_row() -> None:
    channels = Channels()
    events = [channels.one(PREDICTION), channels.one(LOCK, at=5)]
    row = shown("predictions", *events)["c", NOW, "p"]
    assert (row["status"], row["locked_at"]) == ("locked", NOW + 5_000_000)


def test_a_participant_is_what_they_did_last() -> None:
    granted = PointsGranted(
        **USER, points=1000, balance=1000, cause="welcome", reason="", by_id="", by_login=""
    )
    staked = PointsStaked(
        **USER, prediction_id="p", outcome_id="o", points=300, staked=300, balance=700
    )
    cast = VoteCast(**USER, poll_id="q", choice_id="x")
    paid = PointsPaid(
        **USER, prediction_id="p", staked=300, points=450, balance=1150, cause="payout"
    )
    row = shown("participants", granted, staked, cast, paid)["c", "u"]
    assert row == {
        "points": 1150,
        "welcomed": True,
        "prediction_id": "p",
        "outcome_id": "o",
        "staked": 300,
        "poll_id": "q",
        "choice_id": "x",
        "paid_prediction_id": "p",
        "paid_points": 450,
        "paid_staked": 300,
        "paid_cause": "payout",
    }


def test_a_gift_does_not_welcome() -> None:
    gift = PointsGranted(
        **USER, points=5, balance=5, cause="gift", reason="", by_id="m", by_login="river"
    )
    assert shown("participants", gift)["c", "u"] == {"points": 5}


def test_a_raid_has_a_row_until_it_goes_or_does_not() -> None:
    channels = Channels()
    started = channels.one(RAID)
    assert shown("raids", started)["c",]["to_login"] == "harbour"
    cancelled = channels.one(CANCEL)
    assert shown("raids", started, cancelled) == {}
    channels.one(RAID, at=1)
    went, arrived = channels.tick(91)
    assert shown("raids", started, went, arrived) == {}

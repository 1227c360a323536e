"""Given a poll, this command yields these events; tallies are the votes that were cast."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engagement.closing import AT_ONCE
from agents.engagement.state import PAGE
from schemas.records.chat import PollEnded, PollProgressed, PollStarted
from schemas.records.engagement import EngagementCommandRefused, VoteCast
from tests.unit.agents.engagement_commands import (
    END_POLL,
    MODERATOR,
    NOW,
    POLL,
    SECOND,
    VIEWER,
    Channels,
    changed,
    vote,
)


def running() -> tuple[Channels, list[str]]:
    """A poll that runs, and its choices."""
    channels = Channels()
    started = channels.one(POLL)
    assert isinstance(started, PollStarted)
    return channels, [each.id for each in started.choices]


def test_a_poll_starts_with_no_votes() -> None:
    channels = Channels()
    started = channels.one(POLL, command_id="01-a")
    assert (started.poll_id, started.title) == ("01-a", "Which boat?")
    assert [(each.title, each.votes) for each in started.choices] == [("red", 0), ("blue", 0)]
    assert (started.started_at, started.ends_at) == (NOW, NOW + 60 * SECOND)
    assert channels.said[0][:2] == ("chat-events", "c")
    again = Channels().one(POLL, command_id="01-a")
    assert again == started  # ids of choices are the same in every replay


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (changed(POLL, title=""), "invalid-title"),
        (changed(POLL, title="x" * 61), "invalid-title"),
        (changed(POLL, title="a\nb"), "invalid-title"),
        (changed(POLL, choices=["one"]), "invalid-choices"),
        (changed(POLL, choices=list("abcdef")), "invalid-choices"),
        (changed(POLL, choices=["a", "x" * 26]), "invalid-choices"),
        (changed(POLL, choices=["a", "a"]), "invalid-choices"),
        (changed(POLL, choices=["a", " "]), "invalid-choices"),
        (changed(POLL, seconds=14), "invalid-duration"),
        (changed(POLL, seconds=1801), "invalid-duration"),
        (changed(POLL, **VIEWER), "not-allowed"),
    ],
)
def test_what_is_no_poll_is_refused(command: object, reason: str) -> None:
    assert Channels().refused(command) == reason  # type: ignore[arg-type]


def test_a_channel_has_one_poll_at_a_time() -> None:
    channels, _ = running()
    assert channels.refused(POLL) == "already-running"
    channels.one(END_POLL)
    assert isinstance(channels.one(POLL, at=1, command_id="q"), PollStarted)


def test_everybody_has_one_vote() -> None:
    channels, (red, blue) = running()
    assert channels.one(vote(red)) == VoteCast(
        channel_id="c", poll_id="p", choice_id=red, user_id="u"
    )
    assert channels.refused(vote(red)) == "voted-already"
    assert channels.refused(vote(blue)) == "voted-already"
    assert channels.refused(vote("other", "v")) == "unknown-choice"
    assert channels.refused(vote(red, "v", poll_id="other")) == "not-running"
    assert channels.refused(vote(red, "v", banned=True)) == "banned"
    assert channels.refused(vote(red, "v"), at=60) == "not-running"
    channels.one(vote(blue, "v"), at=59.9)
    ended = channels.one(END_POLL, at=60)
    assert [each.votes for each in ended.choices] == [1, 1]
    assert ended.winners == [red, blue]


def test_a_refusal_names_whom_it_is_about() -> None:
    channels, _ = running()
    refusal = channels.one(vote("other", "v"))
    assert isinstance(refusal, EngagementCommandRefused)
    assert (refusal.user_id, refusal.command) == ("v", "millrace.engagement.CastVote")
    assert channels.one(changed(END_POLL, poll_id="other", **MODERATOR)).user_id == "m"


def test_tallies_are_told_once_a_second_and_only_if_they_changed() -> None:
    channels, (red, _) = running()
    assert channels.tick(5) == []
    channels.one(vote(red), at=5.1)
    (told,) = channels.tick(6)
    assert isinstance(told, PollProgressed)
    assert [each.votes for each in told.choices] == [1, 0]
    assert channels.tick(7) == []
    channels.one(vote(red, "v"), at=7.1)
    assert channels.tick(6.5) == []
    assert len(channels.tick(7)) == 1


def test_a_long_poll_tells_two_hundred_times_at_most() -> None:
    channels = Channels()
    red = channels.one(changed(POLL, seconds=1800)).choices[0].id
    told = 0
    for second in range(1, 1800):
        channels.one(vote(red, f"u{second}"), at=second - 0.5)
        told += len(channels.tick(second))
    assert told == 199
    (ended,) = channels.tick(1800)
    assert ended.choices[0].votes == 1799


def test_it_ends_by_itself() -> None:
    channels, (red, _) = running()
    channels.one(vote(red))
    assert all(isinstance(event, PollProgressed) for event in channels.tick(59))
    (ended,) = channels.tick(60)
    assert isinstance(ended, PollEnded)
    assert (ended.result, ended.winners, ended.by_id) == ("completed", [red], "")
    assert ended.ended_at == NOW + 60 * SECOND
    assert channels.tick(61) == []
    assert not any(channels.rows().values())


@pytest.mark.parametrize(("archive", "result"), [(False, "terminated"), (True, "archived")])
def test_a_moderator_ends_it(archive: bool, result: str) -> None:
    channels, _ = running()
    assert channels.refused(changed(END_POLL, **VIEWER)) == "not-allowed"
    ended = channels.one(changed(END_POLL, archive=archive, **MODERATOR), at=3)
    assert (ended.result, ended.winners, ended.by_login) == (result, [], "wanda")
    assert channels.refused(END_POLL, at=4) == "not-running"


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=60))
def test_the_tally_is_the_first_votes(votes: list[tuple[int, int]]) -> None:
    channels = Channels()
    choices = [each.id for each in channels.one(changed(POLL, choices=list("abcde"))).choices]
    first: dict[int, int] = {}
    for at, (user, choice) in enumerate(votes):
        wanted = choices[choice] if choice < len(choices) else "none"
        counts = choice < len(choices) and user not in first
        event = channels.one(vote(wanted, f"u{user}"), at=at / 2)
        assert isinstance(event, VoteCast) == counts
        if counts:
            first[user] = choice
        channels.tick(at / 2)
    ended = channels.one(END_POLL, at=40)
    found = Counter(first.values())
    assert [each.votes for each in ended.choices] == [found[n] for n in range(len(choices))]


def test_votes_of_many_are_forgotten_bit_by_bit() -> None:
    channels, (red, _) = running()
    many = AT_ONCE * PAGE * 2 + 7
    for number in range(many):
        channels.one(vote(red, f"u{number}"))
    assert channels.one(END_POLL, at=1).choices[0].votes == many
    left = [len(channels.rows()["votes"])]
    while left[-1]:
        assert channels.tick(len(left) + 1) == []
        left.append(len(channels.rows()["votes"]))
    assert left == [many - 1000, many - 2000, 0]
    assert not any(channels.rows().values())

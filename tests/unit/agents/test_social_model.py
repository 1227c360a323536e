"""Follows: a count is the size of a set, whatever is asked and however often."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.social.model import FOLLOWS, Follower, Standing, decide, evolve, note
from schemas.records.social import (
    ChannelFollowed,
    ChannelUnfollowed,
    FollowChannel,
    FollowConfirmed,
    FollowRefused,
    NoteFollow,
    UnfollowChannel,
)

FOLLOW = FollowChannel(channel_id="c", user_id="u")
UNFOLLOW = UnfollowChannel(channel_id="c", user_id="u")


def test_a_first_follow_counts() -> None:
    assert decide(Standing(None, 7), FOLLOW, now=5) == ChannelFollowed(
        channel_id="c", user_id="u", followed_at=5, followers=8
    )


def test_a_repeated_follow_is_answered_and_counts_nothing() -> None:
    standing = Standing(5, 8)
    event = decide(standing, FOLLOW, now=9)
    assert event == FollowConfirmed(
        channel_id="c", user_id="u", follows=True, followed_at=5, followers=8
    )
    assert evolve(standing, event) == standing


def test_an_unfollow_says_since_when_it_was() -> None:
    assert decide(Standing(5, 8), UNFOLLOW, now=9) == ChannelUnfollowed(
        channel_id="c", user_id="u", followed_at=5, followers=7
    )


def test_an_unfollow_of_nothing_is_answered() -> None:
    assert decide(Standing(None, 8), UNFOLLOW, now=9) == FollowConfirmed(
        channel_id="c", user_id="u", follows=False, followed_at=None, followers=8
    )


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (FollowChannel(channel_id="c", user_id="c"), "own-channel"),
        (FollowChannel(channel_id="c", user_id=""), "invalid-id"),
        (FollowChannel(channel_id="c", user_id="a|b"), "invalid-id"),
        (UnfollowChannel(channel_id="c", user_id="x" * 65), "invalid-id"),
    ],
)
def test_what_is_refused(command: FollowChannel | UnfollowChannel, reason: str) -> None:
    event = decide(Standing(), command, now=1)
    assert isinstance(event, FollowRefused)
    assert (event.reason, event.command) == (reason, command.FULL_NAME)
    assert evolve(Standing(None, 3), event) == Standing(None, 3)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("uvwxy"))))
def test_any_sequence_gives_the_count_of_the_set(asked: list[tuple[bool, str]]) -> None:
    following: set[str] = set()
    since: dict[str, int | None] = {}
    count = 0
    for now, (wanted, user) in enumerate(asked):
        kind = FollowChannel if wanted else UnfollowChannel
        event = decide(
            Standing(since.get(user), count), kind(channel_id="c", user_id=user), now=now
        )
        after = evolve(Standing(since.get(user), count), event)
        since[user], count = after.followed_at, after.followers
        following = following | {user} if wanted else following - {user}
        assert count == len(following) == event.followers
        assert {user for user, at in since.items() if at is not None} == following
        assert isinstance(event, ChannelFollowed | ChannelUnfollowed | FollowConfirmed)


def noting(*said: tuple[str, bool], follower: Follower = Follower()) -> tuple[Follower, set[str]]:  # noqa: B008
    noted: frozenset[str] = frozenset()
    for channel, follows in said:
        told = NoteFollow(user_id="u", channel_id=channel, follows=follows)
        follower, noted, undo = note(follower, noted, told)
        assert not undo
    return follower, set(noted)


def test_notes_are_a_set() -> None:
    follower, noted = noting(("a", True), ("b", True), ("a", True), ("b", False), ("c", False))
    assert noted == {"a"}
    assert follower == Follower(follows=1)


@pytest.mark.parametrize("follower", [Follower(erased=True), Follower(follows=FOLLOWS)])
def test_a_follow_that_may_not_be_is_undone(follower: Follower) -> None:
    told = NoteFollow(user_id="u", channel_id="a", follows=True)
    assert note(follower, frozenset(), told) == (follower, frozenset(), True)

"""What the views of follows, of channels to find and of their stream keys show."""

import pytest

from schemas.records.identity import (
    ChannelErased,
    ChannelRegistered,
    StreamKeyIssued,
    StreamKeyRevoked,
)
from schemas.records.social import ChannelFollowed, ChannelUnfollowed, FollowConfirmed
from sinks.views import VIEWS
from tests.unit.sinks.test_views import shown

FOLLOWED = ChannelFollowed(channel_id="c", user_id="u", followed_at=5, followers=1)
SECOND = ChannelFollowed(channel_id="c", user_id="v", followed_at=6, followers=2)
UNFOLLOWED = ChannelUnfollowed(channel_id="c", user_id="u", followed_at=5, followers=1)
AGAIN = ChannelFollowed(channel_id="c", user_id="u", followed_at=9, followers=2)
CONFIRMED = FollowConfirmed(channel_id="c", user_id="v", follows=True, followed_at=6, followers=2)


def test_followers_stand_in_the_order_in_which_they_came() -> None:
    assert VIEWS["followers"].newest_first == ("followed_at",)
    found = shown("followers", FOLLOWED, SECOND, CONFIRMED, UNFOLLOWED, AGAIN)
    assert found.keys() == {("c", 6, "v"), ("c", 9, "u")}


def test_followed_channels_are_those_of_the_user() -> None:
    found = shown("followed-channels", FOLLOWED, SECOND, UNFOLLOWED, AGAIN)
    assert found.keys() == {("v", 6, "c"), ("u", 9, "c")}


def test_a_follow_is_found_by_user_and_channel() -> None:
    assert shown("follows", FOLLOWED) == {("c", "u"): {"followed_at": 5}}
    assert shown("follows", FOLLOWED, UNFOLLOWED) == {}


def test_the_count_is_the_one_that_was_said_last() -> None:
    assert shown("follower-counts", FOLLOWED, SECOND) == {("c",): {"followers": 2}}
    assert shown("follower-counts", FOLLOWED, SECOND, UNFOLLOWED) == {("c",): {"followers": 1}}


@pytest.mark.parametrize("name", ["abc", "millpond", "a_name_of_25_characters_x"])
def test_a_channel_is_found_by_how_its_name_begins(name: str) -> None:
    registered = ChannelRegistered(channel_id="c", name=name, title="", category="")
    found = shown("channel-search", registered)
    assert found.keys() == {(name[:length], name) for length in range(1, min(len(name), 8) + 1)}
    assert shown("channel-search", registered, ChannelErased(channel_id="c", name=name)) == {}


def test_a_channel_has_the_key_that_was_issued_last() -> None:
    first = StreamKeyIssued(channel_id="c", key_id="k", key_digest="d", sealed_key="p1.a.A")
    revoked = StreamKeyRevoked(channel_id="c", key_id="k")
    second = StreamKeyIssued(channel_id="c", key_id="l", key_digest="e")
    view = "channel-stream-keys"
    assert shown(view, first) == {("c",): {"key_id": "k", "sealed_key": "p1.a.A"}}
    assert shown(view, first, revoked) == {}
    assert shown(view, first, revoked, second) == {("c",): {"key_id": "l"}}

"""Follows: who follows a channel, how many do, and what a user who is erased must be taken out of.

A channel's partition decides, one follow at a time, so that its count is the size of a set and
not a sum of what was asked. Every command is answered by one event.
"""

import re
from dataclasses import dataclass, replace

from schemas.records.social import (
    ChannelFollowed,
    ChannelUnfollowed,
    FollowChannel,
    FollowConfirmed,
    FollowRefused,
    NoteFollow,
    UnfollowChannel,
)

Command = FollowChannel | UnfollowChannel
Event = ChannelFollowed | ChannelUnfollowed | FollowConfirmed | FollowRefused

FOLLOWS = 10_000
"""Channels that a user may follow. What is beyond is undone right after it was accepted."""
UNDONE_AT_ONCE = 500
"""Follows of an erased user that one message undoes; the next ones wait for the next message."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Standing:
    """How a user stands to a channel, and how many follow it."""

    followed_at: int | None = None
    """Since when the user follows, in microseconds; None if they do not."""
    followers: int = 0


@dataclass(frozen=True)
class Follower:
    """A user, as far as an erasure needs to know them."""

    follows: int = 0
    """Channels that are noted."""
    erased: bool = False


def decide(standing: Standing, command: Command, *, now: int) -> Event:
    """The event that follows from a command. `now`: its time, in microseconds."""
    channel_id, user_id = command.channel_id, command.user_id
    if not _ID.fullmatch(user_id) or not _ID.fullmatch(channel_id):
        return _refused(command, "invalid-id", "user_id and channel_id must be ids")
    since, followers = standing.followed_at, standing.followers
    wanted = isinstance(command, FollowChannel)
    if wanted and user_id == channel_id:
        return _refused(command, "own-channel", "nobody follows their own channel")
    if wanted == (since is not None):
        return FollowConfirmed(
            channel_id=channel_id,
            user_id=user_id,
            follows=wanted,
            followed_at=since,
            followers=followers,
        )
    if since is None:
        return ChannelFollowed(
            channel_id=channel_id, user_id=user_id, followed_at=now, followers=followers + 1
        )
    return ChannelUnfollowed(
        channel_id=channel_id, user_id=user_id, followed_at=since, followers=followers - 1
    )


def evolve(standing: Standing, event: Event) -> Standing:
    """The standing after an event."""
    match event:
        case ChannelFollowed():
            return Standing(event.followed_at, event.followers)
        case ChannelUnfollowed():
            return Standing(None, event.followers)
    return standing


def note(
    follower: Follower, noted: frozenset[str], said: NoteFollow
) -> tuple[Follower, frozenset[str], bool]:
    """(the user, their channels, whether the follow must be undone) after something was noted.

    `noted`: the channels that are known, as far as they are kept with this one.
    """
    known = said.channel_id in noted
    if not said.follows:
        if not known:
            return follower, noted, False
        return replace(follower, follows=follower.follows - 1), noted - {said.channel_id}, False
    if known:
        return follower, noted, False
    if follower.erased or follower.follows >= FOLLOWS:
        return follower, noted, True
    return replace(follower, follows=follower.follows + 1), noted | {said.channel_id}, False


def _refused(command: Command, reason: str, detail: str) -> FollowRefused:
    return FollowRefused(
        channel_id=command.channel_id,
        user_id=command.user_id,
        command=command.FULL_NAME,
        reason=reason,
        detail=detail,
    )

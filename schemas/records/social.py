"""Records of the social context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar

from infra.record import Record


class ChannelFollowed(Record, frozen=True, kw_only=True):
    """A user follows a channel, and did not before."""

    FULL_NAME: ClassVar[str] = "millrace.social.ChannelFollowed"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user who follows."""
    followed_at: int
    """Since when, microseconds since 1970-01-01T00:00:00Z."""
    followers: int
    """Followers of the channel from now on, this one included."""


class ChannelUnfollowed(Record, frozen=True, kw_only=True):
    """A user who followed a channel follows it no longer."""

    FULL_NAME: ClassVar[str] = "millrace.social.ChannelUnfollowed"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user who follows."""
    followed_at: int
    """Since when they followed, microseconds since 1970-01-01T00:00:00Z."""
    followers: int
    """Followers of the channel from now on."""


class FollowChannel(Record, frozen=True, kw_only=True):
    """Asks for a user to follow a channel."""

    FULL_NAME: ClassVar[str] = "millrace.social.FollowChannel"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user who follows."""


class FollowConfirmed(Record, frozen=True, kw_only=True):
    """Answers a command that asked for what is so already: nothing changed."""

    FULL_NAME: ClassVar[str] = "millrace.social.FollowConfirmed"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user who follows."""
    follows: bool
    """Whether the user follows the channel."""
    followed_at: int | None = None
    """Since when, microseconds since 1970-01-01T00:00:00Z; null if they do not."""
    followers: int
    """Followers of the channel, as before."""


class FollowRefused(Record, frozen=True, kw_only=True):
    """A command broke a rule and changed nothing."""

    FULL_NAME: ClassVar[str] = "millrace.social.FollowRefused"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user who follows."""
    command: str
    """Avro name of the refused command."""
    reason: str
    """Stable code of the rule that was broken, kebab-case."""
    detail: str
    """What is wrong, for people."""


class ForgetFollower(Record, frozen=True, kw_only=True):
    """Asks for everything that a user follows to be undone, some at a time."""

    FULL_NAME: ClassVar[str] = "millrace.social.ForgetFollower"

    user_id: str
    """The user, who was erased. Key of the message."""


class NoteFollow(Record, frozen=True, kw_only=True):
    """Notes for an erasure which channel a user follows, or follows no longer."""

    FULL_NAME: ClassVar[str] = "millrace.social.NoteFollow"

    user_id: str
    """The user who follows. Key of the message."""
    channel_id: str
    """The channel."""
    follows: bool
    """Whether the user follows the channel from now on."""


class UnfollowChannel(Record, frozen=True, kw_only=True):
    """Asks for a user to follow a channel no longer."""

    FULL_NAME: ClassVar[str] = "millrace.social.UnfollowChannel"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user who follows."""

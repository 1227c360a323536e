"""What the gateway needs from the views, declared where it is needed."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

CHANNELS = "channels"
"""Channels by name."""
CHANNELS_BY_ID = "channels-by-id"
"""Channels by channel_id."""
LIVE_CHANNELS = "live-channels"
"""Channels on air, by channel_id."""
STREAM_STATUS = "stream-status"
"""Streams and their picture, by stream_id."""
OUTCOMES = "outcomes"
"""Events of commands that were asked for directly, by command id, for some minutes."""
STREAM_HISTORY = "stream-history"
"""Streams of a channel, newest first, by channel_id."""
STREAM_MARKERS = "stream-markers"
"""Moments of a stream that were marked, newest first, by stream_id."""
STREAM_HEALTH = "stream-health"
"""How well what a channel's publisher sends arrives, by channel_id."""
STREAM_KEYS = "stream-keys"
"""Valid stream keys, by key_id."""
CHANNEL_STREAM_KEYS = "channel-stream-keys"
"""The key that a channel has, sealed, by channel_id."""
USERS = "users"
"""Users as everybody may see them, by user_id."""
MODERATORS = "moderators"
"""Who moderates a channel, by channel_id and user_id."""
FOLLOWERS = "followers"
"""Who follows a channel, newest first, by channel_id."""
FOLLOWED_CHANNELS = "followed-channels"
"""What a user follows, newest first, by user_id."""
FOLLOWS = "follows"
"""Since when a user follows a channel, by channel_id and user_id."""
FOLLOWER_COUNTS = "follower-counts"
"""How many follow a channel, by channel_id."""
CHANNEL_SEARCH = "channel-search"
"""Channels by the first letters of their name, in order of name."""
STREAM_LADDERS = "stream-ladders"
"""Which renditions a stream has, and why it has no others, by stream_id."""
STREAM_COSTS = "stream-costs"
"""What making renditions has cost so far, by stream_id and rendition."""
POOLS = "pools"
"""How much of a pool of transcoders is used, by pool."""
POOL_WORKERS = "pool-workers"
"""Workers that are there, by pool and worker_id."""
POOL_STREAMS = "pool-streams"
"""Streams on air and how much of their ladder is made, by pool and stream_id."""
INGEST_LOAD = "ingest-load"
"""How many publishers an ingest has, and could have, by ingest_id."""
RESERVATIONS = "reservations"
"""Room that is held for events to come, by pool and reservation_id."""
VIPS = "vips"
"""Who is a VIP of a channel, by channel_id and user_id."""
MODERATED_CHANNELS = "moderated-channels"
"""Which channels a user moderates, by user_id and channel_id."""
CHAT_HISTORY = "chat-history"
"""What was said in a channel, newest first, by channel_id, sent_at and message_id."""
CHAT_MESSAGES = "chat-messages"
"""Where a message lies in the history, by message_id."""
CHAT_PURGES = "chat-purges"
"""Up to when what a user, or everybody (`*`), said is hidden, by channel_id and user_id."""
CHAT_USER_HISTORY = "chat-user-history"
"""What a user said in a channel and what was done about it, newest first, by both ids and `/`."""
CHAT_BANS = "chat-bans"
"""Who is shut out of a chat, by channel_id and user_id."""
CHAT_WARNINGS = "chat-warnings"
"""Warnings that were not confirmed yet, by channel_id and user_id."""
CHAT_SETTINGS = "chat-settings"
"""How a chat is set, by channel_id."""
BLOCKED_TERMS = "blocked-terms"
"""Terms that are blocked in a chat, by channel_id and term_id."""
HELD_MESSAGES = "held-messages"
"""Messages that wait for a moderator, by channel_id and message_id."""
MODERATION_LOG = "moderation-log"
"""Who did what in a chat, newest first, by channel_id."""
POLLS = "polls"
"""Polls of a channel, newest first, by channel_id."""
PREDICTIONS = "predictions"
"""Predictions of a channel, newest first, by channel_id."""
PARTICIPANTS = "participants"
"""What a user has and chose in a channel, by channel_id and user_id."""
RAIDS = "raids"
"""The raid that was called in a channel, by channel_id."""


class Views(Protocol):
    """Reads views. Implemented by `sinks.reader.ViewReader`."""

    async def get(self, view: str, key: str | tuple[str | int, ...]) -> Mapping[str, Any] | None:
        """The row under a key, or None. Raises Unavailable if its store is away."""
        ...

    async def scan(
        self,
        view: str,
        limit: int,
        cursor: str | None = None,
        *,
        within: str | None = None,
        after: tuple[str | int, ...] | None = None,
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """At most `limit` rows from a cursor on, and the next cursor; None after the last row.

        `within` names the first part of the key in a view whose keys have several; `after` is a
        whole key to begin behind where there is no cursor yet, whether or not it has a row.
        Raises InvalidRecord for a cursor that it did not give out, Unavailable as `get`.
        """
        ...


class ChannelRow(msgspec.Struct, frozen=True):
    """A row of `channels` and `channels-by-id`."""

    channel_id: str
    name: str
    title: str = ""
    category: str = ""
    language: str = ""
    tags: str = ""
    """With spaces between them."""


class LiveRow(msgspec.Struct, frozen=True):
    """A row of `live-channels`."""

    channel_id: str
    stream_id: str
    started_at: int = 0
    """Microseconds since 1970."""


class StreamRow(msgspec.Struct, frozen=True):
    """A row of `stream-status` and `stream-history`; times in microseconds since 1970.

    Columns come from two topics, so either half may be missing for a moment.
    """

    stream_id: str
    channel_id: str = ""
    state: str = "live"
    started_at: int | None = None
    resume_until: int | None = None
    ended_at: int | None = None
    reason: str | None = None
    interruptions: int = 0
    codecs: str | None = None
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0


class MarkerRow(msgspec.Struct, frozen=True):
    """A row of `stream-markers`."""

    stream_id: str
    marker_id: str
    created_at: int
    """Microseconds since 1970."""
    position_seconds: int = 0
    """From the start of the stream."""
    description: str = ""


class FollowRow(msgspec.Struct, frozen=True):
    """A row of `follows`, `followers` and `followed-channels`: of each the columns it has."""

    followed_at: int
    """Microseconds since 1970."""
    user_id: str = ""
    channel_id: str = ""


class CountRow(msgspec.Struct, frozen=True):
    """A row of `follower-counts`."""

    followers: int


Row = TypeVar("Row", bound=msgspec.Struct)


def typed(row: Mapping[str, Any], kind: type[Row]) -> Row:
    """A row as a struct; columns that the gateway does not use are left out."""
    return msgspec.convert(row, kind, strict=False)

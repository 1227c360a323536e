"""Who follows each channel, newest first."""

from typing import Final

from infra.record import Envelope
from schemas.records.social import ChannelFollowed, ChannelUnfollowed
from sinks.rows import Key
from sinks.view import Change, Delete, Upsert, View

PART: Final = 30 * 86_400 * 1_000_000
"""Microseconds: who came in such a span lies together."""


def project(message: Envelope) -> list[Change]:
    """A follower has a row for as long as they follow."""
    match message.event:
        case ChannelFollowed() as follow:
            key = (follow.channel_id, follow.followed_at, follow.user_id)
            return [Upsert(key, {"followers": follow.followers})]
        case ChannelUnfollowed() as follow:
            return [Delete((follow.channel_id, follow.followed_at, follow.user_id))]
    return []


def part_of(key: Key) -> int:
    """The span in which the follow began."""
    return int(key[1]) // PART


VIEW = View(
    name="followers",
    purpose="Who follows each channel, newest first, and how many did with them.",
    topics=("social-events",),
    store="cassandra",
    key={"channel_id": str, "followed_at": int, "user_id": str},
    columns={"followers": int},
    newest_first=("followed_at",),
    part_of=part_of,
    project=project,
    log_key="channel_id",
)

"""Whether a user follows a channel, and since when."""

from typing import Final
from zlib import crc32

from infra.record import Envelope
from schemas.records.social import ChannelFollowed, ChannelUnfollowed
from sinks.rows import Key
from sinks.view import Change, Delete, Upsert, View

PARTS: Final = 32
"""What the followers of a channel are spread over: few writes in a storm, small partitions."""


def project(message: Envelope) -> list[Change]:
    """A follow has a row for as long as it lasts."""
    match message.event:
        case ChannelFollowed() as follow:
            since = {"followed_at": follow.followed_at}
            return [Upsert((follow.channel_id, follow.user_id), since)]
        case ChannelUnfollowed() as follow:
            return [Delete((follow.channel_id, follow.user_id))]
    return []


def part_of(key: Key) -> int:
    """By user."""
    return crc32(str(key[1]).encode()) % PARTS


VIEW = View(
    name="follows",
    purpose="Whether a user follows a channel, and since when.",
    topics=("social-events",),
    store="cassandra",
    key={"channel_id": str, "user_id": str},
    columns={"followed_at": int},
    part_of=part_of,
    project=project,
    log_key="channel_id",
)

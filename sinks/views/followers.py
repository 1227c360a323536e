"""Who follows each channel, newest first."""

from infra.record import Envelope
from schemas.records.social import ChannelFollowed, ChannelUnfollowed
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A follower has a row for as long as they follow."""
    match message.event:
        case ChannelFollowed() as follow:
            key = (follow.channel_id, follow.followed_at, follow.user_id)
            return [Upsert(key, {"followers": follow.followers})]
        case ChannelUnfollowed() as follow:
            return [Delete((follow.channel_id, follow.followed_at, follow.user_id))]
    return []


VIEW = View(
    name="followers",
    purpose="Who follows each channel, newest first, and how many did with them.",
    topics=("social-events",),
    store="cassandra",
    key={"channel_id": str, "followed_at": int, "user_id": str},
    columns={"followers": int},
    newest_first=("followed_at",),
    project=project,
    log_key="channel_id",
)

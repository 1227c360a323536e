"""What each user follows, newest first."""

from infra.record import Envelope
from schemas.records.social import ChannelFollowed, ChannelUnfollowed
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A channel has a row for as long as the user follows it."""
    match message.event:
        case ChannelFollowed() as follow:
            key = (follow.user_id, follow.followed_at, follow.channel_id)
            return [Upsert(key, {"follows": True})]
        case ChannelUnfollowed() as follow:
            return [Delete((follow.user_id, follow.followed_at, follow.channel_id))]
    return []


VIEW = View(
    name="followed-channels",
    purpose="What each user follows, newest first.",
    topics=("social-events",),
    store="cassandra",
    key={"user_id": str, "followed_at": int, "channel_id": str},
    columns={"follows": bool},
    newest_first=("followed_at",),
    project=project,
    log_key="channel_id",
)

"""Whether a user follows a channel, and since when."""

from infra.record import Envelope
from schemas.records.social import ChannelFollowed, ChannelUnfollowed
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A follow has a row for as long as it lasts."""
    match message.event:
        case ChannelFollowed() as follow:
            since = {"followed_at": follow.followed_at}
            return [Upsert((follow.user_id, follow.channel_id), since)]
        case ChannelUnfollowed() as follow:
            return [Delete((follow.user_id, follow.channel_id))]
    return []


VIEW = View(
    name="follows",
    purpose="Whether a user follows a channel, and since when.",
    topics=("social-events",),
    store="cassandra",
    key={"user_id": str, "channel_id": str},
    columns={"followed_at": int},
    project=project,
    log_key="channel_id",
)

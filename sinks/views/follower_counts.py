"""How many follow each channel."""

from infra.record import Envelope
from schemas.records.social import ChannelFollowed, ChannelUnfollowed
from sinks.view import Change, Upsert, View


def project(message: Envelope) -> list[Change]:
    """The number that was said last. A channel that was never followed has no row."""
    match message.event:
        case ChannelFollowed() | ChannelUnfollowed() as follow:
            return [Upsert(follow.channel_id, {"followers": follow.followers})]
    return []


VIEW = View(
    name="follower-counts",
    purpose="How many follow each channel.",
    topics=("social-events",),
    store="redis",
    key={"channel_id": str},
    columns={"followers": int},
    project=project,
    log_key="channel_id",
)

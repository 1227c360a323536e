"""Channels by id, for rows of other views that name a channel."""

from infra.record import Envelope
from schemas.records.identity import ChannelErased, ChannelRegistered, ChannelUpdated
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A channel's row holds how it was last described; tags have spaces between them."""
    match message.event:
        case ChannelRegistered() | ChannelUpdated() as channel:
            described: Columns = {
                "name": channel.name,
                "title": channel.title,
                "category": channel.category,
            }
            if isinstance(channel, ChannelUpdated) and channel.tags is not None:
                described |= {"language": channel.language, "tags": " ".join(channel.tags)}
            return [Upsert(channel.channel_id, described)]
        case ChannelErased() as channel:
            return [Delete(channel.channel_id)]
    return []


VIEW = View(
    name="channels-by-id",
    purpose="Channels by id.",
    topics=("identity-events",),
    store="redis",
    key={"channel_id": str},
    columns={"name": str, "title": str, "category": str, "language": str, "tags": str},
    project=project,
    log_key="channel_id",
)

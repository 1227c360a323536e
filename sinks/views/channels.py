"""Channels by the name in their address."""

from infra.record import Envelope
from schemas.records.identity import ChannelErased, ChannelRegistered, ChannelUpdated
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A channel's row holds how it was last described; tags have spaces between them."""
    match message.event:
        case ChannelRegistered() | ChannelUpdated() as channel:
            described: Columns = {
                "channel_id": channel.channel_id,
                "title": channel.title,
                "category": channel.category,
            }
            if isinstance(channel, ChannelUpdated) and channel.tags is not None:
                described |= {"language": channel.language, "tags": " ".join(channel.tags)}
            return [Upsert(channel.name, described)]
        case ChannelErased() as channel:
            return [Delete(channel.name)]
    return []


VIEW = View(
    name="channels",
    purpose="Channels by the name in their address.",
    topics=("identity-events",),
    store="redis",
    key={"name": str},
    columns={"channel_id": str, "title": str, "category": str, "language": str, "tags": str},
    project=project,
)

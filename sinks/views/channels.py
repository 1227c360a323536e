"""Channels by the name in their address."""

from infra.record import Envelope
from schemas.records.identity import ChannelRegistered, ChannelUpdated
from sinks.view import Change, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A channel's row holds how it was last described."""
    match message.event:
        case ChannelRegistered() | ChannelUpdated() as channel:
            described = {
                "channel_id": channel.channel_id,
                "title": channel.title,
                "category": channel.category,
            }
            return [Upsert(channel.name, described)]
    return []


VIEW = View(
    name="channels",
    purpose="Channels by the name in their address.",
    topics=("identity-events",),
    store="redis",
    key={"name": str},
    columns={"channel_id": str, "title": str, "category": str},
    project=project,
)

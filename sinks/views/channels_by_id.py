"""Channels by id, for rows of other views that name a channel."""

from infra.record import Envelope
from schemas.records.identity import ChannelRegistered, ChannelUpdated
from sinks.view import Change, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A channel's row holds how it was last described."""
    match message.event:
        case ChannelRegistered() | ChannelUpdated() as channel:
            described = {
                "name": channel.name,
                "title": channel.title,
                "category": channel.category,
            }
            return [Upsert(channel.channel_id, described)]
    return []


VIEW = View(
    name="channels-by-id",
    purpose="Channels by id.",
    topics=("identity-events",),
    store="redis",
    key={"channel_id": str},
    columns={"name": str, "title": str, "category": str},
    project=project,
    log_key="channel_id",
)

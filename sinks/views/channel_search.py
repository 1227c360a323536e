"""Channels by how their name begins: a row for each of the first few beginnings."""

from typing import Final

from infra.record import Envelope
from schemas.records.identity import ChannelErased, ChannelRegistered
from sinks.view import Change, Delete, Upsert, View

LONGEST_PREFIX: Final = 8
"""Names that agree further than this are few: who looks for more reads on among them."""


def project(message: Envelope) -> list[Change]:
    """A channel is found from its registration to its erasure; its name never changes."""
    match message.event:
        case ChannelRegistered() as channel:
            columns = {"channel_id": channel.channel_id}
            return [Upsert((prefix, channel.name), columns) for prefix in _prefixes(channel.name)]
        case ChannelErased() as channel:
            return [Delete((prefix, channel.name)) for prefix in _prefixes(channel.name)]
    return []


def _prefixes(name: str) -> list[str]:
    return [name[:length] for length in range(1, min(len(name), LONGEST_PREFIX) + 1)]


VIEW = View(
    name="channel-search",
    purpose="Channels by the first 1 to 8 letters of their name, in order of name.",
    topics=("identity-events",),
    store="cassandra",
    key={"prefix": str, "name": str},
    columns={"channel_id": str},
    project=project,
)

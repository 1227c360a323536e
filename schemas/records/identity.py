"""Records of the identity context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar

from infra.record import Record


class ChannelRegistered(Record, frozen=True, kw_only=True):
    """A channel exists."""

    FULL_NAME: ClassVar[str] = "millrace.identity.ChannelRegistered"

    channel_id: str
    """The channel. Key of the message."""
    name: str
    """Name in the channel's address."""
    title: str
    """What the channel is showing, for people."""
    category: str
    """What it is about, for people."""


class ChannelUpdated(Record, frozen=True, kw_only=True):
    """A channel's title or category changed."""

    FULL_NAME: ClassVar[str] = "millrace.identity.ChannelUpdated"

    channel_id: str
    """The channel. Key of the message."""
    name: str
    """Name in the channel's address."""
    title: str
    """What the channel is showing, for people."""
    category: str
    """What it is about, for people."""


class CommandRefused(Record, frozen=True, kw_only=True):
    """A command broke a rule and changed nothing."""

    FULL_NAME: ClassVar[str] = "millrace.identity.CommandRefused"

    channel_id: str
    """The channel. Key of the message."""
    command: str
    """Avro name of the refused command."""
    reason: str
    """Stable code of the rule that was broken, kebab-case."""
    detail: str
    """What is wrong, for people."""


class IssueStreamKey(Record, frozen=True, kw_only=True):
    """Asks for a stream key to become the channel's one valid key. The secret itself never travels."""

    FULL_NAME: ClassVar[str] = "millrace.identity.IssueStreamKey"

    channel_id: str
    """The channel. Key of the message."""
    key_id: str
    """Public part of the key, by which it is looked up."""
    key_digest: str
    """SHA-256 of the whole key, in hex."""


class RegisterChannel(Record, frozen=True, kw_only=True):
    """Asks for a channel to exist."""

    FULL_NAME: ClassVar[str] = "millrace.identity.RegisterChannel"

    channel_id: str
    """The channel. Key of the message."""
    name: str
    """Name in the channel's address: 3 to 25 characters of a-z, 0-9 and _."""
    title: str
    """What the channel is showing, for people; at most 140 characters."""
    category: str
    """What it is about, for people."""


class StreamKeyIssued(Record, frozen=True, kw_only=True):
    """The channel has a new stream key."""

    FULL_NAME: ClassVar[str] = "millrace.identity.StreamKeyIssued"

    channel_id: str
    """The channel. Key of the message."""
    key_id: str
    """Public part of the key."""
    key_digest: str
    """SHA-256 of the whole key, in hex."""


class StreamKeyRevoked(Record, frozen=True, kw_only=True):
    """A stream key is no longer valid."""

    FULL_NAME: ClassVar[str] = "millrace.identity.StreamKeyRevoked"

    channel_id: str
    """The channel. Key of the message."""
    key_id: str
    """Public part of the key."""

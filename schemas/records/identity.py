"""Records of the identity context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar

from infra.record import Record


class AddModerator(Record, frozen=True, kw_only=True):
    """Asks for a user to moderate a channel."""

    FULL_NAME: ClassVar[str] = "millrace.identity.AddModerator"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The moderator."""


class AddVip(Record, frozen=True, kw_only=True):
    """Asks for a user to be a VIP of a channel."""

    FULL_NAME: ClassVar[str] = "millrace.identity.AddVip"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The VIP."""


class ChangeChannel(Record, frozen=True, kw_only=True):
    """Asks for what a channel shows of itself to change. What is null stays."""

    FULL_NAME: ClassVar[str] = "millrace.identity.ChangeChannel"

    channel_id: str
    """The channel. Key of the message."""
    title: str | None = None
    """What the channel is showing, for people; at most 140 characters; null: as it is."""
    category: str | None = None
    """What it is about, at most 140 characters; null: as it is."""
    language: str | None = None
    """Language that is spoken: ISO 639-1 code, `asl` for American Sign Language, or `other`; empty: none; null: as it is."""
    tags: list[str] | None = None
    """Words to be found by, at most 10 of at most 25 letters and digits; empty: none; null: as it is."""


class ChannelErased(Record, frozen=True, kw_only=True):
    """A channel is gone for good. Its name is not given to another."""

    FULL_NAME: ClassVar[str] = "millrace.identity.ChannelErased"

    channel_id: str
    """The channel. Key of the message."""
    name: str
    """Name in the channel's address."""


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
    """What a channel shows of itself changed. All of it is said, also what stayed."""

    FULL_NAME: ClassVar[str] = "millrace.identity.ChannelUpdated"

    channel_id: str
    """The channel. Key of the message."""
    name: str
    """Name in the channel's address."""
    title: str
    """What the channel is showing, for people."""
    category: str
    """What it is about, for people."""
    language: str | None = None
    """Language that is spoken: ISO 639-1 code, `asl` for American Sign Language, or `other`; empty if none was set; null in records older than the field."""
    tags: list[str] | None = None
    """Words to be found by, at most 10; null in records older than the field."""


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


class EraseChannel(Record, frozen=True, kw_only=True):
    """Asks for a channel to be gone for good: its user was erased."""

    FULL_NAME: ClassVar[str] = "millrace.identity.EraseChannel"

    channel_id: str
    """The channel. Key of the message."""


class IssueStreamKey(Record, frozen=True, kw_only=True):
    """Asks for a stream key to become the channel's one valid key. The secret itself never travels in clear text."""

    FULL_NAME: ClassVar[str] = "millrace.identity.IssueStreamKey"

    channel_id: str
    """The channel. Key of the message."""
    key_id: str
    """Public part of the key, by which it is looked up."""
    key_digest: str
    """SHA-256 of the whole key, in hex."""
    sealed_key: str | None = None
    """The whole key, sealed by the master key; null where only its owner is to have it."""


class ModeratorAdded(Record, frozen=True, kw_only=True):
    """A user moderates a channel."""

    FULL_NAME: ClassVar[str] = "millrace.identity.ModeratorAdded"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The moderator."""


class ModeratorRemoved(Record, frozen=True, kw_only=True):
    """A user moderates a channel no longer."""

    FULL_NAME: ClassVar[str] = "millrace.identity.ModeratorRemoved"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The moderator."""


class OpenChannel(Record, frozen=True, kw_only=True):
    """Asks for a user's channel to exist. One that exists stays as it is."""

    FULL_NAME: ClassVar[str] = "millrace.identity.OpenChannel"

    channel_id: str
    """The channel. Key of the message."""
    name: str
    """Name in the channel's address: the user's login."""


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


class RemoveModerator(Record, frozen=True, kw_only=True):
    """Asks for a user to moderate a channel no longer."""

    FULL_NAME: ClassVar[str] = "millrace.identity.RemoveModerator"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The moderator."""


class RemoveVip(Record, frozen=True, kw_only=True):
    """Asks for a user to be a VIP of a channel no longer."""

    FULL_NAME: ClassVar[str] = "millrace.identity.RemoveVip"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The VIP."""


class StreamKeyIssued(Record, frozen=True, kw_only=True):
    """The channel has a new stream key."""

    FULL_NAME: ClassVar[str] = "millrace.identity.StreamKeyIssued"

    channel_id: str
    """The channel. Key of the message."""
    key_id: str
    """Public part of the key."""
    key_digest: str
    """SHA-256 of the whole key, in hex."""
    sealed_key: str | None = None
    """The whole key, sealed by the master key; null where only its owner has it."""


class StreamKeyRevoked(Record, frozen=True, kw_only=True):
    """A stream key is no longer valid."""

    FULL_NAME: ClassVar[str] = "millrace.identity.StreamKeyRevoked"

    channel_id: str
    """The channel. Key of the message."""
    key_id: str
    """Public part of the key."""


class VipAdded(Record, frozen=True, kw_only=True):
    """A user is a VIP of a channel."""

    FULL_NAME: ClassVar[str] = "millrace.identity.VipAdded"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The VIP."""


class VipRemoved(Record, frozen=True, kw_only=True):
    """A user is a VIP of a channel no longer."""

    FULL_NAME: ClassVar[str] = "millrace.identity.VipRemoved"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The VIP."""

"""What clients ask of their sessions, whichever protocol they speak."""

import msgspec


class Hello(msgspec.Struct, frozen=True):
    """Says who it is, once."""

    token: str
    """An access token, or a ticket (`api.chat.tickets`)."""


class Join(msgspec.Struct, frozen=True):
    """Wants to hear a channel."""

    channel: str
    """Its name."""
    since: int | None = None
    """Everything after this offset, instead of the last messages."""


class Part(msgspec.Struct, frozen=True):
    """Wants to hear a channel no longer. The id of a channel is `infra.names.id_of(name)`."""

    channel_id: str


class Say(msgspec.Struct, frozen=True):
    """Wants to say something in a channel that it has joined."""

    channel_id: str
    text: str
    """`/me …` is an action."""
    reply_to: str = ""
    """The message that is answered."""
    nonce: str = ""
    """Comes back with the verdict."""


Command = Hello | Join | Part | Say

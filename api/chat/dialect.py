"""What a session tells its client, whichever protocol the client speaks.

A protocol is two things. A `Dialect` turns what happened in a channel into bytes, once for all who
speak it: one object for the whole edge. A `Client` is one connection: it tells its user what is for
them alone, and hands what the user asks for to its `Session` (`api.chat.session`), as commands.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from api.chat.sockets import Member
from infra.record import Record
from schemas.chat_roles import MODERATING


class Place(msgspec.Struct, frozen=True):
    """A channel."""

    channel_id: str
    login: str
    """Its name, which is its owner's login."""


class ChatSettings(msgspec.Struct, frozen=True):
    """How a chat is set. See `schemas.records.chat.ChatSettingsChanged`."""

    slow_seconds: int = 0
    followers_only_minutes: int = -1
    subscribers_only: bool = False
    emote_only: bool = False
    unique_chat: bool = False
    links: str = "everybody"
    permitted_domains: list[str] = []
    chat_delay_seconds: int = 0


class Event(msgspec.Struct, frozen=True):
    """Something that happened in a channel's chat."""

    offset: int
    """Orders all events of a channel, and tells from where to resume."""
    at: int
    """Microseconds since 1970."""
    record: Record
    """A record of `schemas.records.chat`, without what this audience may not see."""
    before: ChatSettings | None = None
    """How the chat was set until then, of an event that changes it as it is told at once."""

    @property
    def kind(self) -> str:
        """Name of the record: `MessageSent`."""
        return type(self.record).__name__


class User(msgspec.Struct, frozen=True):
    """Who is signed in."""

    user_id: str
    login: str
    display_name: str
    colour: str = ""
    roles: tuple[str, ...] = ()
    """What they are to the whole platform: partner, affiliate, operator, service."""


class You(msgspec.Struct, frozen=True):
    """What the user of a connection is in a channel."""

    roles: tuple[str, ...] = ()
    """broadcaster, moderator, vip, subscriber, partner, affiliate, staff, bot."""
    followed_at: int | None = None
    """Microseconds since 1970; None: they do not follow, or nobody is signed in."""
    subscribed_months: int = 0

    @property
    def moderates(self) -> bool:
        """Whether they see what moderators see."""
        return not MODERATING.isdisjoint(self.roles)


class Joined(msgspec.Struct, frozen=True):
    """A channel as it is for who comes in."""

    place: Place
    offset: int
    """Of the last event so far; -1: there was none."""
    settings: ChatSettings
    you: You
    events: Sequence[Event]
    """The last messages, without those that were deleted; if `resumed` all events since."""
    resumed: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """What became of something that the user said."""

    message_id: str
    outcome: Literal["sent", "held", "rejected"]
    nonce: str = ""
    """What the client gave, if it was said by this connection."""
    reason: str = ""
    """Stable code, kebab-case."""
    detail: str = ""
    """For people."""
    retry_after_seconds: int | None = None


class Failure(msgspec.Struct, frozen=True):
    """Something that was asked for was not done. `reason` is a stable code, kebab-case."""

    reason: str
    detail: str
    channel_id: str = ""
    nonce: str = ""
    """Of what was to be said."""
    retry_after_seconds: int | None = None


class Dialect(Protocol):
    """How those who speak a protocol are told what everybody is told. It keeps no state.

    It is hashable: equal ones are told the same bytes.
    """

    @property
    def name(self) -> str:
        """Of the protocol."""
        ...

    @property
    def echoes(self) -> bool:
        """Whether who said something gets it like everybody (JSON), or the verdict only (IRC)."""
        ...

    def events(self, place: Place, events: Sequence[Event]) -> bytes:
        """Frames or lines as they go over the wire; empty if this protocol has no words for them.

        Of several events it is what it is of each, one after another, if `echoes` is false.
        """
        ...


class Client(Protocol):
    """A connection, as its session sees it. No method blocks, none raises."""

    @property
    def dialect(self) -> Dialect:
        """What it speaks."""
        ...

    @property
    def member(self) -> Member:
        """What groups write to: the connection of `api.chat.sockets` itself."""
        ...

    @property
    def buffered(self) -> int:
        """Bytes that wait for it."""
        ...

    def send(self, data: bytes) -> None:
        """Write what the dialect made."""
        ...

    def resume(self) -> None:
        """Let groups write to it again."""
        ...

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection."""
        ...

    def welcomed(self, user: User | None) -> None:
        """`Hello` was answered; None: nobody is signed in, and the client only reads."""
        ...

    def joined(self, joined: Joined) -> None:
        """`Join` was answered. Events of the channel follow."""
        ...

    def parted(self, place: Place) -> None:
        """The channel was left, as asked."""
        ...

    def changed(self, place: Place, you: You) -> None:
        """What the user is in the channel has changed."""
        ...

    def verdict(self, place: Place, you: You, verdict: Verdict) -> None:
        """What became of something that the user said."""
        ...

    def gap(self, place: Place, offset: int) -> None:
        """Events after this offset are missing, and cannot be had here: the API has them."""
        ...

    def failed(self, failure: Failure) -> None:
        """Something was not done."""
        ...

    def reconnect(self, after_ms: int) -> None:
        """This edge stops: come again, elsewhere, after so long."""
        ...

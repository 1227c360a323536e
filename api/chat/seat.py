"""A session's place in a channel."""

from collections import deque
from typing import TYPE_CHECKING, Protocol

from api.chat.dialect import Client, Event, You
from api.chat.sockets import Member
from infra.record import Record
from schemas.chat_stream import NONE
from schemas.records.chat import ChatCommandRefused, MessageHeld, MessageRejected, MessageSent

if TYPE_CHECKING:
    from api.chat.audience import Audience
    from api.chat.channel import Channel


class Sitter(Protocol):
    """A session, as its channels see it."""

    session_id: str
    client: Client

    @property
    def user_id(self) -> str:
        """Who it is; empty: nobody."""
        ...

    def decided(self, seat: "Seat", record: MessageSent | MessageHeld | MessageRejected) -> None:
        """What became of something that its user said, perhaps over another connection."""
        ...

    def catch_up(self) -> None:
        """Some of its seats were not told what others were: tell them from the stream."""
        ...

    def refused(self, seat: "Seat", refusal: ChatCommandRefused) -> None:
        """What became of a command of this connection."""
        ...


class Muting:
    """A member that does not get what it said itself."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._own: deque[bytes] = deque(maxlen=100)

    @property
    def flowing(self) -> bool:
        """See Member."""
        return self._member.flowing

    def skip(self, data: bytes) -> None:
        """This is among what comes next."""
        self._own.append(data)

    def send(self, data: bytes) -> None:
        """See Member."""
        for own in [own for own in self._own if own in data]:
            data = data.replace(own, b"", 1)
            self._own.remove(own)
        if data:
            self._member.send(data)


class Seat:
    """A session's place in a channel."""

    def __init__(self, session: Sitter, channel: "Channel", you: You) -> None:
        self.session = session
        self.client = session.client
        self.channel = channel
        self.you = you
        self.told = NONE
        """While it is behind or ahead: it was told everything up to this offset."""
        member = session.client.member
        self.muting = None if session.client.dialect.echoes else Muting(member)
        self.member: Member = self.muting or member
        self.listens = False
        """Whether it is written to, with all others."""

    @property
    def audience(self) -> "Audience":
        """With whom it sees the same."""
        return self.channel.moderators if self.you.moderates else self.channel.everyone

    @property
    def waits(self) -> bool:
        """Whether it was told more than others, and is seated once they are there."""
        return self in self.channel.ahead

    @property
    def is_behind(self) -> bool:
        """Whether it was told less than others, and is not written to with them."""
        return not self.listens and not self.waits and self.told < self.audience.last

    def enter(self) -> int:
        """Write to it, with all others, what comes after the offset that is returned."""
        self.channel.ahead.pop(self, None)
        self.listens = True
        return self.audience.enter(self.client.dialect, self.member)

    def stand(self) -> None:
        """Write nothing to it any more, and note what it was told."""
        self.channel.ahead.pop(self, None)
        if self.listens:
            self.told = self.audience.leave(self.client.dialect, self.member)
            self.listens = False

    def sit(self, told: int) -> None:
        """Write to it what comes after `told`, as soon as all others are there as well.

        Not to one who lags behind: who was told all is seated again.
        """
        self.told = told
        if not self.member.flowing:
            return
        missed = self.audience.since(told)
        if missed is None:
            self.channel.ahead.pop(self, None)
            self.session.catch_up()
            return
        mark = self.enter() if told <= self.audience.last else NONE
        if mark < told:
            self.stand()
            self.told = told
            self.channel.wait(self)
            return
        missed = [event for event in missed if event.offset <= mark]
        if missed and (data := self.client.dialect.events(self.channel.place, missed)):
            self.member.send(data)

    def change(self, you: You) -> None:
        """Its user is something else in the channel from now on."""
        if you.moderates == self.you.moderates or not self.listens:
            self.you = you
            return
        self.stand()
        self.you = you
        self.sit(self.told)

    def tell(self, record: Record, at: int) -> None:
        """Say something to it alone, at the place where it is."""
        if self.listens:
            offset = self.audience.written(self.client.dialect, self.member)
            event = Event(offset, at, record)
            self.client.send(self.client.dialect.events(self.channel.place, [event]))

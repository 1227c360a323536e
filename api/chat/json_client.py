"""Clients that speak JSON over a WebSocket (`api.chat.messages`)."""

from collections.abc import Callable, Sequence

from api.chat import messages
from api.chat.asking import Command, Hello, Join, Part, Say
from api.chat.dialect import (
    Event,
    Failure,
    Joined,
    Place,
    User,
    Verdict,
    You,
)
from api.chat.session import Session
from api.chat.sockets import Connection, Member, frame
from infra.errors import InvalidRecord


class JsonDialect:
    """How events are told in JSON."""

    name = "json"
    echoes = True

    def events(self, place: Place, events: Sequence[Event]) -> bytes:
        """See Dialect."""
        return frame(messages.events(place, events))


JSON = JsonDialect()


class JsonClient:
    """One WebSocket and its session."""

    def __init__(self, connection: Connection, session: Callable[["JsonClient"], Session]) -> None:
        self._connection = connection
        self.session = session(self)

    @property
    def dialect(self) -> JsonDialect:
        """See Client."""
        return JSON

    @property
    def member(self) -> Member:
        """See Client."""
        return self._connection

    @property
    def buffered(self) -> int:
        """See Client."""
        return self._connection.buffered

    def heard(self, text: str) -> None:
        """The client said something."""
        try:
            asked = messages.read(text)
        except InvalidRecord as error:
            self.failed(Failure("invalid-message", str(error)))
            return
        if isinstance(asked, messages.Ping):
            self._say(messages.PONG)
        else:
            self.session.take(_command(asked))

    def send(self, data: bytes) -> None:
        """See Client."""
        self._connection.send(data)

    def resume(self) -> None:
        """See Client."""
        self._connection.resume()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """See Client."""
        self._connection.close(code, reason)

    def welcomed(self, user: User | None) -> None:
        """See Client."""
        self._say(messages.welcome(user))

    def joined(self, joined: Joined) -> None:
        """See Client."""
        self._say(messages.joined(joined))

    def parted(self, place: Place) -> None:
        """See Client."""
        self._say(messages.parted(place))

    def changed(self, place: Place, you: You) -> None:
        """See Client."""
        self._say(messages.you(place, you))

    def verdict(self, place: Place, you: You, verdict: Verdict) -> None:
        """See Client."""
        self._say(messages.verdict(place, verdict))

    def gap(self, place: Place, offset: int) -> None:
        """See Client."""
        self._say(messages.gap(place, offset))

    def failed(self, failure: Failure) -> None:
        """See Client."""
        self._say(messages.error(failure))

    def reconnect(self, after_ms: int) -> None:
        """See Client."""
        self._say(messages.reconnect(after_ms))

    def _say(self, text: bytes) -> None:
        self._connection.send(frame(text))


def _command(asked: messages.Hello | messages.Join | messages.Part | messages.Say) -> Command:
    match asked:
        case messages.Hello():
            return Hello(asked.token)
        case messages.Join():
            return Join(asked.channel, asked.since)
        case messages.Part():
            return Part(asked.channel_id)
        case messages.Say():
            return Say(asked.channel_id, asked.text, asked.reply_to, asked.nonce)

"""A window of a channel's chat as it lies on the log: what was asked, beside what was decided."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from agents.chat.backtest.replay import Replay, verdict_of
from agents.chat.backtest.report import SENT, Report
from infra.errors import InvalidRecord
from infra.record import Envelope, Record
from infra.streaming.wire import ORIGIN, Header
from schemas.binary import SMALL
from schemas.records.chat import (
    ChatCommandRefused,
    MessageHeld,
    MessageRejected,
    MessageSent,
    SendMessage,
)

MEMORY_SECONDS: Final = 3900
"""What was said so long before a window is looked at: an hour is what rules remember, and clocks
of senders differ."""
_VERDICTS: Final = frozenset({MessageSent, MessageHeld, MessageRejected})


class LogRecord(Protocol):
    """A record as it was fetched."""

    @property
    def offset(self) -> int:
        """Its place."""
        ...

    @property
    def key(self) -> bytes | None:
        """The channel; of ticks, none."""
        ...

    @property
    def value(self) -> bytes | None:
        """The framed message."""
        ...

    @property
    def headers(self) -> Iterable[Header]:
        """The origin among them, where an agent wrote it."""
        ...


class Codec(Protocol):
    """What is needed of `schemas.registry.Registry`."""

    def decode(self, value: bytes) -> Envelope:
        """The message in the bytes."""
        ...

    def record_of(self, value: bytes) -> type[Record]:
        """What it is, without decoding it."""
        ...

    def part(self, record: type[Record], fields: Sequence[str]) -> Callable[[bytes], Any]:
        """What decodes some fields of a record, to a tuple."""
        ...


class Window(NamedTuple):
    """Offsets of chat-commands: from where on memory follows, and of the window."""

    remembered: int
    start: int
    end: int
    """Not in it."""


class Heard(msgspec.Struct, frozen=True, gc=False):
    """What rules look at of a message, see `SendMessage` for each."""

    channel_id: str
    user_id: str
    roles: list[str]
    followed_at: int | None
    suspended: bool
    text: str


_HEARD: Final = ("meta.event_id", "meta.occurred_at", *Heard.__struct_fields__[1:])


class WindowReplay:
    """Takes a channel's partitions of chat-commands and chat-events, and re-decides its messages.

    The order is that of the events, each of which names the command that it came from; a command is
    decoded if it is a message that was decided. Records of other channels are passed over.
    """

    def __init__(
        self, codec: Codec, replay: Replay, window: Window, *, trusting: bool = False
    ) -> None:
        """`trusting`: believe the log that a message passed rules which have not changed."""
        self._codec = codec
        self._replay = replay
        self._window = window
        self._channel = replay.channel_id.encode()
        self._asked: deque[tuple[int, bytes]] = deque()
        """Messages of which the verdict has not been met yet, with their offsets."""
        self._last = (-1, -1)
        """Origin of the event taken last: its command's offset, and which of its events it was."""
        self._heard = codec.part(SendMessage, _HEARD)
        self._passed = end_of_passed(replay.rules) if trusting else None
        self._opened = False
        self._undecided = 0

    def report(self, start: int, end: int) -> Report:
        """What came of it. `start`, `end`: the window in microseconds since 1970."""
        self._skip_to(self._window.end)
        return self._replay.report(start, end, self._undecided)

    def commands(self, records: Iterable[LogRecord]) -> None:
        """Take what was asked, which events tell more of later."""
        channel, record_of = self._channel, self._codec.record_of
        for record in records:
            if record.key == channel and record.value and record_of(record.value) is SendMessage:
                self._asked.append((record.offset, record.value))

    def events(self, records: Iterable[LogRecord]) -> None:
        """Take what was decided; the commands that it came from have been taken."""
        channel, record_of = self._channel, self._codec.record_of
        for record in records:
            value = record.value
            if record.key != channel or not value:
                continue
            origin = origin_of(record)
            if origin <= self._last:
                continue
            self._last = origin
            kind = record_of(value)
            if kind in _VERDICTS:
                if self._window.remembered <= origin[0] < self._window.end:
                    self._decided(origin[0], kind, value)
            elif kind is not ChatCommandRefused:
                self._happened(origin[0], value)

    def _decided(self, offset: int, kind: type[Record], value: bytes) -> None:
        """A verdict; or a message that was approved later, which comes from no message."""
        self._skip_to(offset)
        if not self._asked or self._asked[0][0] != offset:
            return
        command = self._asked.popleft()[1]
        message_id, now, *facts = self._heard(command)
        said = Heard(self._replay.channel_id, *facts)
        if offset < self._window.start:
            if kind is not MessageRejected:
                self._replay.remember(said, now)
            return
        self._open()
        if self._passed and kind is MessageSent and value.endswith(self._passed):
            example = self._replay.say_again(message_id, said, now)
        else:
            before = SENT if kind is MessageSent else verdict_of(self._codec.decode(value).event)
            example = self._replay.say(message_id, said, now, before)
        if example is not None:
            example.login = self._codec.decode(command).event.login
            example.rules_then = self._codec.decode(value).event.rules

    def _happened(self, offset: int, value: bytes) -> None:
        envelope = self._codec.decode(value)
        if offset >= self._window.start:
            self._open()
        self._replay.happened(envelope.event, envelope.meta.occurred_at)

    def _open(self) -> None:
        if not self._opened:
            self._opened = True
            self._replay.opens()

    def _skip_to(self, offset: int) -> None:
        """Messages before an offset of which no verdict came: repeats, or what was put aside."""
        asked = self._asked
        while asked and asked[0][0] < offset:
            self._undecided += self._window.start <= asked.popleft()[0] < self._window.end


def end_of_passed(rules: str) -> bytes:
    """How the bytes of a MessageSent end that these rules let pass: it is the last field."""
    return f"{SMALL[len(rules)]}{rules}".encode("latin-1")


def origin_of(record: LogRecord) -> tuple[int, int]:
    """Offset of the command that an event came from, and which of its events it is.

    Raises InvalidRecord if the event does not say.
    """
    for name, value in record.headers:
        if name == ORIGIN:
            _, offset, index = value.rsplit(b"/", 2)
            return int(offset), int(index)
    raise InvalidRecord(f"chat-events, offset {record.offset}: no header {ORIGIN}")

"""From raw messages of a partition to the changes of a view: what writing and proving share.

The live writer, `rebuild`, `prove`, `as-of` and `diff` all take messages through here, so they
agree on what is a repeat, what is a hole and what a view cannot take.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from aiokafka import TopicPartition

from infra.continuity import Continuity, Gap
from infra.errors import InvalidRecord
from infra.record import Codec, Envelope
from sinks.rows import Key, Row, merge_into
from sinks.store import Position, Positions
from sinks.view import View, changes


class Message(msgspec.Struct, frozen=True):
    """A message of the log, decoded once for all views that read it."""

    record: Any
    """The consumer's own record: topic, partition, offset, timestamp (milliseconds), value."""
    content: Envelope | InvalidRecord


class Hole(msgspec.Struct, frozen=True):
    """Messages that never came, as a view saw it."""

    view: str
    partition: TopicPartition
    offset: int
    """Of the first message after the hole."""
    gap: Gap


class Failure(msgspec.Struct, frozen=True):
    """A message that a view cannot take, and why."""

    view: str
    message: Message
    error: InvalidRecord


class Taken(msgspec.Struct):
    """What follows from some messages for one view."""

    rows: dict[Key, Row] = {}
    positions: Positions = {}
    holes: list[Hole] = []
    failures: list[Failure] = []
    applied: int = 0
    repeats: int = 0


def decoded(codec: Codec, records: Iterable[Any]) -> list[Message]:
    """The messages in raw records. One that cannot be decoded carries its error."""
    messages = []
    for record in records:
        content: Envelope | InvalidRecord
        try:
            content = codec.decode(record.value or b"")
        except InvalidRecord as error:
            content = error
        messages.append(Message(record, content))
    return messages


class Reading:
    """How far a view has read one partition, and what it has heard of its producers."""

    def __init__(self, view: View, position: Position | None = None) -> None:
        position = position or Position(0)
        self.offset = position.offset
        self.failures_in_a_row = 0
        self._view = view
        self._continuity = Continuity(position.marks)

    @property
    def position(self) -> Position:
        """What to store beside the rows."""
        return Position(self.offset, self._continuity.marks)

    def take(self, messages: Sequence[Message], into: Taken) -> None:
        """Take the messages from the position on, in order, and advance it past them."""
        for message in messages:
            record = message.record
            if record.offset < self.offset:
                continue
            self.offset = record.offset + 1
            try:
                self._take(message, into)
            except InvalidRecord as error:
                self.failures_in_a_row += 1
                into.failures.append(Failure(self._view.name, message, error))
            else:
                self.failures_in_a_row = 0

    def _take(self, message: Message, into: Taken) -> None:
        if isinstance(message.content, InvalidRecord):
            raise message.content
        record = message.record
        new, gap = self._continuity.observe(message.content.meta)
        if gap is not None and not self._view.compacted:
            partition = TopicPartition(record.topic, record.partition)
            into.holes.append(Hole(self._view.name, partition, record.offset, gap))
        if not new:
            into.repeats += 1
            return
        found = changes(self._view, message.content, record.offset + 1)
        into.applied += 1
        merge_into(into.rows, found.items())

"""The rows that follow from the log: what every proof compares with."""

import time
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec
from aiokafka import TopicPartition

from infra.errors import InvalidRecord
from infra.kafka import LogReader, partition_of
from infra.record import Codec
from sinks.projection import Message, Reading, Taken, decoded
from sinks.rows import Columns, Key, Row, merge
from sinks.view import View

Ends = Mapping[TopicPartition, int]


class Progress(msgspec.Struct, frozen=True):
    """How far a pass over the log has got, in messages."""

    view: str
    done: int
    total: int
    seconds: float


OnProgress = Callable[[Progress], None]


class Tally(msgspec.Struct):
    """What a pass over the log met."""

    messages: int = 0
    repeats: int = 0
    holes: int = 0
    failures: int = 0
    """Messages that the view cannot take; the writer put them among the dead letters."""
    seconds: float = 0.0


async def partitions_of(log: LogReader, view: View, key: Key | None = None) -> list[TopicPartition]:
    """The partitions that feed a view, or only those that can hold keys that begin so."""
    found = []
    for topic in view.topics:
        partitions = await log.partitions(topic)
        place = list(view.key).index(view.log_key) if view.log_key else len(view.key)
        if key is not None and place < len(key):
            text = str(key[place])
            partitions = [partitions[partition_of(text.encode(), len(partitions))]]
        found += partitions
    return found


class LogPass:
    """Takes the messages of a view in order, from the beginning of the log as far as it is told.

    Raises InvalidRecord for a view whose rows expire.
    """

    def __init__(
        self, log: LogReader, codec: Codec, view: View, on_progress: OnProgress | None = None
    ) -> None:
        if not view.lasting:
            raise InvalidRecord(
                f"rows of {view.name} go by themselves after {view.expires} s: "
                "there is nothing that the whole log could prove or make again"
            )
        self.tally = Tally()
        self._log = log
        self._codec = codec
        self._view = view
        self._on_progress = on_progress
        self._readings: dict[TopicPartition, Reading] = {}

    def offset(self, partition: TopicPartition) -> int:
        """Offset of the next message to take."""
        reading = self._readings.get(partition)
        return reading.offset if reading else 0

    async def until(self, ends: Ends, *, singly: bool = False) -> AsyncIterator[Taken]:
        """Take messages up to, not including, these offsets; `singly`: one by one."""
        began, before = time.perf_counter(), self.tally.seconds
        starts = await self._starts(ends)
        total = self.tally.messages + sum(max(0, ends[tp] - starts[tp]) for tp in ends)
        async for batch in self._log.read(starts, dict(ends)):
            messages = decoded(self._codec, batch)
            for part in [[message] for message in messages] if singly else [messages]:
                yield self._take(part)
            self.tally.seconds = before + time.perf_counter() - began
            if self._on_progress is not None:
                tally = self.tally
                self._on_progress(Progress(self._view.name, tally.messages, total, tally.seconds))
        for partition, end in ends.items():
            reading = self._readings[partition]
            reading.offset = max(reading.offset, end)

    async def _starts(self, ends: Ends) -> dict[TopicPartition, int]:
        new = [partition for partition in ends if partition not in self._readings]
        begins = await self._log.begins(new) if new else {}
        for partition in new:
            self._readings[partition] = Reading(self._view)
        return {tp: max(self._readings[tp].offset, begins.get(tp, 0)) for tp in ends}

    def _take(self, messages: list[Message]) -> Taken:
        record = messages[0].record
        partition = TopicPartition(record.topic, record.partition)
        reading, taken = self._readings[partition], Taken()
        reading.take(messages, taken)
        taken.positions[partition] = reading.position
        self.tally.messages += len(messages)
        self.tally.repeats += taken.repeats
        self.tally.holes += len(taken.holes)
        self.tally.failures += len(taken.failures)
        return taken


class Fold:
    """The rows of a view as they follow from the log. Memory: the rows there are.

    A deleted row is forgotten, because one partition feeds it and its messages come in order.
    """

    def __init__(self, messages: LogPass, *, only: Key | None = None) -> None:
        """`only`: the rows whose keys begin so."""
        self._messages = messages
        self._only = only
        self._rows: dict[Key, Row] = {}

    @property
    def rows(self) -> dict[Key, Columns]:
        """A copy of the rows: columns by key."""
        return {key: row.columns or {} for key, row in self._rows.items()}

    async def until(self, ends: Ends) -> None:
        """Fold messages up to, not including, these offsets."""
        async for taken in self._messages.until(ends):
            for key, change in taken.rows.items():
                self._merge(key, change)

    async def watch_until(self, ends: Ends) -> dict[Key, list[Columns | None]]:
        """The same, and all states that each changed row went through, the first one included."""
        states: dict[Key, list[Columns | None]] = {}
        async for taken in self._messages.until(ends, singly=True):
            for key, change in taken.rows.items():
                if key not in states:
                    states[key] = [self._columns(key)]
                self._merge(key, change)
                states[key].append(self._columns(key))
        return states

    def _columns(self, key: Key) -> Columns | None:
        row = self._rows.get(key)
        return row.columns if row else None

    def _merge(self, key: Key, change: Row) -> None:
        if self._only is not None and key[: len(self._only)] != self._only:
            return
        known = self._rows.get(key)
        row = change if known is None else merge(known, change)
        if row.cells:
            self._rows[key] = row
        else:
            self._rows.pop(key, None)

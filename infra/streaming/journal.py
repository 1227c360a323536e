"""The journal: one compacted topic an app; partition p holds the state that partitions p feed.

A flush appends one record batch to a partition: the entries it touched, and the place (next
source offset). A batch is appended whole or not at all, so state and position move together.

A record is `key → value`: the key a msgpack array `[kind, …]`, the value the entry's bytes or null
for a deletion, the header `term` the writer's term. Terms are what tells a late writer: each owner
of a partition first appends the next term (the fence); a record of a lower term behind it is
stale. Restoring ignores it, and the owner writes such keys again, so that compaction, which keeps
the last record of a key, keeps the right one.

Kinds: `table` name key · `place` topic · `sequence` topic output-topic output-partition ·
`mark` topic producer · `streak` topic · `term`.
"""

from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from infra.continuity import REMEMBERED, Continuity
from infra.errors import InvalidRecord
from infra.kafka import min_insync_replicas
from infra.streaming.wire import Header, Output

_K = TypeVar("_K")
_V = TypeVar("_V")

EntryKey = tuple[str | int, ...]
"""Kind of the entry and its address: `("table", "stream-by-channel", "c1")`."""

TERM: Final[EntryKey] = ("term",)
TERM_HEADER: Final = "term"
COMPACTION_LAG_MS: Final = 600_000
"""Compaction leaves younger records alone: the time there is to find and repair a late write."""

pack = msgspec.msgpack.Encoder().encode
_unpack_key = msgspec.msgpack.Decoder(tuple[str | int, ...]).decode
_unpack_number = msgspec.msgpack.Decoder(int).decode


def topic_of(app: str) -> str:
    """The journal topic of an app."""
    return f"{app}-journal"


def topic_settings(replicas: int) -> dict[str, str]:
    """How Kafka keeps a journal."""
    return {
        "cleanup.policy": "compact",
        "min.compaction.lag.ms": str(COMPACTION_LAG_MS),
        "min.insync.replicas": str(min_insync_replicas(replicas)),
    }


def write(entries: Iterable[tuple[EntryKey, bytes | None]], term: int) -> list[Output]:
    """The records of one batch. A value of None becomes a tombstone, which compaction removes."""
    header = [(TERM_HEADER, term.to_bytes(8, "big"))]
    return [(pack(key), value, header) for key, value in entries]


def read_term(headers: Iterable[Header]) -> int:
    """The term of a journal record. Raises InvalidRecord."""
    for name, value in headers:
        if name == TERM_HEADER and len(value) == 8:
            return int.from_bytes(value, "big")
    raise InvalidRecord("a journal record has no `term` header of 8 bytes")


class PartitionState:
    """What the journal's partition says, and what handlers made of it since."""

    def __init__(self) -> None:
        self.term = 0
        """Highest term seen; this owner's own once `claimed`."""
        self.claimed = False
        self.end = -1
        """Offset after the last journal record known here; -1 before anything was read."""
        self.places: dict[str, int] = {}
        """Next offset of each source topic."""
        self.tables: dict[str, dict[str, bytes]] = {}
        self.sequences: dict[tuple[str, str, int], int] = {}
        """Next sequence by (source topic, output topic, output partition)."""
        self.streaks: dict[str, int] = {}
        """Dead letters in a row by source topic."""
        self.continuity: dict[str, Continuity] = {}
        """Producers' marks by source topic, ready after `settle_marks`."""
        self.stale: set[EntryKey] = set()
        """Keys whose last record in the journal is not the newest: to be written again."""
        self._marks: dict[str, dict[str, int]] = {}

    def absorb(self, key: bytes, value: bytes | None, term: int) -> None:
        """Take in the next record of the journal. Raises InvalidRecord."""
        try:
            entry = _unpack_key(key)
            if term < self.term:
                self.stale.add(entry)
                return
            self.term = term
            self.stale.discard(entry)
            self._apply(entry, value)
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            raise InvalidRecord(f"journal key {key[:80]!r}: {error}") from error

    def table(self, name: str) -> dict[str, bytes]:
        """The rows of a table in this partition, encoded."""
        return self.tables.setdefault(name, {})

    def marks(self, topic: str) -> Continuity:
        """The marks of the producers of a source topic."""
        if topic not in self.continuity:
            self.continuity[topic] = Continuity()
        return self.continuity[topic]

    def reopen_marks(self) -> None:
        """Before more of the journal is read."""
        self._marks = {topic: known.marks for topic, known in self.continuity.items()}

    def settle_marks(self) -> None:
        """After the journal was read: marks above the bound are forgotten, oldest first."""
        self.continuity = {}
        for topic, marks in self._marks.items():
            for producer in list(marks)[: max(0, len(marks) - REMEMBERED)]:
                del marks[producer]
                self.stale.add(("mark", topic, producer))
            self.continuity[topic] = Continuity(marks)
        self._marks = {}

    def repairs(self) -> list[tuple[EntryKey, bytes | None]]:
        """The newest value of every stale key, to be appended again."""
        return [(entry, self._lookup(entry)) for entry in sorted(self.stale, key=repr)]

    def _apply(self, entry: EntryKey, value: bytes | None) -> None:
        match entry:
            case ("table", str(name), str(key)):
                _put(self.table(name), key, value)
            case ("place", str(topic)):
                _put(self.places, topic, _number(value))
            case ("sequence", str(topic), str(sink), int(partition)):
                _put(self.sequences, (topic, sink, partition), _number(value))
            case ("mark", str(topic), str(producer)):
                marks = self._marks.setdefault(topic, {})
                marks.pop(producer, None)  # what was heard last stands last
                _put(marks, producer, _number(value))
            case ("streak", str(topic)):
                _put(self.streaks, topic, _number(value))
            case ("term",):
                pass
            case _:
                raise ValueError(f"unknown kind of entry {entry!r}")

    def _lookup(self, entry: EntryKey) -> bytes | None:
        number: int | None
        match entry:
            case ("table", str(name), str(key)):
                return self.table(name).get(key)
            case ("place", str(topic)):
                number = self.places.get(topic)
            case ("sequence", str(topic), str(sink), int(partition)):
                number = self.sequences.get((topic, sink, partition))
            case ("mark", str(topic), str(producer)):
                number = self.marks(topic).marks.get(producer)
            case ("streak", str(topic)):
                number = self.streaks.get(topic)
            case _:
                number = self.term
        return None if number is None else pack(number)


def _number(value: bytes | None) -> int | None:
    return None if value is None else _unpack_number(value)


def _put(rows: dict[_K, _V], key: _K, value: _V | None) -> None:
    if value is None:
        rows.pop(key, None)
    else:
        rows[key] = value

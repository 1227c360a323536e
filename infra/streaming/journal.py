"""The journal: one compacted topic an app; partition p holds the state that partitions p feed.

A flush appends one record batch to a partition: the entries it touched, and the place (next
source offset). A batch is appended whole or not at all, so state and position move together.

A record is `key → value`: the key a msgpack array `[kind, …]`, the value the entry's bytes or null
for a deletion. Each owner of a partition first appends the next term and its own name; from then on
the broker takes nothing more from earlier owners (`journal_writer`), so the last record of a key is
the newest, and compaction keeps the right one.

Kinds: `table` name key · `place` topic · `sequence` topic output-topic output-partition ·
`mark` topic producer · `streak` topic · `term` · `owner`.
"""

from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec

from infra.continuity import REMEMBERED, Continuity
from infra.errors import InvalidRecord
from infra.kafka import min_insync_replicas
from infra.streaming.wire import Output

_K = TypeVar("_K")
_V = TypeVar("_V")

EntryKey = tuple[str | int, ...]
"""Kind of the entry and its address: `("table", "stream-by-channel", "c1")`."""

TERM: Final[EntryKey] = ("term",)
OWNER: Final[EntryKey] = ("owner",)

pack = msgspec.msgpack.Encoder().encode
_unpack_key = msgspec.msgpack.Decoder(tuple[str | int, ...]).decode
_unpack_number = msgspec.msgpack.Decoder(int).decode
_unpack_text = msgspec.msgpack.Decoder(str).decode


def topic_of(app: str) -> str:
    """The journal topic of an app."""
    return f"{app}-journal"


def topic_settings(replicas: int) -> dict[str, str]:
    """How Kafka keeps a journal."""
    return {
        "cleanup.policy": "compact",
        "min.insync.replicas": str(min_insync_replicas(replicas)),
    }


def write(entries: Iterable[tuple[EntryKey, bytes | None]]) -> list[Output]:
    """The records of one batch. A value of None becomes a tombstone, which compaction removes."""
    return [(pack(key), value, []) for key, value in entries]


class PartitionState:
    """What the journal's partition says, and what handlers made of it since."""

    def __init__(self) -> None:
        self.term = 0
        """Counts the owners that this partition has had."""
        self.owner = ""
        """The name of the last of them."""
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
        self.derived: dict[str, Any] = {}
        """What handlers derived from the tables; forgotten as soon as it may be wrong."""
        self.forgotten: list[EntryKey] = []
        """Marks above the bound, which the next owner deletes from the journal."""
        self._marks: dict[str, dict[str, int]] = {}

    def absorb(self, key: bytes, value: bytes | None) -> None:
        """Take in the next record of the journal. Raises InvalidRecord."""
        self.derived.clear()
        try:
            self._apply(_unpack_key(key), value)
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            raise InvalidRecord(f"journal key {key[:80]!r}: {error}") from error

    def table(self, name: str) -> dict[str, bytes]:
        """The rows of a table in this partition, encoded."""
        rows = self.tables.get(name)
        if rows is None:
            rows = self.tables[name] = {}
        return rows

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
        self.continuity, self.forgotten = {}, []
        for topic, marks in self._marks.items():
            for producer in list(marks)[: max(0, len(marks) - REMEMBERED)]:
                del marks[producer]
                self.forgotten.append(("mark", topic, producer))
            self.continuity[topic] = Continuity(marks)
        self._marks = {}

    def claim(self, owner: str) -> list[tuple[EntryKey, bytes | None]]:
        """What the next owner appends first."""
        taken = [(TERM, pack(self.term + 1)), (OWNER, pack(owner))]
        return [*taken, *((entry, None) for entry in self.forgotten)]

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
                self.term = _number(value) or 0
            case ("owner",):
                self.owner = "" if value is None else _unpack_text(value)
            case _:
                raise ValueError(f"unknown kind of entry {entry!r}")


def _number(value: bytes | None) -> int | None:
    return None if value is None else _unpack_number(value)


def _put(rows: dict[_K, _V], key: _K, value: _V | None) -> None:
    if value is None:
        rows.pop(key, None)
    else:
        rows[key] = value

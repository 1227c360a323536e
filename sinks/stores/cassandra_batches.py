"""What is written, as values of statements, and in batches that cost the server few writes."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition
from cassandra.metadata import Murmur3Token
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType

from sinks.retention import SECOND
from sinks.rows import Key, Row
from sinks.store import Position
from sinks.stores.cassandra_statements import place_of
from sinks.view import View

STATEMENTS_PER_BATCH: Final = 50
PARTITIONS_PER_BATCH: Final = 30
"""Each is a write of its own for the server, which warns of more than 10 unless told otherwise."""
SLACK_SECONDS: Final = 3600
"""How much longer than its time a row is in the table. Readers do not see it any more, so its
cells need not go in one instant, nor by the clock of one machine."""


def batches(partitions: Iterable[list[Any]]) -> Iterator[BatchStatement]:
    """Statements by partition in batches of a few, neighbours by token: they share replicas.

    All statements of a partition in a batch are one write for the server.
    """
    batch, count = BatchStatement(BatchType.UNLOGGED), 0
    for statements in sorted(partitions, key=_token):
        count += 1
        for statement in statements:
            if len(batch) >= STATEMENTS_PER_BATCH or count > PARTITIONS_PER_BATCH:
                yield batch
                batch, count = BatchStatement(BatchType.UNLOGGED), 1
            batch.add(statement)
    if len(batch):
        yield batch


def by_partition(
    view: View, rows: Mapping[Key, Row], lifetimes: Mapping[Key, int], insert: Any, delete: Any
) -> Iterable[list[Any]]:
    """Bound statements that merge changes; `lifetimes`: seconds for cells of a row, 0: for good."""
    found: dict[Key, list[Any]] = defaultdict(list)
    width = 1 if view.part_of is None else 2
    for key, row in rows.items():
        place = place_of(view, key)
        ttl = lifetimes.get(key, 0)
        found[place[:width]] += _statements(view, place, row, ttl, insert, delete)
    return found.values()


def time_to_live(end: int | None, now: int) -> int:
    """Seconds for the server to keep cells of a row that ends then (microseconds); 0: for good."""
    return 0 if end is None else math.ceil((end - now) / SECOND) + SLACK_SECONDS


def position_values(
    view: View, generation: str, partition: TopicPartition, position: Position
) -> tuple[Any, ...]:
    """Values of the statement that stores a position, at its own version."""
    marks = msgspec.json.encode(position.marks).decode()
    where = (partition.topic, partition.partition, position.offset, marks)
    return (view.name, generation, *where, position.offset + 1)


def _token(statements: Sequence[Any]) -> int:
    token: int = Murmur3Token.hash_fn(statements[0].routing_key)
    return token


def _statements(
    view: View, place: Key, row: Row, ttl: int, insert: Any, delete: Any
) -> Iterator[Any]:
    if row.deleted:
        yield delete.bind((row.deleted, *place))
    for version in {cell.version for cell in row.cells.values()}:
        values = (
            cell.value
            if (cell := row.cells.get(name)) is not None and cell.version == version
            else UNSET_VALUE
            for name in view.columns
        )
        yield insert.bind((*place, *values, version, ttl))

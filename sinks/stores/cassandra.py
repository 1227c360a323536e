"""A store of views in Cassandra: a table a generation, cells written at the log's own timestamps.

A version is given as `USING TIMESTAMP`, so Cassandra itself keeps the newer cell and its
tombstones keep the past away, for `gc_grace_seconds`. Nothing needs a lightweight transaction:
every write can be repeated and reordered.
"""

import asyncio
import math
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition
from cassandra import InvalidRequest
from cassandra.metadata import Murmur3Token
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType

from infra.errors import InvalidRecord, Unavailable
from sinks.rows import Columns, Key, Row
from sinks.store import (
    FIRST,
    TOMBSTONE_SECONDS,
    Generations,
    Page,
    Position,
    Positions,
    Superseded,
)
from sinks.stores.cassandra_session import CassandraSession
from sinks.stores.cassandra_statements import Statements, place_of
from sinks.stores.keys import key_of_text, key_text
from sinks.view import View

STATEMENTS_PER_BATCH: Final = 50
PARTITIONS_PER_BATCH: Final = 30
"""Each is a write of its own for the server, which warns of more than 10 unless told otherwise."""
PARTS_REMEMBERED: Final = 100_000
"""Parts that were said to have rows and are not said again."""
BATCHES_IN_FLIGHT: Final = 32
"""Of one call of `apply`, so that who has much to write does not stand before who has little."""


class CassandraStore:
    """Keeps views in a keyspace, which `setup` creates."""

    def __init__(
        self, hosts: list[str], port: int, keyspace: str, *, replication_factor: int = 1
    ) -> None:
        self._cql = Statements(keyspace)
        self._session = CassandraSession(hosts, port, keyspace, replication_factor)
        self._parts: set[tuple[str, Key]] = set()

    async def setup(self, views: Sequence[View]) -> None:
        """Create tables, and the first generation of views that have none."""
        for statement in self._cql.shared_tables:
            await self._session.run(statement)
        for view in views:
            if (await self.generations(view)).active == FIRST:
                await self._create(view, FIRST)
                await self._session.execute(self._cql.add_name, (view.name, FIRST))
                await self._session.execute(self._cql.start, (view.name, FIRST))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def generations(self, view: View) -> Generations:
        """Which generations there are."""
        return (await self._state(view))[0]

    async def _state(self, view: View) -> tuple[Generations, bool]:
        """The generations, and whether the view is held."""
        try:
            active, names = await asyncio.gather(
                self._session.execute(self._cql.active, (view.name,)),
                self._session.execute(self._cql.names, (view.name,)),
            )
        except InvalidRequest as error:
            raise Unavailable(f"no views in Cassandra; has a writer run? {error}") from error
        generation, held = active[0] if active else (FIRST, None)
        found = Generations(generation or FIRST, frozenset(name for (name,) in names))
        return found, bool(held)

    async def begin(self, view: View) -> str:
        """Make an empty generation."""
        name = uuid.uuid4().hex[:16]
        await self._create(view, name)
        await self._session.execute(self._cql.add_name, (view.name, name))
        return name

    async def _create(self, view: View, generation: str) -> None:
        for statement in self._cql.create(view, generation, TOMBSTONE_SECONDS):
            await self._session.run(statement)

    async def apply(
        self,
        view: View,
        generation: str,
        rows: Mapping[Key, Row],
        positions: Mapping[TopicPartition, Position],
        *,
        live: bool,
    ) -> None:
        """Merge changes in unlogged batches of a few partitions; then store the positions.

        Whether the generation is active is asked before: a write that is under way while the
        view is switched lands in the old generation, whose positions alone claim it.
        """
        generations, held = await self._state(view)
        if generation not in generations.names or (live and generation != generations.active):
            raise Superseded(f"{view.name}: generation {generation} is not active")
        if live and held:
            raise Unavailable(f"{view.name} is held")
        async with _dropped(view, generation):
            await self._add_parts(view, generation, rows)
            insert = await self._session.prepare(self._cql.insert(view, generation))
            delete = await self._session.prepare(self._cql.delete(view, generation))
            batches = _batches(_by_partition(view, rows, insert, delete))
            await asyncio.gather(*(self._send(batches) for _ in range(BATCHES_IN_FLIGHT)))
        await asyncio.gather(
            *(
                self._session.execute(
                    self._cql.set_position, _position(view, generation, partition, position)
                )
                for partition, position in positions.items()
            )
        )

    async def _add_parts(self, view: View, generation: str, rows: Iterable[Key]) -> None:
        """Say which parts will have rows, before they do."""
        if view.part_of is None:
            return
        cql = self._cql.add_part(view, generation)
        new = {(cql, place_of(view, key)[:2]) for key in rows} - self._parts
        if not new:
            return
        statement = await self._session.prepare(cql)
        batches = _batches([statement.bind(values)] for _, values in new)
        await asyncio.gather(*(self._send(batches) for _ in range(BATCHES_IN_FLIGHT)))
        if len(self._parts) > PARTS_REMEMBERED:
            self._parts.clear()
        self._parts |= new

    async def _send(self, batches: Iterator[BatchStatement]) -> None:
        for batch in batches:
            await self._session.send(batch)

    async def get(self, view: View, generation: str, key: Key) -> Columns | None:
        """A row's columns: one read of one partition."""
        async with _dropped(view, generation):
            found = await self._session.execute(
                self._cql.get(view, generation), place_of(view, key)
            )
        return _read(view, found[0])[1] if found else None

    async def scan(
        self,
        view: View,
        generation: str,
        limit: int,
        cursor: str | None = None,
        within: str | None = None,
    ) -> Page:
        """Rows by partition, and in the view's order in a partition."""
        after = None if cursor is None else key_of_text(view, cursor)
        parts = await self._parts_of(view, generation, within)
        rows: list[tuple[Any, ...]] = []
        for cql, values in self._cql.pages(view, generation, after, within, parts):
            async with _dropped(view, generation):
                rows += await self._session.execute(cql, (*values, limit + 1 - len(rows)))
            if len(rows) > limit:
                break
        page = [_read(view, row) for row in rows[:limit]]
        return Page(page, key_text(page[-1][0]) if len(rows) > limit else None)

    async def _parts_of(self, view: View, generation: str, within: str | None) -> list[int]:
        if view.part_of is None or within is None:
            return []
        async with _dropped(view, generation):
            found = await self._session.execute(self._cql.parts(view, generation), (within,))
        return [part for (part,) in found]

    async def positions(self, view: View, generation: str) -> Positions:
        """The stored positions."""
        found = await self._session.execute(self._cql.positions, (view.name, generation))
        return {
            TopicPartition(topic, partition): Position(
                offset, msgspec.json.decode(marks, type=dict[str, int])
            )
            for topic, partition, offset, marks in found
        }

    async def hold(self, view: View, seconds: float) -> None:
        """Keep live writers away for so long; the server forgets it by itself."""
        await self._session.execute(self._cql.hold, (math.ceil(seconds), view.name))

    async def switch(self, view: View, generation: str) -> None:
        """Make a generation the active one."""
        if generation not in (await self.generations(view)).names:
            raise Superseded(f"{view.name}: generation {generation} was dropped")
        await self._session.execute(self._cql.switch, (view.name, generation))

    async def drop(self, view: View, generation: str) -> None:
        """Forget a generation."""
        if (await self.generations(view)).active == generation:
            raise InvalidRecord(f"{view.name}: generation {generation} is active")
        await self._session.execute(self._cql.drop_name, (view.name, generation))
        await self._session.execute(self._cql.drop_positions, (view.name, generation))
        for statement in self._cql.drop(view, generation):
            await self._session.run(statement)


@asynccontextmanager
async def _dropped(view: View, generation: str) -> AsyncIterator[None]:
    """The server knows no table of a generation that was dropped a moment ago."""
    try:
        yield
    except InvalidRequest as error:
        if "does not exist" not in str(error):
            raise InvalidRecord(
                f"Cassandra refuses a statement on {view.name}: {error}. If another version of "
                f"Millrace made its table, run `millrace rebuild {view.name}`"
            ) from error
        raise Superseded(f"{view.name}: generation {generation} was dropped") from error


def _position(
    view: View, generation: str, partition: TopicPartition, position: Position
) -> tuple[Any, ...]:
    marks = msgspec.json.encode(position.marks).decode()
    where = (partition.topic, partition.partition, position.offset, marks)
    return (view.name, generation, *where, position.offset + 1)


def _by_partition(
    view: View, rows: Mapping[Key, Row], insert: Any, delete: Any
) -> Iterable[list[Any]]:
    found: dict[Key, list[Any]] = defaultdict(list)
    width = 1 if view.part_of is None else 2
    for key, row in rows.items():
        place = place_of(view, key)
        found[place[:width]] += _statements(view, place, row, insert, delete)
    return found.values()


def _batches(partitions: Iterable[list[Any]]) -> Iterator[BatchStatement]:
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


def _token(statements: Sequence[Any]) -> int:
    token: int = Murmur3Token.hash_fn(statements[0].routing_key)
    return token


def _statements(view: View, place: Key, row: Row, insert: Any, delete: Any) -> Iterator[Any]:
    if row.deleted:
        yield delete.bind((row.deleted, *place))
    for version in {cell.version for cell in row.cells.values()}:
        values = (
            cell.value
            if (cell := row.cells.get(name)) is not None and cell.version == version
            else UNSET_VALUE
            for name in view.columns
        )
        yield insert.bind((*place, *values, version))


def _read(view: View, row: tuple[Any, ...]) -> tuple[Key, Columns]:
    width = len(view.key)
    columns = zip(view.columns, row[width:], strict=True)
    return row[:width], {name: value for name, value in columns if value is not None}

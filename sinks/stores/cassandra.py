"""A store of views in Cassandra: a table a generation, cells written at the log's own timestamps.

A version is given as `USING TIMESTAMP`, so Cassandra itself keeps the newer cell and its
tombstones keep the past away, for `gc_grace_seconds`. Nothing needs a lightweight transaction:
every write can be repeated and reordered. Rows that are kept for a time are written with what is
left of it as TTL, and somewhat more; that they are over is seen by reading.
"""

import asyncio
import math
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition
from cassandra import InvalidRequest

from infra.clock import Clock, SystemClock
from infra.errors import InvalidRecord, Unavailable
from sinks.retention import FOR_GOOD, SECOND, Lifetimes
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
from sinks.stores.cassandra_batches import batches, by_partition, position_values, time_to_live
from sinks.stores.cassandra_session import CassandraSession
from sinks.stores.cassandra_statements import Statements, place_of
from sinks.stores.keys import key_of_text, key_text
from sinks.view import View

PARTS_REMEMBERED: Final = 100_000
"""Parts that were said to have rows and are not said again."""
PART_SLACK: Final = 86_400 * SECOND
"""How much longer a part is said to have rows than the row for which it is said, so that it is not
said again for each."""
ENDLESS: Final = 1 << 62
"""When a part ends that is kept for good."""
PARTS_AT_ONCE: Final = 100
"""Numbers of parts that a scan reads in one go."""
HIGHEST: Final = (1 << 63) - 1
"""No part has so high a number."""
BATCHES_IN_FLIGHT: Final = 32
"""Of one call of `apply`, so that who has much to write does not stand before who has little."""


class CassandraStore:
    """Keeps views in a keyspace, which `setup` creates."""

    def __init__(
        self,
        hosts: list[str],
        port: int,
        keyspace: str,
        *,
        replication_factor: int = 1,
        lifetimes: Lifetimes = FOR_GOOD,
        clock: Clock | None = None,
    ) -> None:
        self._cql = Statements(keyspace)
        self._session = CassandraSession(hosts, port, keyspace, replication_factor)
        self._lifetimes = lifetimes
        self._clock = clock or SystemClock()
        self._parts: dict[tuple[str, Key], int] = {}

    async def setup(self, views: Sequence[View]) -> None:
        """Create tables, and the first generation of views that have none."""
        for statement in self._cql.shared_tables:
            await self._session.run(statement)
        known = await asyncio.gather(*(self.generations(view) for view in views))
        for view, found in zip(views, known, strict=True):
            if found.active == FIRST and FIRST not in found.names:
                await self._create(view, FIRST)
                await self._session.execute(self._cql.add_name, (view.name, FIRST))
                await self._session.execute(self._cql.start, (view.name, FIRST))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def generations(self, view: View) -> Generations:
        """Which generations there are."""
        return (await self._state(view))[0]

    async def current(self, views: Sequence[View]) -> dict[str, str]:
        """The active generation of each view: one read of a small table."""
        async with _set_up():
            found: dict[str, str] = dict(await self._session.execute(self._cql.current, ()))
        return {view.name: found.get(view.name) or FIRST for view in views}

    async def _state(self, view: View) -> tuple[Generations, bool]:
        """The generations, and whether the view is held."""
        async with _set_up():
            active, names = await asyncio.gather(
                self._session.execute(self._cql.active, (view.name,)),
                self._session.execute(self._cql.names, (view.name,)),
            )
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
        now = self._clock.now()
        there = self._lifetimes.kept(view, rows, now)
        ends = {key: self._lifetimes.end(view, key) for key in there}
        async with _dropped(view, generation):
            await self._add_parts(view, generation, ends, now)
            insert = await self._session.prepare(self._cql.insert(view, generation))
            delete = await self._session.prepare(self._cql.delete(view, generation))
            left = {key: time_to_live(end, now) for key, end in ends.items()}
            await self._send_all(by_partition(view, there, left, insert, delete))
        await asyncio.gather(
            *(
                self._session.execute(
                    self._cql.set_position, position_values(view, generation, partition, position)
                )
                for partition, position in positions.items()
            )
        )

    async def _add_parts(
        self, view: View, generation: str, ends: Mapping[Key, int | None], now: int
    ) -> None:
        """Say which parts will have rows, before they do, and for how long.

        Said again, the later end stays: it is the version.
        """
        if view.part_of is None:
            return
        cql = self._cql.add_part(view, generation)
        needed: dict[tuple[str, Key], int] = {}
        for key, end in ends.items():
            part = (cql, place_of(view, key)[:2])
            needed[part] = max(needed.get(part, 0), ENDLESS if end is None else end)
        new = {part: end for part, end in needed.items() if self._parts.get(part, 0) < end}
        if not new:
            return
        statement = await self._session.prepare(cql)
        said = {part: end if end == ENDLESS else end + PART_SLACK for part, end in new.items()}
        await self._send_all(
            [statement.bind((*part, end, time_to_live(None if end == ENDLESS else end, now)))]
            for (_, part), end in said.items()
        )
        if len(self._parts) > PARTS_REMEMBERED:
            self._parts.clear()
        self._parts |= said

    async def _send_all(self, partitions: Iterable[list[Any]]) -> None:
        waiting = batches(partitions)

        async def send() -> None:
            for batch in waiting:
                await self._session.send(batch)

        await asyncio.gather(*(send() for _ in range(BATCHES_IN_FLIGHT)))

    async def get(self, view: View, generation: str, key: Key) -> Columns | None:
        """A row's columns: one read of one partition."""
        if not self._lifetimes.keeps(view, key, self._clock.now()):
            return None
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
        """Rows by partition, and in the view's order in a partition.

        There may be fewer than `limit`, and still a cursor, where the time of some is over.
        """
        after = None if cursor is None else key_of_text(view, cursor)
        rows: list[tuple[Any, ...]] = []
        async with _dropped(view, generation):
            async for cql, values in self._pages(view, generation, after, within):
                rows += await self._session.execute(cql, (*values, limit + 1 - len(rows)))
                if len(rows) > limit:
                    break
        page = dict(_read(view, row) for row in rows[:limit])
        following = key_text(next(reversed(page))) if len(rows) > limit else None
        there = self._lifetimes.kept(view, page, self._clock.now())
        return Page(list(there.items()), following)

    async def _pages(
        self, view: View, generation: str, after: Key | None, within: str | None
    ) -> AsyncIterator[tuple[str, tuple[str | int, ...]]]:
        """Statements that read on after a row, and their values but the limit."""
        for each in self._cql.pages(view, generation, after, within):
            yield each
        if view.part_of is None or within is None:
            return
        below = HIGHEST if after is None else view.part_of(after)
        while True:
            found = await self._session.execute(
                self._cql.parts(view, generation), (within, below, PARTS_AT_ONCE)
            )
            for (part,) in found:
                yield self._cql.part(view, generation), (within, part)
                below = part
            if len(found) < PARTS_AT_ONCE:
                return

    async def positions(self, view: View, generation: str) -> Positions:
        """The stored positions."""
        async with _set_up():
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
async def _set_up() -> AsyncIterator[None]:
    """The server knows no table of ours before a writer has made them."""
    try:
        yield
    except InvalidRequest as error:
        raise Unavailable(f"no views in Cassandra; has a writer run? {error}") from error


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


def _read(view: View, row: tuple[Any, ...]) -> tuple[Key, Columns]:
    width = len(view.key)
    columns = zip(view.columns, row[width:], strict=True)
    return row[:width], {name: value for name, value in columns if value is not None}

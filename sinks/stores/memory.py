"""A store of views in memory, for tests and as the shortest statement of the contract."""

import uuid
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from aiokafka import TopicPartition

from infra.clock import Clock, SystemClock
from infra.errors import InvalidRecord, Unavailable
from sinks.retention import FOR_GOOD, Lifetimes
from sinks.rows import Columns, Key, Row, merge_into
from sinks.standing import Lease, Read
from sinks.store import FIRST, Generations, Page, Position, Positions, Superseded
from sinks.stores.keys import key_text
from sinks.view import View

Value = TypeVar("Value")


class _Generation:
    def __init__(self) -> None:
        self.rows: dict[Key, Row] = {}
        self.positions: Positions = {}


class _Kept:
    def __init__(self) -> None:
        self.active = FIRST
        self.generations = {FIRST: _Generation()}
        self.held_until = 0.0


class MemoryStore:
    """Keeps everything in dictionaries; deletions are remembered for good."""

    def __init__(self, clock: Clock | None = None, *, lifetimes: Lifetimes = FOR_GOOD) -> None:
        self._clock = clock or SystemClock()
        self._lifetimes = lifetimes
        self._views: dict[str, _Kept] = {}
        self._reads: dict[str, list[Read[Any]]] = {}

    @property
    def stands(self) -> bool:
        """Writes to what was read are always heard of."""
        return True

    @property
    def lease(self) -> Lease:
        """See `sinks.standing.Telling`."""
        return self

    async def active(self, view: View) -> Read[str]:
        """The generation that is read."""
        return self._noted(view, (await self.generations(view)).active)

    async def row(self, view: View, generation: str, key: Key) -> Read[Columns | None]:
        """A row with its key columns, which stands until any of the view is written."""
        columns = await self.get(view, generation, key)
        return self._noted(view, None if columns is None else _whole(view, key, columns))

    async def page(
        self, view: View, generation: str, limit: int, cursor: str | None, within: str | None
    ) -> tuple[Page, list[Read[Any]]]:
        """Rows with their key columns, which stand until any of the view is written."""
        page = await self.scan(view, generation, limit, cursor, within)
        rows = [(key, _whole(view, key, columns)) for key, columns in page.rows]
        return Page(rows, page.cursor), [self._noted(view, None)]

    def _noted(self, view: View, value: Value) -> Read[Value]:
        found = Read(value, stands=not self._lifetimes.of(view))
        self._reads.setdefault(view.name, []).append(found)
        return found

    def _written(self, view: View) -> None:
        for read in self._reads.pop(view.name, []):
            read.stands = False

    async def setup(self, views: Sequence[View]) -> None:
        """Make room for the views."""
        for view in views:
            self._views.setdefault(view.name, _Kept())

    async def close(self) -> None:
        """Nothing to let go of."""

    async def generations(self, view: View) -> Generations:
        """Which generations there are."""
        kept = self._views[view.name]
        return Generations(kept.active, frozenset(kept.generations))

    async def current(self, views: Sequence[View]) -> dict[str, str]:
        """The active generation of each view."""
        return {view.name: self._views[view.name].active for view in views}

    async def begin(self, view: View) -> str:
        """Make an empty generation."""
        name = uuid.uuid4().hex
        self._views[view.name].generations[name] = _Generation()
        return name

    async def apply(
        self,
        view: View,
        generation: str,
        rows: Mapping[Key, Row],
        positions: Mapping[TopicPartition, Position],
        *,
        live: bool,
    ) -> None:
        """Merge changes, then store positions."""
        kept = self._views[view.name]
        found = kept.generations.get(generation)
        if found is None or (live and generation != kept.active):
            raise Superseded(f"{view.name}: generation {generation} is not active")
        if live and self._clock.monotonic() < kept.held_until:
            raise Unavailable(f"{view.name} is held")
        merge_into(found.rows, rows.items())
        self._written(view)
        for partition, position in positions.items():
            known = found.positions.get(partition)
            if known is None or position.offset > known.offset:
                found.positions[partition] = position

    async def get(self, view: View, generation: str, key: Key) -> Columns | None:
        """A row's columns."""
        row = self._rows(view, generation).get(key)
        return row.columns if row else None

    async def scan(
        self,
        view: View,
        generation: str,
        limit: int,
        cursor: str | None = None,
        within: str | None = None,
    ) -> Page:
        """Rows in order of their key's text."""
        rows = self._rows(view, generation)
        keys = {
            key_text(key): key
            for key, row in rows.items()
            if row.cells and (within is None or key[0] == within)
        }
        order = sorted(keys)
        start = bisect_right(order, cursor) if cursor is not None else 0
        page = order[start : start + limit]
        more = page[-1] if len(order) > start + limit else None
        return Page([(keys[text], rows[keys[text]].columns or {}) for text in page], more)

    async def positions(self, view: View, generation: str) -> Positions:
        """The stored positions."""
        found = self._views[view.name].generations.get(generation)
        return dict(found.positions) if found else {}

    async def hold(self, view: View, seconds: float) -> None:
        """Keep live writers away for so long."""
        self._views[view.name].held_until = self._clock.monotonic() + seconds

    async def switch(self, view: View, generation: str) -> None:
        """Make a generation the active one."""
        kept = self._views[view.name]
        if generation not in kept.generations:
            raise Superseded(f"{view.name}: generation {generation} was dropped")
        kept.active, kept.held_until = generation, 0.0
        self._written(view)

    async def drop(self, view: View, generation: str) -> None:
        """Forget a generation."""
        kept = self._views[view.name]
        if generation == kept.active:
            raise InvalidRecord(f"{view.name}: generation {generation} is active")
        kept.generations.pop(generation, None)

    def _rows(self, view: View, generation: str) -> dict[Key, Row]:
        """Those that are there by now."""
        found = self._views[view.name].generations.get(generation)
        if found is None or not self._lifetimes.of(view):
            return found.rows if found else {}
        return self._lifetimes.kept(view, found.rows, self._clock.now())


def _whole(view: View, key: Key, columns: Columns) -> Columns:
    return {**dict(zip(view.key, key, strict=True)), **columns}

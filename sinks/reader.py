"""Reads views, wherever they are kept, in the generation that is active."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec

from infra.clock import Clock, SystemClock
from infra.errors import InvalidRecord, Unavailable
from sinks.rows import Columns, Key
from sinks.standing import Lease, Read, Telling
from sinks.store import Store, Superseded
from sinks.stores.keys import key_text
from sinks.view import StoreKind, View
from sinks.views import view_named

KNOWN_SECONDS: Final = 0.5
"""How long a reader goes on with the generation it knows; `rebuild` keeps the old one longer."""
MOST_ROWS: Final = 1000


Basis = tuple[Lease, ...]
"""What something that was read stands on: it is as it was for as long as each of these stands."""
UNKNOWN: Final[Basis] = (Read(None),)
"""The basis of what is read from a store that does not say when it is written."""


class Rows(NamedTuple):
    """Some rows, and the cursor that the next ones follow; None after the last row."""

    rows: list[Columns]
    cursor: str | None


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    view: str
    generation: str
    within: str | None
    place: str


class ViewReader:
    """Reads the rows of every view; a row has its key columns as well, and no column that is None.

    Every method raises NotFound for a view there is not, and Unavailable if its store is away.
    """

    def __init__(self, stores: Mapping[StoreKind, Store], clock: Clock | None = None) -> None:
        self._stores = stores
        self._telling = {
            kind: store for kind, store in stores.items() if isinstance(store, Telling)
        }
        self._clock = clock or SystemClock()
        self._active: dict[str, tuple[str, float]] = {}

    def noting(self) -> "NotingReader":
        """A reader that notes what it reads."""
        return NotingReader(self)

    async def get(self, view: str, key: str | Key) -> Columns | None:
        """The row under a key, or None. Not to be changed: others have it too."""
        row, _ = await self.row(view, key)
        return row

    async def scan(
        self,
        view: str,
        limit: int = 100,
        cursor: str | None = None,
        *,
        within: str | None = None,
        after: Key | None = None,
    ) -> Rows:
        """At most `limit` (up to 1000) rows, and the next cursor.

        `within` keeps the rows whose first key column it is; `after` begins behind a key, whether
        or not it has a row, where there is no cursor yet. Raises InvalidRecord for a cursor
        of another scan, or of a generation that was replaced since.
        """
        rows, _ = await self.page(view, limit, cursor, within, after)
        return rows

    async def row(self, view: str, key: str | Key) -> tuple[Columns | None, Basis]:
        """The row under a key, and what it stands on."""
        found = view_named(view)
        full = found.key_of(key)
        if telling := self._telling.get(found.store):
            active = await telling.active(found)
            row = await telling.row(found, active.value, full)
            return row.value, (telling.lease, active, row)
        store = self._stores[found.store]
        try:
            columns = await store.get(found, await self._generation(found), full)
        except Superseded:
            with self._anew(found):
                columns = await store.get(found, await self._generation(found), full)
        return (None if columns is None else _row(found, full, columns)), UNKNOWN

    async def page(
        self,
        view: str,
        limit: int,
        cursor: str | None,
        within: str | None,
        after: Key | None = None,
    ) -> tuple[Rows, Basis]:
        """Rows as `scan`, and what they stand on."""
        found = view_named(view)
        start = None if after is None else key_text(found.key_of(after))
        try:
            return await self._page(found, limit, cursor, within, start)
        except Superseded:
            with self._anew(found):
                return await self._page(found, limit, cursor, within, start)

    async def _page(
        self, found: View, limit: int, cursor: str | None, within: str | None, start: str | None
    ) -> tuple[Rows, Basis]:
        limit = max(1, min(limit, MOST_ROWS))
        basis: Basis
        if telling := self._telling.get(found.store):
            active = await telling.active(found)
            generation = active.value
            place = _place(cursor, found, generation, within) or start
            page, reads = await telling.page(found, generation, limit, place, within)
            rows, basis = [row for _, row in page.rows], (telling.lease, active, *reads)
        else:
            generation = await self._generation(found)
            place = _place(cursor, found, generation, within) or start
            page = await self._stores[found.store].scan(found, generation, limit, place, within)
            rows, basis = [_row(found, key, columns) for key, columns in page.rows], UNKNOWN
        if page.cursor is None:
            return Rows(rows, None), basis
        following = _Cursor(found.name, generation, within, page.cursor)
        return Rows(rows, urlsafe_b64encode(msgspec.json.encode(following)).decode()), basis

    @contextmanager
    def _anew(self, view: View) -> Iterator[None]:
        """Look again which generation is active; a writer that has just started makes the first."""
        self._active.pop(view.name, None)
        try:
            yield
        except Superseded as error:
            raise Unavailable(f"the view {view.name} is not there yet") from error

    async def _generation(self, view: View) -> str:
        known = self._active.get(view.name)
        if known is not None and self._clock.monotonic() < known[1]:
            return known[0]
        active = (await self._stores[view.store].generations(view)).active
        self._active[view.name] = (active, self._clock.monotonic() + KNOWN_SECONDS)
        return active


class NotingReader:
    """Reads views, and notes what was read."""

    def __init__(self, reader: ViewReader) -> None:
        self._reader = reader
        self.basis: dict[Lease, None] = {}
        """All that was read, once each, in order."""

    async def get(self, view: str, key: str | Key) -> Columns | None:
        """As `ViewReader.get`."""
        row, basis = await self._reader.row(view, key)
        self.note(*basis)
        return row

    async def scan(
        self,
        view: str,
        limit: int = 100,
        cursor: str | None = None,
        *,
        within: str | None = None,
        after: Key | None = None,
    ) -> Rows:
        """As `ViewReader.scan`."""
        rows, basis = await self._reader.page(view, limit, cursor, within, after)
        self.note(*basis)
        return rows

    def note(self, *basis: Lease) -> None:
        """Something else that the answer stands on."""
        self.basis.update(dict.fromkeys(basis))


def _row(view: View, key: Key, columns: Columns) -> Columns:
    return dict(zip(view.key, key, strict=True)) | columns


def _place(cursor: str | None, view: View, generation: str, within: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        found = msgspec.json.decode(urlsafe_b64decode(cursor), type=_Cursor)
    except ValueError as error:
        raise InvalidRecord("cursor is not one of this scan") from error
    if (found.view, found.generation, found.within) != (view.name, generation, within):
        raise InvalidRecord("cursor is of another scan, or the view was rebuilt: start again")
    return found.place

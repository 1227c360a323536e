"""What a row is while it is written: cells with versions, which merge in any order to the same row.

A version is a position on the log: offset + 1. Merging takes the newer cell of each column and
drops what a deletion is newer than, so it is commutative, associative and idempotent: repeats,
disorder and a second writer end in the same row.
"""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

Value = str | int | float | bool | None
Key = tuple[str | int, ...]
Columns = dict[str, Value]


class Cell(msgspec.Struct, frozen=True):
    """The value of a column and the version that wrote it."""

    version: int
    value: Value


class Row(msgspec.Struct, frozen=True):
    """A row, or the change that one message makes to it."""

    cells: dict[str, Cell]
    deleted: int = 0
    """Version of the newest deletion; 0 if there was none. Older cells do not come back."""

    @property
    def columns(self) -> Columns | None:
        """Its values without those that are None; None if the row does not exist."""
        if not self.cells:
            return None
        return {name: cell.value for name, cell in self.cells.items() if cell.value is not None}


def upserted(columns: Mapping[str, Value], version: int) -> Row:
    """The change that writes some columns of a row."""
    return Row({name: Cell(version, value) for name, value in columns.items()})


def deleted(version: int) -> Row:
    """The change that deletes a row."""
    return Row({}, version)


def merge(one: Row, other: Row) -> Row:
    """Both, the newer of each."""
    gone = max(one.deleted, other.deleted)
    cells = {name: cell for name, cell in one.cells.items() if cell.version > gone}
    for name, cell in other.cells.items():
        known = cells.get(name)
        if cell.version > gone and (known is None or cell.version > known.version):
            cells[name] = cell
    return Row(cells, gone)


def merge_into(rows: dict[Key, Row], changes: Iterable[tuple[Key, Row]]) -> None:
    """Merge changes into rows by key."""
    for key, change in changes:
        known = rows.get(key)
        rows[key] = change if known is None else merge(known, change)


class Digest:
    """A digest of a set of rows that does not depend on their order.

    The sum, modulo 2**256, of the SHA-256 of each row: rows can be added page by page.
    """

    def __init__(self) -> None:
        self._sum = 0

    def add(self, key: Key, columns: Columns) -> None:
        """Count a row in."""
        line = msgspec.json.encode([key, sorted(columns.items())])
        self._sum += int.from_bytes(hashlib.sha256(line).digest())

    def hex(self) -> str:
        """64 hexadecimal digits."""
        return f"{self._sum % (1 << 256):064x}"

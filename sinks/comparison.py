"""How two states of a row differ."""

from collections.abc import Iterable
from typing import Final

import msgspec

from sinks.rows import Columns, Key, Value

WHOLE_ROW: Final = "(row)"


class Difference(msgspec.Struct, frozen=True):
    """A column that is not the same on both sides."""

    key: Key
    column: str
    """WHOLE_ROW if the row is on one side only."""
    expected: Value
    """For a whole row: "present" or "absent". In `diff`, what was before."""
    found: Value
    """In `diff`, what came after."""


def differences(
    columns: Iterable[str], key: Key, expected: Columns | None, found: Columns | None
) -> list[Difference]:
    """The columns that differ."""
    if expected is None and found is None:
        return []
    if expected is None or found is None:
        return [Difference(key, WHOLE_ROW, _presence(expected), _presence(found))]
    return [
        Difference(key, name, expected.get(name), found.get(name))
        for name in columns
        if expected.get(name) != found.get(name)
    ]


def _presence(columns: Columns | None) -> str:
    return "absent" if columns is None else "present"

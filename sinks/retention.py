"""For how long a view keeps a row: from the row's own time on, as a setting says.

When a row goes follows from its key alone. So all of its cells go at one moment, whenever and in
whatever order they were written, and who reads, writes or proves agrees about it without asking.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import msgspec

from schemas.chat_messages import made_at
from sinks.rows import Key
from sinks.view import View

SECOND: Final = 1_000_000
"""Microseconds."""

Row = TypeVar("Row")


class Lifetimes(msgspec.Struct, frozen=True):
    """For how long rows are kept, by the name that views give it."""

    seconds: Mapping[str, int] = {}
    """0, or none at all: for good."""

    def of(self, view: View) -> int:
        """Seconds for which the view keeps a row; 0: for good."""
        return self.seconds.get(view.retention.name, 0) if view.retention else 0

    def end(self, view: View, key: Key) -> int | None:
        """When a row goes, in microseconds; None: never."""
        lifetime = self.of(view)
        if not lifetime or view.retention is None:
            return None
        time = view.retention.time_of(key)
        return None if time is None else time + lifetime * SECOND

    def keeps(self, view: View, key: Key, at: int) -> bool:
        """Whether there is still such a row at a moment (microseconds)."""
        end = self.end(view, key)
        return end is None or end > at

    def kept(self, view: View, rows: Mapping[Key, Row], at: int) -> dict[Key, Row]:
        """The rows that are still there at a moment."""
        if not self.of(view):
            return dict(rows)
        return {key: row for key, row in rows.items() if self.keeps(view, key, at)}


FOR_GOOD: Final = Lifetimes()
"""Nothing goes by itself."""


def time_at(place: int) -> Callable[[Key], int]:
    """Rows whose time is a column of their key, counted from 0."""
    return lambda key: int(key[place])


def time_of_id(place: int) -> Callable[[Key], int | None]:
    """Rows whose key has an id that says when it was made; a row of another one is for good."""
    return lambda key: made_at(str(key[place]))

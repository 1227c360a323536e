"""What is due when, kept in tables, so that a tick looks only at what is due.

Times are microseconds since 1970-01-01T00:00:00Z, taken from the log; something comes up with the
first tick of the minute after it was due.
"""

from collections.abc import Iterable
from typing import Final
from zlib import crc32

from infra.streaming import App, Table

MINUTE: Final = 60_000_000
_SPREAD: Final = 64
"""Rows a minute: what falls due together stays far below the largest row that a journal takes."""
_LOOKED_AT_ONE_BY_ONE: Final = 60
"""Minutes; after a longer pause it is cheaper to look at what there is."""
_REACHED: Final = ""


class Schedule:
    """Keys by the minute in which each comes up. A key has one place: the earliest it was given."""

    def __init__(self, app: App, name: str) -> None:
        self._due: Table[list[str]] = app.Table(f"{name}-due", value_type=list[str])
        self._minutes: Table[int] = app.Table(f"{name}-minutes", value_type=int)

    def put(self, key: str, due: int) -> None:
        """Let a key come up once `due` is over, unless it comes up earlier anyway."""
        reached = self._minutes.get(_REACHED)
        minute = due // MINUTE
        if reached is not None:
            minute = max(minute, reached + 1)
        known = self._minutes.get(key)
        if known is not None and known <= minute:
            return
        row = _row(minute, _slot(key))
        self._due[row] = [*self._due.get(row, []), key]
        self._minutes[key] = minute

    def take(self, now: int) -> list[str]:
        """The keys whose minute is over, each once; they have no place any more."""
        over = now // MINUTE - 1
        reached = self._minutes.get(_REACHED)
        if reached is not None and over <= reached:
            return []
        self._minutes[_REACHED] = over
        taken: list[str] = []
        for minute in self._between(reached, over):
            for slot in range(_SPREAD):
                taken += self._take_row(minute, _row(minute, slot))
        return taken

    def _between(self, reached: int | None, over: int) -> Iterable[int]:
        if reached is not None and over - reached <= _LOOKED_AT_ONE_BY_ONE:
            return range(reached + 1, over + 1)
        minutes = {int(row.partition("/")[0]) for row, _ in self._due.items()}
        return sorted(minute for minute in minutes if minute <= over)

    def _take_row(self, minute: int, row: str) -> list[str]:
        keys = self._due.get(row)
        if keys is None:
            return []
        del self._due[row]
        # A key that came up and was put there again stands in a row twice.
        taken = [key for key in dict.fromkeys(keys) if self._minutes.get(key) == minute]
        for key in taken:
            del self._minutes[key]
        return taken


def _row(minute: int, slot: int) -> str:
    return f"{minute}/{slot}"


def _slot(key: str) -> int:
    return crc32(key.encode()) % _SPREAD

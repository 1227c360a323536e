"""When a rendition must go so that the others stay in time. Pure."""

from collections.abc import Sequence
from typing import Final

from schemas.records.media import PartProduced

LATE: Final = 0.8
"""Seconds of media that wait above which a stream counts as late."""
PATIENCE: Final = 3.0
"""Seconds for which it may be late without catching up: a rendition that is dropped is made until
its segment ends, so it takes about as long to show."""
CATCHING_UP: Final = 0.9
"""What waits must have shrunk to this share in that time."""
TOO_MUCH: Final = 5.0
"""Seconds of media that wait above which whole segments are left out: viewers are at the end."""


def left_out(waiting: Sequence[PartProduced]) -> int:
    """How many of the parts that wait are not made any more, so that viewers get what is new.

    All before the newest segment that can be decoded from its beginning, if too much waits.
    """
    if sum(part.duration for part in waiting) <= TOO_MUCH:
        return 0
    begins = (n for n, part in enumerate(waiting) if part.part == 0 and part.independent)
    return max(begins, default=0)


class KeepingUp:
    """Looks at what waits to be made, time after time."""

    def __init__(self) -> None:
        self._late_since: float | None = None
        self._waited_then = 0.0

    def too_slow(self, now: float, waiting: float) -> bool:
        """Whether one rendition must go: `waiting` seconds of media came and are not made yet.

        Being late is no reason while it shrinks: a process that begins has something to catch up
        with. After each yes the next takes as long again, so that it can show.
        """
        if waiting < LATE:
            self._late_since = None
            return False
        if self._late_since is None:
            self._late_since, self._waited_then = now, waiting
        if now - self._late_since < PATIENCE:
            return False
        slow = waiting > self._waited_then * CATCHING_UP
        self._late_since, self._waited_then = now, waiting
        return slow

"""Which offset of a partition was reached some time ago. Pure."""

from collections import deque
from typing import Final

NONE: Final = -1
STEPS: Final = 120
"""Offsets that are remembered: what is recent is known to so small a part of its time."""


class Recency:
    """Remembers offsets for as long as what came after them counts as recent."""

    def __init__(self, seconds: float) -> None:
        """`seconds`: for how long something is recent."""
        self._seconds = seconds
        self._marks: deque[tuple[float, int]] = deque()
        """When an offset was reached, and which."""
        self._floor = NONE

    def reached(self, now: float, offset: int) -> None:
        """All up to this offset has come. `now`: monotonic seconds."""
        if len(self._marks) > 1 and now - self._marks[-2][0] < self._seconds / STEPS:
            self._marks.pop()
        self._marks.append((now, offset))

    def floor(self, now: float) -> int:
        """Offset up to which nothing is recent any more; -1 if none is known."""
        while self._marks and now - self._marks[0][0] >= self._seconds:
            self._floor = self._marks.popleft()[1]
        return self._floor

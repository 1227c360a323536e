"""What waits for an agent: lists of records, of which each partition gives one in turn.

In order of arrival, whoever has one record in a quiet partition would stand behind all that a busy
one has handed over; here it stands behind one list of each (round robin, as Nagle's fair queueing:
RFC 970).
"""

from collections import deque
from typing import Any

from faust.types import TP
from mode.utils.queues import ThrowableQueue


class Rotation:
    """Lists by partition: those of one in order, and of each one after another."""

    def __init__(self) -> None:
        self._lists: dict[TP, deque[Any]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, event: Any) -> None:
        """Put a list behind those of its partition."""
        self._lists.setdefault(event.message.tp, deque()).append(event)
        self._count += 1

    def popleft(self) -> Any:
        """The next list of the partition whose turn it is; then it is last."""
        tp = next(iter(self._lists))
        lists = self._lists.pop(tp)
        event = lists.popleft()
        if lists:
            self._lists[tp] = lists
        self._count -= 1
        return event

    def clear(self) -> None:
        """Forget all."""
        self._lists.clear()
        self._count = 0


class FairQueue(ThrowableQueue[Any]):
    """The queue of an agent."""

    def _init(self, maxsize: int) -> None:
        self._queue = Rotation()

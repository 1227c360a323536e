"""Repeats and holes, seen from the sequence that every producer writes into its messages.

A producer counts its messages to a topic partition from 0. A worker that restarts writes a suffix
again with the same numbers. So one number per producer tells a reader what is new, what it has
already had, and what never came.
"""

from collections import OrderedDict
from typing import Final

import msgspec

from infra.record import Meta

REMEMBERED: Final = 10_000
"""Producers remembered for one topic partition; the one silent for longest is forgotten first."""


class Gap(msgspec.Struct, frozen=True):
    """Messages of a producer that never came: numbers `expected` up to `found - 1`."""

    producer: str
    expected: int
    found: int


class Continuity:
    """High-water marks of one topic partition: producer → last sequence seen."""

    def __init__(self, marks: dict[str, int] | None = None) -> None:
        self._marks: OrderedDict[str, int] = OrderedDict(marks or {})

    @property
    def marks(self) -> dict[str, int]:
        """A copy of the marks, to be kept beside the reader's position."""
        return dict(self._marks)

    def observe(self, meta: Meta) -> tuple[bool, Gap | None]:
        """(whether the message is new, the hole before it if there is one).

        A producer seen for the first time sets the mark: a reader may begin in mid-log.
        """
        last = self._marks.get(meta.producer)
        if last is not None and meta.sequence <= last:
            return False, None
        self._marks[meta.producer] = meta.sequence
        self._marks.move_to_end(meta.producer)
        if len(self._marks) > REMEMBERED:
            self._marks.popitem(last=False)
        if last is None or meta.sequence == last + 1:
            return True, None
        return True, Gap(meta.producer, last + 1, meta.sequence)

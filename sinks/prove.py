"""Proves a view: folds the log to the offsets that the view claims, and compares every row.

The writer may go on meanwhile. A row that changes between the moment its position was read and the
moment it was read itself is right if each column is one that the log gives in that window. A row
whose time is over is not missing, and one whose time ends meanwhile proves nothing either way.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from aiokafka import TopicPartition

from infra.clock import Clock, SystemClock
from infra.errors import Unavailable
from infra.kafka import LogReader
from infra.record import Codec
from sinks.comparison import Difference, differences
from sinks.fold import Fold, LogPass, OnProgress, Tally, partitions_of
from sinks.retention import FOR_GOOD, SECOND, Lifetimes
from sinks.rows import Columns, Digest, Key
from sinks.store import Position, Store
from sinks.view import View
from sinks.writer import BATCH_MESSAGES

PAGE_ROWS: Final = 1000
ATTEMPTS: Final = 3
EDGE: Final = 2 * SECOND
"""By how much the clocks of writers may differ from ours."""
_AHEAD: Final = 2 * max(BATCH_MESSAGES.values())
"""Rows may be ahead of their positions by the batch that is being written."""


class Proof(msgspec.Struct, frozen=True):
    """What comparing a view with the log gave."""

    view: str
    generation: str
    offsets: dict[TopicPartition, int]
    """The log was folded up to here."""
    rows: int
    moving: int
    """Rows that changed while they were compared."""
    going: int
    """Rows whose time ended while they were compared, or about then: they were left out."""
    expected_digest: str
    found_digest: str
    differences: list[Difference]
    tally: Tally

    @property
    def equal(self) -> bool:
        """Whether every row is as the log says."""
        return not self.differences


async def prove(
    log: LogReader,
    store: Store,
    codec: Codec,
    view: View,
    *,
    lifetimes: Lifetimes = FOR_GOOD,
    clock: Clock | None = None,
    on_progress: OnProgress | None = None,
) -> Proof:
    """Compare the active generation with the log, and with the time if rows go by themselves.

    Raises Unavailable if a server is away, or the view is rebuilt again and again meanwhile.
    """
    for _ in range(ATTEMPTS):
        generation = (await store.generations(view)).active
        messages = LogPass(log, codec, view, on_progress)
        proof = await _prove(
            log, messages, store, view, generation, lifetimes, clock or SystemClock()
        )
        if (await store.generations(view)).active == generation:
            return proof
    raise Unavailable(f"{view.name} was rebuilt while it was compared; try again")


async def _prove(
    log: LogReader,
    messages: LogPass,
    store: Store,
    view: View,
    generation: str,
    lifetimes: Lifetimes,
    clock: Clock,
) -> Proof:
    partitions = await partitions_of(log, view)
    fold = Fold(messages)
    stored = await store.positions(view, generation)
    await fold.until(_offsets(partitions, stored))
    offsets = _offsets(partitions, await store.positions(view, generation))
    await fold.until(offsets)
    expected, began = fold.rows, clock.now()
    found = await _all_rows(store, view, generation)
    span = (began - EDGE, clock.now() + EDGE)
    going = _going(view, lifetimes, expected.keys() | found.keys(), span)
    expected = _without(lifetimes.kept(view, expected, began), going)
    found = _without(found, going)
    after = _offsets(partitions, await store.positions(view, generation))
    ends = await log.ends(partitions)
    states = await fold.watch_until({tp: min(ends[tp], after[tp] + _AHEAD) for tp in partitions})
    wrong, settled = _compare(view, expected, found, states)
    return Proof(
        view=view.name,
        generation=generation,
        offsets=offsets,
        rows=len(found),
        moving=len(settled),
        going=len(going),
        expected_digest=_digest(expected, settled),
        found_digest=_digest(found, {}),
        differences=wrong,
        tally=messages.tally,
    )


def _going(
    view: View, lifetimes: Lifetimes, keys: Iterable[Key], span: tuple[int, int]
) -> set[Key]:
    """The rows whose time ends in a span: whether they were there cannot be said."""
    if not lifetimes.of(view):
        return set()
    first, last = span
    return {
        key
        for key in keys
        if lifetimes.keeps(view, key, first) and not lifetimes.keeps(view, key, last)
    }


def _without(rows: Mapping[Key, Columns], left_out: set[Key]) -> dict[Key, Columns]:
    return {key: row for key, row in rows.items() if key not in left_out}


def _offsets(
    partitions: list[TopicPartition], positions: Mapping[TopicPartition, Position]
) -> dict[TopicPartition, int]:
    return {tp: positions[tp].offset if tp in positions else 0 for tp in partitions}


async def _all_rows(store: Store, view: View, generation: str) -> dict[Key, Columns]:
    rows: dict[Key, Columns] = {}
    cursor = None
    while True:
        page = await store.scan(view, generation, PAGE_ROWS, cursor)
        rows.update(page.rows)
        cursor = page.cursor
        if cursor is None:
            return rows


def _compare(
    view: View,
    expected: Mapping[Key, Columns],
    found: Mapping[Key, Columns],
    states: Mapping[Key, list[Columns | None]],
) -> tuple[list[Difference], dict[Key, Columns | None]]:
    """The differences, and the rows that changed meanwhile to what the log gives as well."""
    wrong: list[Difference] = []
    settled: dict[Key, Columns | None] = {}
    for key in sorted(expected.keys() | found.keys()):
        row = found.get(key)
        unlike = differences(view.columns, key, expected.get(key), row)
        if unlike and key in states and _possible(view, row, states[key]):
            settled[key] = row
        else:
            wrong += unlike
    return wrong, settled


def _possible(view: View, row: Columns | None, states: list[Columns | None]) -> bool:
    present = [state for state in states if state is not None]
    if row is None:
        return len(present) < len(states)
    return bool(present) and all(
        any(row.get(name) == state.get(name) for state in present) for name in view.columns
    )


def _digest(rows: Mapping[Key, Columns], instead: Mapping[Key, Columns | None]) -> str:
    digest = Digest()
    for key, columns in {**rows, **instead}.items():
        if columns is not None:
            digest.add(key, columns)
    return digest.hex()

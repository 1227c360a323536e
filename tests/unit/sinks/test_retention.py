"""Rows that are kept for a time: which there are at a moment follows from keys and lifetimes."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.commands import uuid7
from infra.clock import ManualClock
from sinks.fold import Fold
from sinks.projection import Taken
from sinks.retention import Lifetimes, time_at, time_of_id
from sinks.rows import Key, Row, deleted, merge_into, upserted
from sinks.stores.memory import MemoryStore
from sinks.view import Retention, View

NOW = 1_700_000_000_000_000
SECOND = 1_000_000
VIEW = View(
    name="said",
    purpose="For tests.",
    topics=("t",),
    store="cassandra",
    key={"channel": str, "at": int},
    columns={"text": str, "note": str},
    project=lambda message: [],
    retention=Retention("short", time_at(1)),
)
KEEP = Lifetimes({"short": 10})


def test_a_row_goes_when_its_time_is_over() -> None:
    key = ("c", NOW)
    assert KEEP.end(VIEW, key) == NOW + 10 * SECOND
    assert KEEP.keeps(VIEW, key, NOW + 10 * SECOND - 1)
    assert not KEEP.keeps(VIEW, key, NOW + 10 * SECOND)
    assert KEEP.kept(VIEW, {key: 1, ("c", NOW + 1): 2}, NOW + 10 * SECOND) == {("c", NOW + 1): 2}


@pytest.mark.parametrize("seconds", [{}, {"short": 0}, {"other": 1}])
def test_without_a_lifetime_it_stays_for_good(seconds: dict[str, int]) -> None:
    assert Lifetimes(seconds).end(VIEW, ("c", 0)) is None
    assert Lifetimes(seconds).keeps(VIEW, ("c", 0), NOW)


def test_an_id_says_when_it_was_made() -> None:
    time = time_of_id(0)
    assert time((str(uuid7(NOW)),)) == NOW
    assert time(("m0001",)) is None
    assert time(("f47ac10b-58cc-4372-a567-0e02b2c3d479",)) is None  # version 4: random


keys = st.tuples(st.sampled_from("ab"), st.integers(0, 30).map(lambda n: NOW + n * SECOND))


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Key, Row]]:
    """Changes in order of their versions. A row is changed at its time or later."""
    found: list[tuple[Key, Row]] = []
    for version in range(1, draw(st.integers(1, 15)) + 1):
        key: Key = draw(keys)
        if draw(st.integers(0, 5)) == 0:
            found.append((key, deleted(version)))
        else:
            names = draw(st.sets(st.sampled_from(["text", "note"]), min_size=1))
            found.append((key, upserted(dict.fromkeys(names, str(version)), version)))
    return found


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[tuple[Key, Row]], list[list[tuple[Key, Row]]]]:
    """A history, and batches that hold all of it, in any order, some of it twice."""
    history = draw(histories())
    again = draw(st.lists(st.sampled_from(history), max_size=6))
    shuffled = draw(st.permutations([*history, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=5)))
    return history, [shuffled[a:b] for a, b in pairwise([0, *cuts, len(shuffled)])]


@given(deliveries(), st.lists(st.integers(0, 20), min_size=7, max_size=7))
def test_whenever_it_is_written_the_store_has_what_the_log_and_the_time_say(
    delivery: tuple[list[tuple[Key, Row]], list[list[tuple[Key, Row]]]], waits: list[int]
) -> None:
    """Late, early, twice: no change brings a row back, and none makes it stay."""
    history, batches = delivery

    async def run() -> None:
        clock = ManualClock(NOW)
        store = MemoryStore(clock, lifetimes=KEEP)
        await store.setup([VIEW])
        for batch, wait in zip(batches, waits, strict=False):
            rows: dict[Key, Row] = {}
            merge_into(rows, batch)
            await store.apply(VIEW, "first", rows, {}, live=True)
            clock.advance(wait)
        expected = KEEP.kept(VIEW, await folded(history), clock.now())
        assert dict((await store.scan(VIEW, "first", 100)).rows) == expected
        for key in {key for key, _ in history}:
            assert await store.get(VIEW, "first", key) == expected.get(key)

    asyncio.run(run())


@given(histories(), st.integers(0, 40), st.integers(0, 40))
def test_what_is_gone_stays_gone(history: list[tuple[Key, Row]], one: int, other: int) -> None:
    """Of the rows of a log, a later moment has those of an earlier one, or fewer of them."""
    rows = asyncio.run(folded(history))
    earlier, later = (
        KEEP.kept(VIEW, rows, NOW + seconds * SECOND) for seconds in sorted((one, other))
    )
    assert later.items() <= earlier.items()


async def folded(history: list[tuple[Key, Row]]) -> dict[Key, Any]:
    """The rows as a fold gives them, from changes in order."""

    class Pass:
        async def until(self, ends: Any) -> AsyncIterator[Taken]:
            for key, row in history:
                yield Taken(rows={key: row})

    messages: Any = Pass()
    fold = Fold(messages)
    await fold.until({})
    return fold.rows

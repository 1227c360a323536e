"""Rows merge to the same whatever the order, the repetition and the batching."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sinks.rows import Cell, Digest, Key, Row, deleted, merge, merge_into, upserted

names = st.sampled_from(["a", "b", "c"])


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Key, Row]]:
    """The changes of a log to a few rows, in order of their versions."""
    changes: list[tuple[Key, Row]] = []
    for version in range(1, draw(st.integers(1, 12)) + 1):
        key = (draw(st.sampled_from(["k", "l"])),)
        if draw(st.integers(0, 3)) == 0:
            changes.append((key, deleted(version)))
        else:
            columns = dict.fromkeys(draw(st.sets(names, min_size=1)), version)
            changes.append((key, upserted(columns, version)))
    return changes


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[tuple[Key, Row]], list[list[tuple[Key, Row]]]]:
    """A history, and batches that hold all of it, in any order, some of it twice."""
    history = draw(histories())
    again = draw(st.lists(st.sampled_from(history), max_size=6))
    shuffled = draw(st.permutations([*history, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    edges = [0, *cuts, len(shuffled)]
    return history, [shuffled[a:b] for a, b in pairwise(edges)]


def plain(history: list[tuple[Key, Row]]) -> dict[Key, dict[str, object]]:
    """What the rows must be: the changes done one after another, without versions."""
    rows: dict[Key, dict[str, object]] = {}
    for key, change in history:
        if change.deleted:
            rows.pop(key, None)
        else:
            rows.setdefault(key, {}).update(
                {name: cell.value for name, cell in change.cells.items()}
            )
    return rows


@given(deliveries())
def test_any_delivery_ends_in_the_rows_of_the_history(
    delivery: tuple[list[tuple[Key, Row]], list[list[tuple[Key, Row]]]],
) -> None:
    history, batches = delivery
    rows: dict[Key, Row] = {}
    for batch in batches:
        merged: dict[Key, Row] = {}
        merge_into(merged, batch)
        merge_into(rows, merged.items())
    assert {key: row.columns for key, row in rows.items() if row.cells} == plain(history)


@given(histories(), st.data())
def test_merging_does_not_depend_on_grouping(
    history: list[tuple[Key, Row]], data: st.DataObject
) -> None:
    rows = [row for _, row in history]
    one, two, three = (data.draw(st.sampled_from(rows)) for _ in range(3))
    assert merge(one, merge(two, three)) == merge(merge(one, two), three)
    assert merge(one, two) == merge(two, one)
    assert merge(one, one) == one


def test_a_deletion_is_newer_than_what_has_its_version() -> None:
    assert merge(upserted({"a": 1}, 4), deleted(4)) == Row({}, 4)
    assert merge(deleted(4), upserted({"a": 1}, 5)) == Row({"a": Cell(5, 1)}, 4)


def test_a_row_of_none_exists_without_columns() -> None:
    assert upserted({"a": None}, 1).columns == {}
    assert deleted(1).columns is None


def test_a_digest_depends_on_rows_and_not_on_their_order() -> None:
    first, second = ("a",), ("b", 2)
    one, other, changed = Digest(), Digest(), Digest()
    one.add(first, {"x": 1, "y": 2})
    one.add(second, {"x": None})
    other.add(second, {"x": None})
    other.add(first, {"y": 2, "x": 1})
    changed.add(first, {"x": 1, "y": 3})
    changed.add(second, {"x": None})
    assert one.hex() == other.hex()
    assert one.hex() != changed.hex()
    assert len(one.hex()) == 64

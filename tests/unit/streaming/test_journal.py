"""The journal: what is restored, whatever late writers appended in between."""

import contextlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.continuity import REMEMBERED
from infra.errors import InvalidRecord
from infra.streaming.journal import (
    EntryKey,
    PartitionState,
    pack,
    read_term,
    topic_settings,
    write,
)
from infra.streaming.wire import Output, event_id_of, origin_of

KEYS: list[EntryKey] = [
    ("table", "a", "x"),
    ("table", "a", "y"),
    ("table", "b", "x"),
    ("place", "in"),
    ("sequence", "in", "out", 3),
    ("streak", "in"),
    ("mark", "in", "p"),
]
BATCHES = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.dictionaries(st.sampled_from(KEYS), st.none() | st.integers(0, 999), min_size=1),
    ),
    max_size=12,
)


def read(records: list[Output]) -> PartitionState:
    state = PartitionState()
    for key, value, headers in records:
        assert key is not None
        state.absorb(key, value, read_term(headers))
    state.settle_marks()
    return state


def contents(state: PartitionState) -> tuple[object, ...]:
    tables = {name: rows for name, rows in state.tables.items() if rows}
    marks = {topic: known.marks for topic, known in state.continuity.items() if known.marks}
    return tables, state.places, state.sequences, state.streaks, marks


def batch(term: int, entries: dict[EntryKey, int | None]) -> list[Output]:
    packed = [(key, None if value is None else pack(value)) for key, value in entries.items()]
    return write(packed, term)


def compacted(records: list[Output]) -> list[Output]:
    last = {record[0]: index for index, record in enumerate(records)}
    return [record for index, record in enumerate(records) if last[record[0]] == index]


@given(BATCHES)
def test_batches_of_earlier_terms_change_nothing_wherever_they_come(
    batches: list[tuple[int, dict[EntryKey, int | None]]],
) -> None:
    reached, owners, all_records = 0, [], []
    for term, entries in batches:
        all_records += batch(term, entries)
        if term >= reached:
            owners += batch(term, entries)
            reached = term
    assert contents(read(all_records)) == contents(read(owners))


@given(BATCHES)
def test_once_repaired_compaction_keeps_what_the_owners_wrote(
    batches: list[tuple[int, dict[EntryKey, int | None]]],
) -> None:
    records = [record for term, entries in batches for record in batch(term, entries)]
    state = read(records)
    repaired = records + write(state.repairs(), state.term + 1)
    kept = compacted(repaired)
    assert contents(read(kept)) == contents(state)
    without_tombstones = [record for record in kept if record[1] is not None]
    assert contents(read(without_tombstones)) == contents(state)
    assert read(repaired).repairs() == []


@given(BATCHES, st.integers(0, 12))
def test_catching_up_equals_reading_from_the_start(
    batches: list[tuple[int, dict[EntryKey, int | None]]], cut: int
) -> None:
    records = [record for term, entries in batches for record in batch(term, entries)]
    state = read(records[:cut])
    state.reopen_marks()
    for key, value, headers in records[cut:]:
        assert key is not None
        state.absorb(key, value, read_term(headers))
    state.settle_marks()
    assert contents(state) == contents(read(records))
    assert state.stale == read(records).stale


def test_a_late_write_does_not_bring_a_deleted_row_back() -> None:
    row: EntryKey = ("table", "a", "x")
    records = write([(row, pack(1))], 1) + write([(row, None)], 2) + write([(row, pack(1))], 1)
    state = read(records)
    assert state.table("a") == {}
    assert state.repairs() == [(row, None)]


def test_marks_above_the_bound_are_forgotten_and_deleted_from_the_journal() -> None:
    entries = [(("mark", "in", f"p{number}"), pack(1)) for number in range(REMEMBERED + 2)]
    state = read(write(entries, 1))
    assert len(state.marks("in").marks) == REMEMBERED
    assert state.repairs() == [(("mark", "in", "p0"), None), (("mark", "in", "p1"), None)]


@given(st.binary(max_size=40), st.none() | st.binary(max_size=10))
def test_any_bytes_are_taken_in_or_refused(key: bytes, value: bytes | None) -> None:
    with contextlib.suppress(InvalidRecord):
        PartitionState().absorb(key, value, 1)


def test_a_record_without_a_term_is_refused() -> None:
    with pytest.raises(InvalidRecord, match="term"):
        read_term([("other", b"12345678")])


def test_a_journal_is_compacted_but_not_at_once() -> None:
    assert topic_settings(1)["cleanup.policy"] == "compact"
    assert int(topic_settings(1)["min.compaction.lag.ms"]) >= 60_000


@pytest.mark.parametrize(("replicas", "insync"), [(1, "1"), (2, "1"), (3, "2")])
def test_three_replicas_acknowledge_on_two(replicas: int, insync: str) -> None:
    assert topic_settings(replicas)["min.insync.replicas"] == insync


@given(st.text(max_size=20), st.integers(0, 2**31), st.integers(0, 2**62), st.integers(0, 99))
def test_an_event_id_is_the_uuid5_of_its_origin(
    topic: str, partition: int, offset: int, index: int
) -> None:
    origin = origin_of(topic, partition, offset, index)
    assert event_id_of(origin) == str(uuid.uuid5(uuid.NAMESPACE_URL, origin.decode()))

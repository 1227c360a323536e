"""The journal: what an owner restores, and how it claims a partition."""

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
    topic_settings,
    write,
)
from infra.streaming.journal_writer import EPOCHS, Seat
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
    st.dictionaries(st.sampled_from(KEYS), st.none() | st.integers(0, 999), min_size=1), max_size=12
)


def read(records: list[Output]) -> PartitionState:
    state = PartitionState()
    for key, value, _ in records:
        assert key is not None
        state.absorb(key, value)
    state.settle_marks()
    return state


def contents(state: PartitionState) -> tuple[object, ...]:
    tables = {name: rows for name, rows in state.tables.items() if rows}
    marks = {topic: known.marks for topic, known in state.continuity.items() if known.marks}
    return tables, state.places, state.sequences, state.streaks, marks


def batch(entries: dict[EntryKey, int | None]) -> list[Output]:
    return write((key, None if value is None else pack(value)) for key, value in entries.items())


def compacted(records: list[Output]) -> list[Output]:
    last = {record[0]: index for index, record in enumerate(records)}
    return [record for index, record in enumerate(records) if last[record[0]] == index]


@given(BATCHES)
def test_the_last_value_of_a_key_counts_also_after_compaction(
    batches: list[dict[EntryKey, int | None]],
) -> None:
    records = [record for entries in batches for record in batch(entries)]
    state = read(records)
    newest = {key: value for entries in batches for key, value in entries.items()}
    assert state.table("a") == {
        key[2]: pack(value)
        for key, value in newest.items()
        if key[:2] == ("table", "a") and value is not None
    }
    kept = compacted(records)
    assert contents(read(kept)) == contents(state)
    without_tombstones = [record for record in kept if record[1] is not None]
    assert contents(read(without_tombstones)) == contents(state)


@given(BATCHES, st.integers(0, 12))
def test_catching_up_equals_reading_from_the_start(
    batches: list[dict[EntryKey, int | None]], cut: int
) -> None:
    records = [record for entries in batches for record in batch(entries)]
    state = read(records[:cut])
    state.reopen_marks()
    for key, value, _ in records[cut:]:
        assert key is not None
        state.absorb(key, value)
    state.settle_marks()
    assert contents(state) == contents(read(records))


def test_what_was_derived_is_forgotten_when_the_journal_is_read_on() -> None:
    state = PartitionState()
    state.derived["sum"] = 7
    state.absorb(*write([(("table", "rows", "a"), b"1")])[0][:2])  # type: ignore[arg-type]
    assert state.derived == {}


def test_an_owner_appends_the_next_term_and_its_name() -> None:
    state = read(write(read([]).claim("one")))
    assert (state.term, state.owner) == (1, "one")
    state = read(write(state.claim("two")))
    assert (state.term, state.owner) == (2, "two")


def test_marks_above_the_bound_are_forgotten_and_deleted_by_the_next_owner() -> None:
    entries = [(("mark", "in", f"p{number}"), pack(1)) for number in range(REMEMBERED + 2)]
    state = read(write(entries))
    assert len(state.marks("in").marks) == REMEMBERED
    assert state.claim("next")[2:] == [(("mark", "in", "p0"), None), (("mark", "in", "p1"), None)]
    assert read(write([*entries, *state.claim("next")])).forgotten == []


@given(st.integers(0, 1 << 40))
def test_every_term_has_a_seat_above_all_earlier_ones(term: int) -> None:
    seat, following = Seat.of(term), Seat.of(term + 1)
    assert 0 <= seat.epoch < EPOCHS
    if following.producer_id == seat.producer_id:
        assert following.epoch == seat.epoch + 1
    else:
        assert following.epoch == 0
        assert following.closing() == Seat(seat.producer_id, EPOCHS)


@given(st.binary(max_size=40), st.none() | st.binary(max_size=10))
def test_any_bytes_are_taken_in_or_refused(key: bytes, value: bytes | None) -> None:
    with contextlib.suppress(InvalidRecord):
        PartitionState().absorb(key, value)


def test_a_journal_is_compacted() -> None:
    assert topic_settings(1)["cleanup.policy"] == "compact"


@pytest.mark.parametrize(("replicas", "insync"), [(1, "1"), (2, "1"), (3, "2")])
def test_three_replicas_acknowledge_on_two(replicas: int, insync: str) -> None:
    assert topic_settings(replicas)["min.insync.replicas"] == insync


@given(st.text(max_size=20), st.integers(0, 2**31), st.integers(0, 2**62), st.integers(0, 99))
def test_an_event_id_is_the_uuid5_of_its_origin(
    topic: str, partition: int, offset: int, index: int
) -> None:
    origin = origin_of(topic, partition, offset, index)
    assert event_id_of(origin) == str(uuid.uuid5(uuid.NAMESPACE_URL, origin.decode()))

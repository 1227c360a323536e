"""What is due comes up once, in time, and leaves nothing behind."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.schedule import MINUTE, Schedule


class Rows(dict):
    """A table of one partition."""


class FakeApp:
    def Table(self, name: str, *, value_type: object) -> Rows:  # noqa: N802
        return Rows()


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(FakeApp(), "test")


def test_a_key_comes_up_when_its_minute_is_over(schedule: Schedule) -> None:
    schedule.put("a", 5 * MINUTE + 1)
    assert schedule.take(5 * MINUTE + 30) == []
    assert schedule.take(6 * MINUTE) == ["a"]
    assert schedule.take(7 * MINUTE) == []


def test_only_an_earlier_place_is_taken(schedule: Schedule) -> None:
    schedule.put("a", 9 * MINUTE)
    schedule.put("a", 12 * MINUTE)
    schedule.put("a", 5 * MINUTE)
    assert schedule.take(6 * MINUTE) == ["a"]
    assert schedule.take(13 * MINUTE) == []


def test_a_key_that_is_put_twice_into_a_minute_comes_up_once(schedule: Schedule) -> None:
    schedule.put("a", 5 * MINUTE)
    schedule.put("a", 2 * MINUTE)
    assert schedule.take(3 * MINUTE) == ["a"]
    schedule.put("a", 5 * MINUTE)
    assert schedule.take(6 * MINUTE) == ["a"]


def test_what_was_due_before_comes_up_next(schedule: Schedule) -> None:
    schedule.take(100 * MINUTE)
    schedule.put("late", 3 * MINUTE)
    assert schedule.take(101 * MINUTE) == ["late"]


def test_a_long_pause_costs_no_more_than_what_is_due(schedule: Schedule) -> None:
    schedule.take(MINUTE)
    schedule.put("a", 5 * MINUTE)
    assert schedule.take(10**9 * MINUTE) == ["a"]


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from("abc"), st.integers(0, 3000)),
            st.tuples(st.none(), st.integers(0, 2000)),
        ),
        max_size=40,
    )
)
def test_every_key_comes_up_once_and_not_too_early(steps: list[tuple[str | None, int]]) -> None:
    schedule, now = Schedule(FakeApp(), "test"), 0
    waiting: dict[str, int] = {}
    for key, number in steps:
        if key is None:
            now += number
            taken = schedule.take(now * MINUTE)
            assert len(taken) == len(set(taken))
            for each in taken:
                assert waiting.pop(each) < now
            assert all(due >= now for due in waiting.values())
        else:
            schedule.put(key, number * MINUTE)
            due = max(number, now)  # what was due before comes up next
            waiting[key] = min(due, waiting.get(key, due))
    taken = schedule.take((max(now, 3000) + 2) * MINUTE)
    assert set(taken) == waiting.keys()
    assert not schedule._due

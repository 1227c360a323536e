"""What counts as old is what was reached long enough ago, never less."""

from hypothesis import given
from hypothesis import strategies as st

from topologies.recency import STEPS, Recency

SECONDS = 120.0


def test_nothing_is_old_at_first():
    recency = Recency(SECONDS)
    assert recency.floor(1000.0) == -1
    recency.reached(1000.0, 7)
    assert recency.floor(1000.0 + SECONDS - 0.1) == -1
    assert recency.floor(1000.0 + SECONDS) == 7


@given(
    st.lists(
        st.tuples(st.floats(0, 30, allow_nan=False), st.integers(1, 100)), min_size=1, max_size=200
    ),
    st.floats(0, 300),
)
def test_what_is_old_was_reached_long_ago_and_what_was_is_old_but_for_a_step(steps, later):
    recency, now, offset = Recency(SECONDS), 0.0, -1
    reached = []
    for pause, count in steps:
        now, offset = now + pause, offset + count
        recency.reached(now, offset)
        recency.floor(now)
        reached.append((now, offset))
    now += later
    floor = recency.floor(now)
    assert all(now - at >= SECONDS for at, offset in reached if offset <= floor)
    step = SECONDS / STEPS
    must = [offset for at, offset in reached if now - at >= SECONDS + step]
    assert floor >= max(must, default=-1)

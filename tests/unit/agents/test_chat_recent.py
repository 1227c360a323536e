"""Long texts that go round: what is kept by slot says what a plain list of them says."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agents.chat.limits import SECOND, Limits
from agents.chat.recent import TEXTS, ChannelRecent, Mark, Text
from agents.chat.text import alike

LIMITS = Limits(flood_users=3)
WORDS = st.integers(0, 40)
MARKS = st.one_of(
    # Some share their least hashes, some are alike beyond that, most are neither.
    st.sets(WORDS, min_size=6, max_size=10).map(lambda words: Mark(0, tuple(sorted(words)[:8]))),
    st.integers(0, 60).map(lambda n: Mark(n, tuple(range(100 * n, 100 * n + 8)))),
    st.sampled_from([Mark(0, (1, 2, 3, 4, 5, 6)), Mark(0, (1, 2, 3, 40, 50, 60))]),
)
SAID = st.tuples(st.integers(-3, 12), st.integers(0, 5), MARKS)
"""Seconds since the message before, for clocks of senders differ; who; what."""

Plain = list[tuple[Mark, list[tuple[int, int]]]]


def plainly(before: Plain, now: int, user: int, said: Mark) -> Plain:
    """The rule in its plainest form: a list, looked through each time."""
    since, users, others = now - LIMITS.window_seconds * SECOND, list[tuple[int, int]](), []
    for mark, who in before:
        if mark.sketch[:3] == said.sketch[:3] and alike(mark.sketch, said.sketch):
            users = [each for each in who if each[0] > since and each[1] != user]
        elif who[-1][0] > since:
            others.append((mark, who))
    while len(others) >= TEXTS:
        others.remove(min(others, key=lambda each: len(each[1])))
    return [*others, (said, [*users, (now, user)][-LIMITS.flood_users :])]


def names(number: int) -> str:
    return f"user {number}"


def different(number: int) -> Mark:
    return Mark(number, tuple(range(1000 + 100 * number, 1008 + 100 * number)))


@given(st.integers(0, 60), st.lists(SAID, max_size=60))
def test_slots_say_what_a_plain_list_says(many: int, said: list[tuple[int, int, Mark]]) -> None:
    first = [(0, n % 6, different(n * 3 // 4)) for n in range(many)]
    plain: Plain = []
    round_, rows, now = ChannelRecent(), dict[int, Text](), 10**15
    users = {ChannelRecent().crowd(0, names(n), Mark(0), LIMITS)[0][1]: n for n in range(6)}
    for later, user, mark in [*first, *said]:
        now += later * SECOND
        crowd = round_.crowd(now, names(user), mark, LIMITS)
        plain = plainly(plain, now, user, mark)
        assert [(at, users[each]) for at, each in crowd] == plain[-1][1]
        for slot, text in round_.note(now, mark, crowd, LIMITS).items():
            rows.pop(slot, None)
            if text is not None:
                rows[slot] = text
        assert round_.last == now
        kept = [(text.mark, [(at, users[u]) for at, u in text.users]) for text in ordered(rows)]
        assert kept == plain
        assert list(round_.texts.values()) == ordered(rows)


def ordered(rows: dict[int, Text]) -> list[Text]:
    """Rows, as a worker reads them that takes over."""
    found = sorted(rows.values(), key=lambda each: each.number)
    assert all(one.number < other.number for one, other in pairwise(found))
    return found

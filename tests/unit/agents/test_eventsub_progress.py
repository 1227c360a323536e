"""The messages of a webhook: never too many under way, none lost, none for ever."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agents.eventsub.progress import (
    ATTEMPTS,
    LOST,
    PAUSES,
    WINDOW,
    Open,
    Progress,
    added,
    due,
    reported,
    started,
)

SECOND = 1_000_000


class Deliveries(RuleBasedStateMachine):
    """A webhook that takes messages or not, in any order, at any time; reports may be repeated."""

    @initialize()
    def begin(self) -> None:
        self.progress = Progress()
        self.now = 0
        self.flying: list[Open] = []
        self.tried: dict[int, int] = {}
        self.done: set[int] = set()
        self.all = 0
        self.failed = False

    def start(self) -> None:
        self.progress, sent = started(self.progress, self.now)
        for each in sent:
            assert each.attempt == self.tried.get(each.number, 0) + 1
            assert each.number not in self.done
            self.tried[each.number] = each.attempt
            lost = [old for old in self.flying if old.number == each.number]
            assert all(old.sent_at + LOST <= self.now for old in lost)
            self.flying = [old for old in self.flying if old not in lost]
        self.flying += sent

    @rule(count=st.integers(1, 30))
    def add(self, count: int) -> None:
        for _ in range(count):
            self.progress, number = added(self.progress)
            assert number == self.all
            self.all += 1
            self.start()

    @rule(data=st.data(), delivered=st.booleans(), again=st.booleans())
    def report(self, data: st.DataObject, delivered: bool, again: bool) -> None:
        if not self.flying:
            return
        each = data.draw(st.sampled_from(self.flying))
        found = reported(self.progress, each.number, each.attempt, delivered, self.now)
        assert found is not None
        self.flying.remove(each)
        self.progress, self.failed = found.progress, self.failed or found.failed
        if found.done:
            assert delivered or each.attempt == ATTEMPTS
            self.done.add(each.number)
        if again:
            repeat = reported(self.progress, each.number, each.attempt, delivered, self.now)
            assert repeat is None
        self.start()

    @rule(seconds=st.sampled_from([1, *PAUSES]))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND
        self.start()

    @invariant()
    def never_too_many(self) -> None:
        assert self.progress.flying == len(self.flying) <= WINDOW
        assert len(self.progress.open) <= WINDOW

    @invariant()
    def none_lost(self) -> None:
        waiting = list(self.progress.numbers())
        assert len(waiting) == len(set(waiting)) == self.progress.waiting
        assert set(waiting) | self.done == set(range(self.all))
        assert not set(waiting) & self.done

    @invariant()
    def goes_on_by_itself(self) -> None:
        """What waits is woken by a report or by the time."""
        if self.progress.waiting and not self.flying:
            assert due(self.progress) is not None

    def teardown(self) -> None:
        """In the end a webhook that is back has had everything."""
        if not hasattr(self, "progress"):
            return
        while self.progress.waiting:
            for each in self.flying:
                found = reported(self.progress, each.number, each.attempt, True, self.now)
                assert found is not None
                self.progress = found.progress
                self.done.add(each.number)
            self.flying = []
            wake = due(self.progress)
            self.now = max(self.now, wake or 0)
            self.start()
        assert self.done == set(range(self.all))


Deliveries.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDeliveries = Deliveries.TestCase


def filled(count: int) -> Progress:
    progress = Progress()
    for _ in range(count):
        progress, _ = added(progress)
    return progress


def test_a_window_of_messages_starts_in_order() -> None:
    progress, sent = started(filled(WINDOW + 5), 0)
    assert [each.number for each in sent] == list(range(WINDOW))
    assert started(progress, 0)[1] == []


def test_several_that_fail_at_once_are_one_failure_and_one_message_finds_out() -> None:
    progress, sent = started(filled(WINDOW), 0)
    for each in sent:
        found = reported(progress, each.number, each.attempt, False, 0)
        assert found is not None
        progress = found.progress
    assert progress.failures == 1
    wake = due(progress)
    assert wake == PAUSES[0] * SECOND
    assert started(progress, wake - 1)[1] == []
    progress, sent = started(progress, wake)
    assert [(each.number, each.attempt) for each in sent] == [(0, 2)]
    found = reported(progress, 0, 2, True, wake)
    assert found is not None
    _, sent = started(found.progress, wake)
    assert len(sent) == WINDOW - 1


def test_failures_in_a_row_end_a_subscription_after_hours() -> None:
    progress, now, failures = filled(1), 0, 0
    while True:
        progress, (each,) = started(progress, now)
        found = reported(progress, each.number, each.attempt, False, now)
        assert found is not None
        failures += 1
        if found.failed:
            break
        progress = found.progress
        wake = due(progress)
        assert wake is not None
        now = wake
    assert failures == ATTEMPTS
    assert now == sum(PAUSES) * SECOND
    assert sum(PAUSES) > 3600
    assert found.given_up


def test_one_message_that_is_never_taken_is_given_up_while_others_arrive() -> None:
    progress, now, given_up, taken = filled(1), 0, [], 0
    for _ in range(ATTEMPTS * 3):
        progress, _ = added(progress)
        progress, sent = started(progress, now)
        for each in sent:
            found = reported(progress, each.number, each.attempt, each.number > 0, now)
            assert found is not None
            assert not found.failed
            progress = found.progress
            given_up += [each.number] if found.given_up else []
            taken += each.number > 0
        now += PAUSES[-1] * SECOND
    assert given_up == [0]
    assert taken == ATTEMPTS * 3


def test_an_attempt_that_nobody_reported_of_does_not_hold_its_place_for_ever() -> None:
    progress, sent = started(filled(WINDOW), 0)
    progress, _ = added(progress)
    assert started(progress, LOST - 1)[1] == []
    progress, again = started(progress, LOST)
    assert [(each.number, each.attempt) for each in again] == [(n, 2) for n in range(WINDOW)]
    assert reported(progress, sent[0].number, sent[0].attempt, True, LOST) is None

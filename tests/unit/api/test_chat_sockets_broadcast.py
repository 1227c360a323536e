"""Groups: at once while it is quiet, together while it is not, nothing lost, nothing twice."""

import time

from api.chat.sockets import Broadcaster, Group
from api.chat.sockets.broadcast import SHARD
from tests.waiting import until

WINDOW = 0.02


class Listener:
    """Keeps what it is sent, one item a write."""

    def __init__(self, group: Group | None = None) -> None:
        self.flowing = True
        self.writes: list[bytes] = []
        self.at: list[float] = []
        if group is not None:
            group.add(self)

    def send(self, data: bytes) -> None:
        self.writes.append(data)
        self.at.append(time.monotonic())


async def test_what_comes_while_it_is_quiet_is_written_at_once():
    group, broadcaster = Group(), Broadcaster()
    listeners = [Listener(group) for _ in range(3)]
    broadcaster.broadcast(group, b"one", 1)
    assert [each.writes for each in listeners] == [[b"one"]] * 3


async def test_what_comes_faster_is_written_together_in_order():
    group, broadcaster = Group(), Broadcaster(WINDOW, WINDOW)
    listener = Listener(group)
    for number in range(50):
        broadcaster.broadcast(group, b"%02d" % number, number)
    assert listener.writes == [b"00"]
    await until(lambda: len(listener.writes) == 2)
    assert listener.writes[1] == b"".join(b"%02d" % number for number in range(1, 50))
    assert listener.at[1] - listener.at[0] >= WINDOW * 0.9


async def test_a_large_group_is_written_to_in_turns_with_the_event_loop():
    group, broadcaster = Group(), Broadcaster(WINDOW, WINDOW)
    listeners = [Listener(group) for _ in range(4 * SHARD)]
    broadcaster.broadcast(group, b"one", 1)
    written = sum(bool(each.writes) for each in listeners)
    assert written == SHARD
    broadcaster.broadcast(group, b"two", 2)
    await until(lambda: all(b"".join(each.writes) == b"onetwo" for each in listeners))
    assert len(listeners[0].writes) == 2
    assert len(listeners[-1].writes) == 1, "who waited for a turn got what came meanwhile with it"


async def test_many_small_groups_take_turns_as_well():
    broadcaster = Broadcaster(WINDOW, WINDOW)
    groups = [Group() for _ in range(2 * SHARD)]
    listeners = [Listener(group) for group in groups]
    for group in groups:
        broadcaster.broadcast(group, b"x")
    assert sum(bool(each.writes) for each in listeners) == SHARD
    await until(lambda: all(each.writes == [b"x"] for each in listeners))


async def test_who_does_not_flow_is_passed_over_and_knows_from_where():
    group, broadcaster = Group(), Broadcaster(0, 0)
    slow, fast = Listener(group), Listener(group)
    broadcaster.broadcast(group, b"a", 7)
    slow.flowing = False
    broadcaster.broadcast(group, b"b", 8)
    assert (slow.writes, fast.writes) == ([b"a"], [b"a", b"b"])
    assert group.mark_of(fast) == 8


async def test_a_mark_is_of_what_was_written_and_not_of_what_waits():
    group, broadcaster = Group(mark=3), Broadcaster(WINDOW, WINDOW)
    listener = Listener(group)
    assert group.mark_of(listener) == 3
    broadcaster.broadcast(group, b"a", 4)
    broadcaster.broadcast(group, b"b", 5)
    assert group.mark_of(listener) == 4
    await until(lambda: group.mark_of(listener) == 5)


async def test_the_mark_is_set_before_anyone_can_lag():
    group, broadcaster = Group(), Broadcaster(0, 0)
    seen = []

    class Lagging(Listener):
        def send(self, data: bytes) -> None:
            seen.append(group.mark_of(self))
            self.flowing = False

    Lagging(group)
    broadcaster.broadcast(group, b"a", 9)
    assert seen == [9]


async def test_one_may_leave_while_all_are_written_to():
    group, broadcaster = Group(), Broadcaster(0, 0)

    class Leaving(Listener):
        def send(self, data: bytes) -> None:
            super().send(data)
            group.discard(self)

    listeners = [Leaving(group) for _ in range(5)]
    broadcaster.broadcast(group, b"a", 1)
    broadcaster.broadcast(group, b"b", 2)
    assert [each.writes for each in listeners] == [[b"a"]] * 5
    assert len(group) == 0


async def test_members_come_and_go():
    group = Group()
    listeners = [Listener(group) for _ in range(SHARD + 1)]
    assert len(group) == SHARD + 1
    group.add(listeners[0])
    assert group.members() == tuple(listeners)
    for each in listeners[:-1]:
        group.discard(each)
    group.discard(listeners[0])
    assert listeners[0] not in group
    assert listeners[-1] in group
    broadcaster = Broadcaster()
    broadcaster.broadcast(group, b"x")
    assert [len(each.writes) for each in listeners] == [0] * SHARD + [1]


async def test_one_who_joins_gets_all_after_its_mark():
    group, broadcaster = Group(), Broadcaster(WINDOW, WINDOW)
    Listener(group)
    broadcaster.broadcast(group, b"1", 1)
    broadcaster.broadcast(group, b"2", 2)
    late = Listener(group)
    assert group.mark_of(late) == 1
    await until(lambda: late.writes == [b"2"])


async def test_an_empty_group_keeps_its_mark_for_who_comes():
    group, broadcaster = Group(), Broadcaster()
    broadcaster.broadcast(group, b"nobody", 6)
    assert group.mark_of(Listener(group)) == 6


async def test_the_window_grows_with_what_waits_for_its_turn():
    group, broadcaster = Group(), Broadcaster(WINDOW, 5 * WINDOW)

    class Slow(Listener):
        def send(self, data: bytes) -> None:
            super().send(data)
            if self is first:
                time.sleep(2 * WINDOW)

    first = Slow()
    group.add(first)
    listeners = [Listener(group) for _ in range(SHARD)]
    broadcaster.broadcast(group, b"a")
    await until(lambda: listeners[-1].writes)
    broadcaster.broadcast(group, b"b")
    await until(lambda: len(listeners[-1].writes) == 2)
    assert listeners[-1].at[1] - listeners[-1].at[0] >= 3.5 * WINDOW

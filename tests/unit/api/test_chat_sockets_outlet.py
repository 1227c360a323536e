"""Outlets at the ends of real sockets, in a group: who does not read harms nobody else."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from api.chat.sockets import Broadcaster, Group, Limits, Outlet
from tests.waiting import until

LIMITS = Limits(buffer=20_000, backlog=1_000_000)


class Line(Outlet):
    """Notes its place when it lags; may end another then."""

    def __init__(self, group: Group) -> None:
        super().__init__(LIMITS)
        self.group = group
        self.lagged_at: int | None = None
        self.was_drained = False
        self.ends: Line | None = None

    def lagging(self) -> None:
        self.lagged_at = self.group.mark_of(self)
        if self.ends is not None:
            self.ends.end(b"bye")

    def drained(self) -> None:
        self.was_drained = True


class Pair:
    """An outlet and the socket of its client."""

    def __init__(self, line: Line, client: socket.socket) -> None:
        self.line, self.client, self.came = line, client, b""

    def read(self) -> bytes:
        """All that came so far."""
        try:
            while some := self.client.recv(1 << 20):
                self.came += some
        except BlockingIOError:
            pass
        return self.came


@pytest.fixture
async def pairs() -> AsyncIterator[tuple[Group, list[Pair]]]:
    group, made = Group(), []
    for _ in range(4):
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setblocking(False)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
        line = Line(group)
        await asyncio.get_running_loop().connect_accepted_socket(lambda line=line: line, ours)
        group.add(line)
        made.append(Pair(line, theirs))
    yield group, made
    for pair in made:
        pair.line.abort()
        pair.client.close()


def messages(count: int) -> list[bytes]:
    return [b"%06d" % number + b"." * 994 for number in range(count)]


async def test_who_does_not_read_is_passed_over_and_loses_nothing_up_to_its_mark(pairs):
    group, (slow, *fast) = pairs
    broadcaster, sent = Broadcaster(0, 0), messages(300)
    for number, message in enumerate(sent):
        broadcaster.broadcast(group, message, number)
        for pair in fast:
            pair.read()
        await asyncio.sleep(0)
    assert slow.line.lagged_at is not None
    assert slow.line.buffered > 0
    for pair in fast:
        await until(lambda pair=pair: pair.read() == b"".join(sent))
    given = b"".join(sent[: slow.line.lagged_at + 1])
    await until(lambda: slow.read() == given and slow.line.was_drained)
    broadcaster.broadcast(group, b"passed over", 300)
    slow.line.resume()
    broadcaster.broadcast(group, b"again", 301)
    await until(lambda: slow.read() == given + b"again")
    await until(lambda: fast[0].read().endswith(b"passed overagain"))


async def test_one_who_lags_may_lead_to_the_end_of_another(pairs):
    group, (slow, other, *_) = pairs
    slow.line.ends = other.line
    broadcaster, sent = Broadcaster(0, 0), messages(300)
    for number, message in enumerate(sent):
        broadcaster.broadcast(group, message, number)
        other.read()
        await asyncio.sleep(0)
    await until(lambda: other.read().endswith(b"bye"))
    assert other.came == b"".join(sent)[: len(other.came) - 3] + b"bye"


async def test_what_is_gone_takes_nothing_and_raises_nothing(pairs):
    group, (gone, *rest) = pairs
    gone.client.close()
    broadcaster = Broadcaster(0, 0)
    for _ in range(3):
        broadcaster.broadcast(group, b"x")
    await until(lambda: gone.line.buffered == 0 and gone.line.file is None)
    broadcaster.broadcast(group, b"y")
    assert rest[0].read() == b"xxxy"
    gone.line.send(b"z")


async def test_who_reads_nothing_at_all_is_cut_off(pairs):
    _, (slow, *_) = pairs
    for _ in range(1200):
        slow.line.send(b"." * 1000)
    await until(lambda: slow.line.file is None and slow.line.buffered == 0)


async def test_what_the_kernel_takes_a_part_of_arrives_whole(pairs):
    group, made = pairs
    broadcaster = Broadcaster(0, 0)
    large = b"".join(messages(300))
    broadcaster.broadcast(group, large)
    broadcaster.broadcast(group, b"passed over by all who lag")
    for pair in made:
        assert pair.line.buffered > 0
        await until(lambda pair=pair: pair.read() == large)

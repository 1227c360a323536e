"""Partitions take turns at an agent, and the lists of one keep their order."""

import itertools
from asyncio import QueueEmpty
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st
from mode.utils.queues import FlowControlEvent

from infra.streaming.fair_queue import FairQueue

PARTITIONS = st.lists(st.integers(0, 3), max_size=40)


def a_list(partition: int, number: int) -> Any:
    tp = TP("chat", partition)
    return SimpleNamespace(message=SimpleNamespace(tp=tp), place=(partition, number))


def a_queue(partitions: list[int]) -> FairQueue:
    queue = FairQueue(maxsize=0, flow_control=FlowControlEvent(initially_suspended=False))
    for number, partition in enumerate(partitions):
        queue.put_nowait(a_list(partition, number))
    return queue


def taken(queue: FairQueue) -> list[tuple[int, int]]:
    return [queue.get_nowait().place for _ in range(queue.qsize())]


async def test_a_quiet_partition_stands_behind_one_list_of_a_busy_one() -> None:
    queue = a_queue([1, 1, 1, 1])
    assert queue.get_nowait().place == (1, 0)
    queue.put_nowait(a_list(2, 9))
    assert taken(queue) == [(1, 1), (2, 9), (1, 2), (1, 3)]


@given(PARTITIONS)
async def test_nothing_is_lost_and_each_partition_keeps_its_order(partitions: list[int]) -> None:
    found = taken(a_queue(partitions))
    assert sorted(found) == sorted((each, number) for number, each in enumerate(partitions))
    for partition in set(partitions):
        own = [number for each, number in found if each == partition]
        assert own == sorted(own)


@given(PARTITIONS)
async def test_nobody_has_two_turns_while_another_waits(partitions: list[int]) -> None:
    found = [partition for partition, _ in taken(a_queue(partitions))]
    for at, (before, after) in enumerate(itertools.pairwise(found)):
        assert before != after or set(found[at:]) == {before}


async def test_clearing_forgets_all() -> None:
    queue = a_queue([1, 2, 1])
    queue.clear()
    assert queue.empty()
    with pytest.raises(QueueEmpty):
        queue.get_nowait()

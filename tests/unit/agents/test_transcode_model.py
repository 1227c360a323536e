"""The dispatcher: these commands, those events. What streams get, and what is measured."""

import pytest

from schemas.records.clock import Tick
from schemas.records.transcode import (
    PoolMeasured,
    RequestRefused,
    WorkerJoined,
)
from tests.unit.agents.transcode_commands import (
    FULL,
    FULL_HD,
    HD,
    IDLE,
    NO_ROOM,
    NOT_ITS,
    SECOND,
    TIER,
    WHOLE,
    Dispatcher,
    admit,
    causes,
    describe,
    of,
    release,
    report,
    tier,
)


def test_a_partner_has_the_whole_ladder() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    (said,) = pool.stream("p", "partner")
    assert said.worker_id == "w.1"
    assert (said.assignment, said.cause, said.tier) == (1, "stream_started", "partner")
    assert pool.rungs("p") == dict.fromkeys(WHOLE, TIER)


def test_an_affiliate_has_two_of_which_the_smaller_is_promised() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    pool.stream("a", "affiliate")
    assert pool.rungs("a") == {
        "720p60": IDLE,
        "480p30": TIER,
        "360p30": NOT_ITS,
        "160p30": NOT_ITS,
    }


def test_a_regular_stream_has_its_source_only() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    pool.stream("r", "regular")
    assert pool.rungs("r") == dict.fromkeys(WHOLE, NOT_ITS)
    assert pool.ladders["r"].worker_id == ""


@pytest.mark.parametrize(
    "order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
)
def test_whatever_comes_first_the_stream_has_its_ladder(order: tuple[int, ...]) -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    commands = [tier("of-p", "partner"), admit("p"), describe("p")]
    pool.put(*(commands[each] for each in order))
    assert pool.made("p") == WHOLE


def test_a_stream_that_waited_is_served_when_a_worker_comes() -> None:
    pool = Dispatcher()
    pool.stream("p", "partner")
    assert pool.rungs("p") == dict.fromkeys(WHOLE, NO_ROOM)
    said = pool.put(report("w", FULL))
    assert of(said, WorkerJoined)
    assert causes(said) == [("p", "capacity_freed")]
    assert pool.made("p") == WHOLE


def test_a_stream_that_is_over_leaves_nothing_behind() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    pool.stream("p", "partner")
    (said,) = pool.put(release("p"))
    assert (said.cause, said.worker_id) == ("stream_over", "")
    assert {(each.state, each.reason) for each in said.rungs} == {("refused", "stream_over")}
    assert pool.pool.totals.used == pool.pool.totals.streams == 0
    assert pool.put(release("p")) == []


def test_a_publisher_that_is_back_changes_the_session_only() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    pool.stream("p", "partner")
    (said,) = pool.put(admit("p", session="p2"))
    assert (said.session_id, said.assignment) == ("p2", 1)
    assert pool.put(describe("p")) == []
    assert pool.made("p") == WHOLE


def test_another_source_is_another_ladder_on_the_same_worker() -> None:
    pool = Dispatcher()
    pool.put(report("v", 2 * FULL), report("w", FULL))
    pool.stream("p", "partner")
    (said,) = pool.put(describe("p", HD))
    assert (said.cause, said.worker_id) == ("source_changed", "w.1")
    assert pool.made("p") == ["480p30", "360p30", "160p30"]


def test_a_source_that_cannot_be_is_refused() -> None:
    (said,) = Dispatcher().put(describe("p", (99_999, 1080, 60.0)))
    assert isinstance(said, RequestRefused)
    assert said.reason == "invalid-source"
    assert "width" in said.detail


def test_decoding_is_part_of_the_cost() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL + 48_959, decoding=100))
    pool.stream("p", "partner")
    assert pool.made("p") == WHOLE[1:]
    pool.put(report("w", FULL + 48_960, decoding=100))
    assert pool.made("p") == WHOLE


def test_the_pool_is_measured_every_ten_seconds() -> None:
    pool = Dispatcher()
    pool.put(report("w", 2 * FULL))
    pool.stream("p", "partner")
    pool.stream("r", "regular")
    pool.stream("a", "affiliate")
    measured = of(pool.wait(21), PoolMeasured)
    assert len(measured) == 3
    assert measured[-1] == PoolMeasured(
        pool="default",
        workers=1,
        streams=3,
        transcoded=2,
        capacity=2 * FULL,
        used=FULL + 264_600,
        guaranteed=FULL + 48_600,
        reserved=FULL // 4,
        wanted=6,
        served=6,
    )


def test_a_source_is_enough_to_be_remembered_for_an_hour_only() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL), Tick(), describe("x", FULL_HD))
    assert "x" in pool.pool.streams
    pool.now += 3_601 * SECOND
    pool.wait(1)
    assert "x" not in pool.pool.streams

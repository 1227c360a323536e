"""The dispatcher: these commands, those events."""

from typing import Any

import pytest

from schemas.records.clock import Tick
from schemas.records.transcode import (
    CapacityReserved,
    LadderChanged,
    PoolMeasured,
    RenditionsRequested,
    RequestRefused,
    ReservationEnded,
    StreamQuarantined,
    WorkerJoined,
    WorkerLeft,
)
from tests.unit.agents.transcode_commands import (
    FULL,
    FULL_HD,
    HD,
    SECOND,
    Dispatcher,
    admit,
    cancel,
    death,
    describe,
    drop,
    release,
    report,
    reserve,
    tier,
    wish,
)

TIER = ("granted", "tier")
IDLE = ("granted", "idle_capacity")
GOING = ("going", "preempted")
CLAIM = ("waiting", "awaiting_preemption")
NO_ROOM = ("waiting", "no_capacity")
NOT_ITS = ("refused", "tier")
WHOLE = ["720p60", "480p30", "360p30", "160p30"]


def of(said: list[Any], kind: type) -> list[Any]:
    return [each for each in said if isinstance(each, kind)]


def causes(said: list[Any]) -> list[tuple[str, str]]:
    return [(each.stream_id, each.cause) for each in of(said, LadderChanged)]


# What streams get.


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


# Who has to leave.


def test_a_partner_takes_an_affiliates_room_after_a_grace() -> None:
    pool = Dispatcher()
    pool.put(report("w", 2 * FULL - 216_000))
    pool.stream("a", "affiliate")
    said = pool.stream("p", "partner")
    assert causes(said) == [("p", "stream_started"), ("a", "preempted")]
    assert pool.rungs("a")["720p60"] == GOING
    assert pool.rungs("a")["480p30"] == TIER
    (going, *_) = pool.ladders["a"].rungs
    assert going.until == pool.now + 30 * SECOND
    assert pool.rungs("p") == {**dict.fromkeys(WHOLE, TIER), "720p60": CLAIM}
    assert causes(pool.wait(29)) == []
    assert causes(pool.wait(2)) == [("a", "grace_over"), ("p", "grace_over")]
    assert pool.rungs("a")["720p60"] == ("waiting", "settling")
    assert pool.made("p") == WHOLE


def test_few_streams_are_disturbed_and_those_that_came_last() -> None:
    pool = Dispatcher()
    pool.put(report("w", 3 * 264_600 + 81_600))
    for name in "abc":
        pool.stream(name, "affiliate")
    pool.stream("p", "partner")
    assert [name for name in "abc" if pool.rungs(name)["720p60"] == GOING] == ["c"]


def test_a_promised_minimum_is_nobodys_to_take() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    pool.stream("a", "affiliate")
    pool.stream("p", "partner")
    pool.wait(40)
    assert pool.made("a") == ["480p30"]
    assert pool.made("p") == WHOLE[1:]
    assert pool.rungs("p")["720p60"] == NO_ROOM


def test_no_promise_is_made_of_the_reserve() -> None:
    pool = Dispatcher(reserve=0.125)
    pool.put(report("w", 5 * 48_600))
    for name in "abcde":
        pool.stream(name, "affiliate", (1920, 1080, 60.0))
    # Four minima are 80 %, five are 100 %: the fifth is made, but of what partners may take.
    assert [pool.rungs(name)["480p30"] for name in "abcde"] == [TIER] * 4 + [IDLE]
    pool.stream("p", "partner")
    assert pool.rungs("e")["480p30"] == GOING
    pool.put(release("a"), release("p"))
    pool.wait(61)
    assert pool.rungs("e")["480p30"] == TIER


def test_an_affiliate_is_upgraded_when_room_is_free_but_not_at_once() -> None:
    pool = Dispatcher()
    pool.put(report("w", 2 * FULL - 216_000))
    pool.stream("a", "affiliate")
    pool.stream("p", "partner")
    pool.wait(31)
    pool.put(release("p"))
    assert causes(pool.wait(28)) == []
    assert ("a", "grace_over") in causes(pool.wait(3))
    assert pool.rungs("a")["720p60"] == IDLE


def test_the_longest_waiting_is_upgraded_first() -> None:
    pool = Dispatcher()
    pool.put(report("w", 5 * 48_600 + 216_000))
    for name in "abc":
        pool.stream(name, "affiliate")
    assert [pool.rungs(name)["720p60"] for name in "abc"] == [IDLE, NO_ROOM, NO_ROOM]
    said = pool.put(release("a"))
    assert ("b", "capacity_freed") in causes(said)
    assert pool.rungs("c")["720p60"] == NO_ROOM


def test_a_partner_below_its_ladder_moves_to_where_it_is_whole() -> None:
    pool = Dispatcher()
    pool.put(report("v", 100_000))
    pool.stream("p", "partner")
    assert pool.made("p") == WHOLE[1:]
    said = pool.put(report("w", FULL))
    assert causes(said) == [("p", "capacity_freed")]
    assert (pool.ladders["p"].worker_id, pool.ladders["p"].assignment) == ("w.1", 2)
    assert pool.made("p") == WHOLE


def test_a_partner_is_not_moved_for_an_affiliate() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL + 100_000))
    pool.stream("p", "partner")
    pool.put(report("v", FULL))
    pool.stream("a", "affiliate")
    pool.stream("b", "affiliate")
    pool.wait(100)
    assert (pool.ladders["p"].worker_id, pool.ladders["p"].assignment) == ("w.1", 1)


def test_a_tier_that_is_lost_is_lost_after_the_grace() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    pool.stream("p", "partner")
    (said,) = pool.put(tier("of-p", "affiliate"))
    assert said.cause == "tier_changed"
    assert pool.rungs("p") == {
        "720p60": IDLE,
        "480p30": TIER,
        "360p30": ("going", "tier"),
        "160p30": ("going", "tier"),
    }
    pool.wait(31)
    assert pool.rungs("p")["360p30"] == NOT_ITS
    (said, *_) = pool.put(tier("of-p", "partner"))
    assert pool.made("p") == WHOLE


# Workers.


def test_a_silent_worker_is_lost_and_its_streams_move() -> None:
    pool = Dispatcher()
    pool.put(report("v", FULL), report("w", FULL))
    pool.stream("p", "partner")
    lost = pool.ladders["p"].worker_id
    del pool.workers[lost[0]]
    assert of(pool.wait(4), WorkerLeft) == []
    said = pool.wait(1)
    assert [(each.worker_id, each.reason) for each in of(said, WorkerLeft)] == [(lost, "lost")]
    assert causes(said) == [("p", "worker_lost")]
    assert pool.made("p") == WHOLE
    assert pool.ladders["p"].assignment == 2


def test_what_finds_no_room_elsewhere_waits_and_comes_back() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    pool.stream("p", "partner")
    pool.workers.clear()
    pool.wait(6)
    assert pool.rungs("p") == dict.fromkeys(WHOLE, ("waiting", "worker_lost"))
    pool.put(report("w", FULL))
    assert pool.made("p") == WHOLE


def test_a_worker_of_the_same_place_replaces_another_at_once() -> None:
    pool = Dispatcher()
    pool.put(report("u", FULL), report("w", FULL))
    pool.stream("p", "partner")
    name = pool.ladders["p"].worker_id[0]
    said = pool.put(report(name, FULL, run=2))
    assert [(each.worker_id, each.reason) for each in of(said, WorkerLeft)] == [
        (f"{name}.1", "replaced")
    ]
    assert causes(said) == [("p", "worker_replaced")]
    assert pool.ladders["p"].worker_id == f"{name}.2"
    assert pool.put(report(name, FULL, run=1)) == []  # the old one's last words


def test_a_draining_worker_leaves_when_its_streams_are_elsewhere() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    pool.stream("p", "partner")
    assert of(pool.put(report("w", FULL, draining=True)), WorkerLeft) == []
    assert pool.made("p") == WHOLE
    said = pool.put(report("v", FULL))
    assert pool.ladders["p"].worker_id == "v.1"
    assert [(each.worker_id, each.reason) for each in of(said, WorkerLeft)] == [("w.1", "drained")]
    assert pool.put(report("w", FULL, draining=True)) == []


def test_a_worker_that_can_do_less_sheds_the_lowest_standing_first() -> None:
    pool = Dispatcher()
    pool.put(report("w", 2 * FULL))
    pool.stream("a", "affiliate")
    pool.stream("p", "partner")
    said = pool.put(report("w", FULL + 48_600))
    assert causes(said) == [("a", "capacity_lost")]
    assert pool.made("a") == ["480p30"]
    said = pool.put(report("w", FULL))
    assert causes(said) == [("a", "capacity_lost")]
    pool.put(report("w", 100_000))
    assert pool.made("p") == WHOLE[1:]


def test_a_rung_that_a_worker_cannot_make_waits_longer_each_time() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    pool.stream("p", "partner")
    for seconds in (60, 120, 240):
        (said,) = pool.put(drop("w.1", "p", 1, "720p60"))
        assert said.cause == "worker_behind"
        assert pool.rungs("p")["720p60"] == ("waiting", "worker_behind")
        pool.wait(seconds - 1)
        assert pool.rungs("p")["720p60"] == ("waiting", "worker_behind")
        pool.wait(2)
        assert pool.rungs("p")["720p60"] == TIER


def test_a_rung_that_a_worker_cannot_make_is_made_elsewhere() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    pool.stream("p", "partner")
    pool.put(report("v", FULL))
    pool.put(drop("w.1", "p", 1, "720p60", "encoder_failed"))
    assert (pool.ladders["p"].worker_id, pool.made("p")) == ("v.1", WHOLE)


@pytest.mark.parametrize(
    "stale",
    [drop("w.1", "p", 7, "720p60"), drop("v.1", "p", 1, "720p60"), drop("w.1", "p", 1, "1p1")],
)
def test_what_a_worker_says_of_what_is_not_its_own_is_not_heard(stale: Any) -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    pool.stream("p", "partner")
    assert pool.put(stale) == []


def test_the_third_death_in_ten_minutes_puts_a_stream_in_quarantine() -> None:
    pool = Dispatcher()
    pool.put(report("w", FULL))
    pool.stream("p", "partner")
    assert pool.put(death("w.1", "p", 1)) == []
    pool.wait(601)
    assert pool.put(death("w.1", "p", 1), death("w.1", "p", 1)) == []
    quarantined, said = pool.put(death("w.1", "p", 1))
    assert isinstance(quarantined, StreamQuarantined)
    assert (quarantined.deaths, quarantined.kept_object) == (3, "kept/7.mp4")
    assert said.cause == "quarantined"
    assert pool.rungs("p") == dict.fromkeys(WHOLE, ("refused", "quarantined"))
    assert pool.put(describe("p", HD))[0].rungs[0].reason == "quarantined"
    pool.put(release("p"))
    pool.stream("p", "partner")
    assert pool.made("p") == WHOLE


# What regular streams are lent.


def test_enough_viewers_are_lent_what_is_idle_until_nobody_asks() -> None:
    pool = Dispatcher(idle=True, viewers=2, window=60 * SECOND)
    pool.put(report("w", FULL))
    pool.stream("r", "regular")
    assert pool.rungs("r")["480p30"] == ("refused", "not_asked")
    (said,) = pool.put(wish("r", "one"))
    assert said == RenditionsRequested(stream_id="r", channel_id="of-r", viewers=1)
    assert pool.put(wish("r", "one")) == [said]  # counted once, answered each time
    said = pool.put(wish("r", "two"))
    assert causes(said) == [("r", "viewers_asked")]
    assert pool.made("r") == ["480p30", "160p30"]
    pool.wait(50)
    pool.put(wish("r", "two"))
    pool.wait(50)
    assert pool.made("r") == ["480p30", "160p30"]
    assert causes(pool.wait(11)) == [("r", "nobody_asks")]
    assert pool.rungs("r")["480p30"] == ("going", "not_asked")
    pool.wait(31)
    assert pool.rungs("r")["480p30"] == ("refused", "not_asked")


def test_nothing_is_lent_unless_the_setting_says_so() -> None:
    pool = Dispatcher(viewers=1)
    pool.put(report("w", FULL))
    pool.stream("r", "regular")
    assert causes(pool.put(wish("r", "one"))) == []


def test_what_is_lent_goes_first() -> None:
    pool = Dispatcher(idle=True, viewers=1)
    pool.put(report("w", FULL))
    pool.stream("r", "regular")
    pool.put(wish("r", "one"))
    said = pool.stream("a", "affiliate")
    assert ("r", "preempted") in causes(said)
    pool.wait(31)
    assert pool.made("a") == ["720p60", "480p30"]


def test_a_partner_takes_what_is_lent_before_what_affiliates_have() -> None:
    pool = Dispatcher(idle=True, viewers=1, reserve=0.0)
    pool.put(report("w", 264_600 + 54_000 + FULL - 50_000))
    pool.stream("a", "affiliate")
    pool.stream("r", "regular")
    pool.put(wish("r", "one"))
    assert causes(pool.stream("p", "partner")) == [("p", "stream_started"), ("r", "preempted")]


def test_a_wish_for_a_stream_that_is_not_there_is_refused() -> None:
    (said,) = Dispatcher().put(wish("r", "one"))
    assert (said.reason, said.command) == (
        "unknown-stream",
        "millrace.transcode.RequestRenditions",
    )


# Events to come.


def test_room_for_an_event_is_held_from_some_time_before() -> None:
    pool = Dispatcher(lead=60 * SECOND)
    pool.put(report("w", 2 * FULL), Tick())
    begins = pool.now + 120 * SECOND
    (said,) = pool.put(reserve("r", "of-e", begins, begins + 600 * SECOND))
    assert isinstance(said, CapacityReserved)
    assert said.cost == FULL
    pool.wait(59)
    assert pool.pool.totals.held == 0
    pool.wait(2)
    assert pool.pool.totals.held == FULL
    pool.stream("p", "partner")
    pool.stream("q", "partner")  # there is room, but it is the event's
    assert (pool.made("p"), pool.made("q")) == (WHOLE, [])
    pool.stream("e", "regular")
    assert pool.rungs("e") == dict.fromkeys(WHOLE, ("granted", "reserved"))
    said = pool.wait(700)
    assert [each.reason for each in of(said, ReservationEnded)] == ["over"]
    assert pool.rungs("e") == dict.fromkeys(WHOLE, NOT_ITS)
    assert pool.made("q") == WHOLE


def test_others_may_borrow_what_is_held() -> None:
    pool = Dispatcher(reserve=0.0)
    pool.put(report("w", FULL))
    pool.put(reserve("r", "of-e", pool.now, pool.now + 600 * SECOND))
    pool.stream("a", "affiliate")
    assert pool.rungs("a")["480p30"] == IDLE
    pool.stream("e", "regular")
    assert pool.rungs("a")["720p60"] == pool.rungs("a")["480p30"] == GOING
    pool.wait(31)
    assert pool.made("e") == WHOLE


def test_a_reservation_is_cancelled_or_refused_with_its_reason() -> None:
    pool = Dispatcher()
    (said,) = pool.put(reserve("r", "c", pool.now, pool.now + SECOND))
    assert isinstance(said, CapacityReserved)
    assert pool.put(reserve("r", "c", pool.now, pool.now + 2 * SECOND)) == [said]
    (said,) = pool.put(cancel("r"))
    assert (said.reason, said.channel_id) == ("cancelled", "c")
    (said,) = pool.put(cancel("r"))
    assert (said.reason, "reservation_id" in said.detail) == ("unknown-reservation", True)
    (said,) = pool.put(reserve("r", "c", pool.now + 2, pool.now + 1))
    assert (said.reason, "ends_at" in said.detail) == ("invalid-time", True)
    (said,) = pool.put(reserve("r", "c", pool.now - 2, pool.now - 1))
    assert said.reason == "invalid-time"


# Measures.


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

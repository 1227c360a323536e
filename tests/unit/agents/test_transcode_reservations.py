"""The dispatcher: room that is held for events to come."""

from schemas.records.clock import Tick
from schemas.records.transcode import (
    CapacityReserved,
    ReservationEnded,
)
from tests.unit.agents.transcode_commands import (
    FULL,
    GOING,
    IDLE,
    NOT_ITS,
    SECOND,
    WHOLE,
    Dispatcher,
    cancel,
    of,
    report,
    reserve,
)


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

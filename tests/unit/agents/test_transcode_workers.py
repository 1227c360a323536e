"""The dispatcher: workers that come, drain, fail and fall silent."""

from typing import Any

import pytest

from schemas.records.transcode import (
    StreamQuarantined,
    WorkerLeft,
)
from tests.unit.agents.transcode_commands import (
    FULL,
    HD,
    TIER,
    WHOLE,
    Dispatcher,
    causes,
    death,
    describe,
    drop,
    of,
    release,
    report,
)


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

"""The dispatcher: who has to leave when room is short, and who is lent what is idle."""

from schemas.records.transcode import (
    RenditionsRequested,
)
from tests.unit.agents.transcode_commands import (
    CLAIM,
    FULL,
    GOING,
    IDLE,
    NO_ROOM,
    NOT_ITS,
    SECOND,
    TIER,
    WHOLE,
    Dispatcher,
    causes,
    release,
    report,
    tier,
    wish,
)


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

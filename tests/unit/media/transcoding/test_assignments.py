"""A worker's share of what the dispatcher decides."""

from typing import Literal

from media.transcoding.assignments import cost, made_elsewhere, work_of
from schemas.records.transcode import LadderChanged, Rung

State = Literal["granted", "going", "waiting", "refused"]


def rung(name: str, state: State = "granted", *, bitrate: int = 1_500_000) -> Rung:
    return Rung(
        name=name,
        width=854,
        height=480,
        frame_rate=30.0,
        bitrate=bitrate,
        state=state,
        reason="tier",
    )


def ladder(*rungs: Rung, worker: str = "me", assignment: int = 1) -> LadderChanged:
    return LadderChanged(
        stream_id="stream-1",
        channel_id="channel-1",
        session_id="session-1",
        pool="default",
        tier="partner",
        worker_id=worker,
        assignment=assignment,
        cause="stream_started",
        rungs=list(rungs),
    )


def test_granted_and_going_rungs_are_made_others_are_not() -> None:
    decided = ladder(
        rung("720p30", "waiting"),
        rung("480p30"),
        rung("360p30", "going"),
        rung("160p30", "refused"),
    )
    work = work_of(decided, "me")
    assert work is not None
    assert [each.name for each in work.rungs] == ["480p30", "360p30"]


def test_what_another_makes_is_no_work_of_mine() -> None:
    assert work_of(ladder(rung("480p30"), worker="you"), "me") is None
    assert made_elsewhere(ladder(rung("480p30"), worker="you"), "me")


def test_a_stream_without_rungs_is_made_nowhere() -> None:
    over = ladder(rung("480p30", "refused"), worker="")
    assert work_of(over, "") is None
    assert not made_elsewhere(over, "me")


def test_work_is_the_same_if_its_pictures_are() -> None:
    work = work_of(ladder(rung("480p30")), "me")
    again = work_of(ladder(rung("480p30", "going"), assignment=2), "me")
    other = work_of(ladder(rung("480p30", bitrate=1)), "me")
    assert work is not None
    assert again is not None
    assert other is not None
    assert work.same(again)
    assert not work.same(other)


def test_cost_is_counted_in_whole_macroblocks() -> None:
    assert cost(rung("480p30")) == 54 * 30 * 30

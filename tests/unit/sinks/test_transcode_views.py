"""What the views of renditions, their costs and those who make them show."""

import uuid

import msgspec
import pytest

from infra.record import Envelope, Meta, Record
from schemas.records.transcode import (
    CapacityReserved,
    CostMeasured,
    LadderChanged,
    PoolMeasured,
    RenditionsRequested,
    RequestRefused,
    ReservationEnded,
    Rung,
    StreamQuarantined,
    WorkerJoined,
    WorkerLeft,
)
from sinks.view import changes
from sinks.views import VIEWS
from tests.unit.sinks.test_views import shown


def rung(state: str = "granted", name: str = "480p30", **more: object) -> Rung:
    about = {"width": 854, "height": 480, "frame_rate": 30.0, "bitrate": 1_500_000}
    return msgspec.convert({"name": name, "state": state, "reason": "tier", **about, **more}, Rung)


def ladder(*rungs: Rung, **more: object) -> LadderChanged:
    said: dict[str, object] = {
        "stream_id": "s",
        "channel_id": "c",
        "session_id": "s1",
        "pool": "default",
        "tier": "affiliate",
        "worker_id": "w",
        "assignment": 1,
        "cause": "stream_started",
        "rungs": list(rungs),
    }
    return LadderChanged(**{**said, **more})  # type: ignore[arg-type]


QUARANTINED = StreamQuarantined(
    stream_id="s",
    channel_id="c",
    deaths=3,
    media_sequence=12,
    kept_object="k",
    detail="It died of signal 11.",
)


def test_the_ladder_of_a_stream_is_what_was_decided_last() -> None:
    going = rung("going", reason="preempted", until=5)
    ((key, row),) = shown("stream-ladders", ladder(rung()), ladder(going, tier="regular")).items()
    assert key == ("s",)
    assert (row["tier"], row["worker_id"], row["changed_at"]) == ("regular", "w", 1)
    assert msgspec.json.decode(str(row["rungs"]), type=list[Rung]) == [going]


def test_the_ladder_of_a_stream_that_is_over_stays_and_says_so() -> None:
    ((_, row),) = shown("stream-ladders", ladder(rung()), ladder(cause="stream_over")).items()
    assert (row["cause"], row["rungs"]) == ("stream_over", "[]")


def test_why_a_stream_was_quarantined_outlasts_what_is_decided_later() -> None:
    ((_, row),) = shown("stream-ladders", ladder(), QUARANTINED, ladder(tier="partner")).items()
    assert (row["tier"], row["deaths"], row["kept_object"]) == ("partner", 3, "k")
    assert (row["quarantine"], row["quarantined_at"]) == ("It died of signal 11.", 1)


def test_a_stream_of_a_pool_has_a_row_while_it_is_on_air() -> None:
    first = ladder(rung(), rung("waiting", "720p30"), rung("refused", "160p30"))
    assert shown("pool-streams", first, ladder(stream_id="t"), ladder(cause="stream_over")) == {
        ("default", "t"): {
            "channel_id": "c",
            "tier": "affiliate",
            "worker_id": "w",
            "cause": "stream_started",
            **dict.fromkeys(("granted", "going", "waiting", "refused"), 0),
            "changed_at": 1,
        }
    }
    ((_, row),) = shown("pool-streams", first).items()
    assert [row[name] for name in ("granted", "going", "waiting", "refused")] == [1, 0, 1, 1]


def test_costs_lie_under_stream_and_rendition() -> None:
    cost = CostMeasured(
        stream_id="s",
        rendition="480p30",
        encoder="libx264",
        segments=2,
        media_seconds=4.0,
        cpu_seconds=1.5,
        gpu_seconds=0.0,
    )
    later = msgspec.structs.replace(cost, segments=3)
    other = msgspec.structs.replace(cost, rendition="160p30")
    found = shown("stream-costs", cost, later, other)
    assert found.keys() == {("s", "480p30"), ("s", "160p30")}
    assert found["s", "480p30"]["segments"] == 3


def test_a_pool_is_as_it_was_measured_last() -> None:
    names = [name for name in PoolMeasured.__struct_fields__ if name != "pool"]
    figures = {name: number for number, name in enumerate(names)}
    measured = PoolMeasured(pool="default", **figures)
    assert shown("pools", measured) == {("default",): {**figures, "measured_at": 0}}


JOINED = WorkerJoined(
    pool="default", worker_id="w", name="here", capacity=9, encoders=["h264_nvenc", "libx264"]
)
RESERVED = CapacityReserved(
    reservation_id="r", pool="default", channel_id="c", begins_at=5, ends_at=9, cost=7
)


def test_a_worker_has_a_row_while_it_is_there() -> None:
    row = {"name": "here", "capacity": 9, "encoders": "h264_nvenc libx264", "joined_at": 0}
    assert shown("pool-workers", JOINED) == {("default", "w"): row}
    left = WorkerLeft(pool="default", worker_id="w", name="here", reason="lost")
    assert shown("pool-workers", JOINED, left) == {}


def test_a_reservation_has_a_row_until_it_ended() -> None:
    row = {"channel_id": "c", "begins_at": 5, "ends_at": 9, "cost": 7, "reserved_at": 0}
    assert shown("reservations", RESERVED) == {("default", "r"): row}
    ended = ReservationEnded(reservation_id="r", pool="default", channel_id="c", reason="over")
    assert shown("reservations", RESERVED, ended) == {}


@pytest.mark.parametrize(
    "event",
    [
        RESERVED,
        ReservationEnded(reservation_id="r", pool="p", channel_id="c", reason="cancelled"),
        RequestRefused(pool="p", command="x", reason="unknown-stream", detail=""),
        RenditionsRequested(stream_id="s", channel_id="c", viewers=1),
    ],
)
def test_a_gateway_hears_what_came_of_what_it_asked_the_dispatcher(event: Record) -> None:
    asked = str(uuid.uuid4())
    meta = Meta(
        event_id="e",
        occurred_at=0,
        producer="p",
        sequence=0,
        causation_id=asked,
        correlation_id=asked,
    )
    view = VIEWS["outcomes"]
    assert event.FULL_NAME in view.columns
    assert changes(view, Envelope(meta, event), 1).keys() == {(asked,)}

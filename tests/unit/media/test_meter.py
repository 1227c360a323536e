"""What a publisher sends is counted truthfully, whatever its packets are."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import flv
from media.flv import Tag
from media.ingest.health import Figures
from media.ingest.meter import JUMP, Meter
from tests.recordings import FOLDER


def video(at: int, size: int = 1000, *, key: bool = False) -> Tag:
    return Tag(flv.VIDEO, at, bytes((0x17 if key else 0x27, 1, 0, 0, 0)) + bytes(size))


def audio(at: int, size: int = 100) -> Tag:
    return Tag(flv.AUDIO, at, b"\xaf\x01" + bytes(size))


def live(
    seconds: float, *, start: float = 0.0, rate: int = 25, key_every: float = 2.0, size: int = 1000
) -> list[Tag]:
    """What an encoder sends in some seconds, in the order of its timestamps."""
    first, last = round(start * 1000), round((start + seconds) * 1000)
    step = 1000 // rate
    frames = [
        video(at, size, key=at % round(key_every * 1000) == 0)
        for at in range(first, last)
        if at % step == 0
    ]
    sound = [audio(at) for at in range(first, last) if at % 20 == 0]
    return sorted([*frames, *sound], key=lambda tag: tag.timestamp)


def measured(
    tags: Iterable[Tag], until: float, *, late: float = 0.0, meter: Meter | None = None
) -> list[Figures]:
    """The figures of every two seconds when each packet comes at its time, or later."""
    meter = meter or Meter(0.0)
    found, window = [], 2.0
    for tag in tags:
        now = tag.timestamp / 1000 + late
        while now >= window:
            found.append(meter.measure(window))
            window += 2.0
        meter.take([tag], now)
    while window <= until:
        found.append(meter.measure(window))
        window += 2.0
    return found


def test_a_steady_broadcast_is_measured_as_it_is() -> None:
    figures = measured(live(20), 20)[-1]
    assert figures.seconds == 10
    assert figures.frame_rate == pytest.approx(25)
    assert figures.video_bitrate == 25 * 1000 * 8
    assert figures.audio_bitrate == 50 * 100 * 8
    assert figures.key_frame_interval == 2
    assert figures.hole == 0.04
    assert figures.late < 0.05
    assert (figures.jumps, figures.frames_missing) == (0, 0)
    assert abs(figures.audio_offset) <= 0.04


def test_the_announced_frame_rate_tells_what_is_missing() -> None:
    metadata = Tag(flv.DATA, 0, b"\x00\x09framerate\x00\x40\x49\x00\x00\x00\x00\x00\x00")
    meter = Meter(0.0)
    meter.take([metadata], 0.0)
    figures = measured(live(20), 20, meter=meter)[-1]
    assert figures.expected_frame_rate == 50
    assert figures.frame_rate == pytest.approx(25)
    assert figures.frames_missing == pytest.approx(250, abs=2)


def test_dropped_frames_are_a_hole_and_are_missing() -> None:
    whole = live(20)
    holed = [tag for tag in whole if tag.kind == flv.AUDIO or not 15_000 < tag.timestamp < 16_000]
    before, after = measured(whole, 20)[-1], measured(holed, 20)[-1]
    assert after.hole == 1.0
    assert after.audio_hole < 0.1
    assert after.frames_missing == 24
    assert after.lowest_frame_rate < 20 < before.lowest_frame_rate
    assert after.video_bitrate < before.video_bitrate


def test_a_connection_that_stalls_makes_media_late() -> None:
    meter = Meter(0.0)
    first = measured(live(10), 10, meter=meter)[-1]
    assert first.late < 0.05
    assert meter.measure(12.0).late == pytest.approx(2.0, abs=0.1)  # nothing has come: late already
    assert meter.measure(14.0).late == pytest.approx(4.0, abs=0.1)
    meter.take(live(4, start=10), 14.5)
    figures = meter.measure(16.0)
    assert figures.late == pytest.approx(4.5, abs=0.1)
    assert figures.frame_rate == pytest.approx(25)  # nothing is lost
    assert figures.hole == 0.04


def test_what_came_sooner_than_live_is_not_late() -> None:
    """A file that is pushed as fast as it goes."""
    meter = Meter(0.0)
    tags = live(60)
    for number, tag in enumerate(tags):
        meter.take([tag], number / 1000)
    assert meter.measure(len(tags) / 1000).late < 0.05


def test_a_stall_is_forgotten_when_it_has_become_the_rule() -> None:
    """Half a second is always there; clocks that differ slowly are no stall either."""
    drifting = [Tag(tag.kind, tag.timestamp, tag.data) for tag in live(200)]
    meter = Meter(0.0)
    worst = 0.0
    window = 2.0
    for tag in drifting:
        now = tag.timestamp / 1000 * 1.0005 + 0.5
        while now >= window:
            worst = max(worst, meter.measure(window).late)
            window += 2.0
        meter.take([tag], now)
    assert worst < 0.15


def test_a_jump_of_the_clock_bends_no_figure() -> None:
    tags = live(10) + [Tag(t.kind, t.timestamp + 500_000, t.data) for t in live(10, start=10)]
    meter, window, figures = Meter(0.0), 2.0, Figures(seconds=0)
    for tag in tags:
        now = tag.timestamp / 1000 - (500 if tag.timestamp > 400_000 else 0)
        while now >= window:
            figures = meter.measure(window)
            window += 2.0
        meter.take([tag], now)
    assert figures.jumps == 2  # one a track
    assert figures.late < 0.05
    assert figures.frame_rate == pytest.approx(25, abs=0.3)


def test_a_long_group_is_seen_before_it_ends() -> None:
    found = measured(live(9, key_every=30), 8)
    assert [each.key_frame_interval for each in found][1:] == pytest.approx(
        [3.96, 5.96, 7.96], abs=0.05
    )


def test_a_real_recording() -> None:
    """As ffprobe says of it: 25 frames a second, 640x360, H.264 and AAC."""
    meter = Meter(0.0)
    tags = list(flv.read_tags((FOLDER / "bbb_360p_10s.flv").read_bytes()))
    meter.take(tags, 10.0)
    figures = meter.measure(10.0)
    assert figures.frame_rate == pytest.approx(25)
    assert meter.video_codec is not None
    assert (meter.video_codec.width, meter.video_codec.height) == (640, 360)
    assert meter.audio_codec is not None
    assert meter.video.frames == sum(
        flv.is_coded_frame(tag) for tag in tags if tag.kind == flv.VIDEO
    )


bodies = st.binary(max_size=12)
tags = st.builds(
    Tag, st.sampled_from([flv.AUDIO, flv.VIDEO, flv.DATA]), st.integers(0, 3 * JUMP), bodies
)


@given(st.lists(st.tuples(st.lists(tags, min_size=1, max_size=5), st.floats(0, 3)), max_size=40))
def test_whatever_comes_the_counters_add_up(batches: list[tuple[list[Tag], float]]) -> None:
    """And no figure is below zero, nor not a number."""
    meter, now, total = Meter(0.0), 0.0, 0
    for batch, wait in batches:
        now += wait
        size = meter.take(batch, now)
        assert size == sum(len(tag.data) for tag in batch)
        total += size
        if wait > 1.5:
            figures = meter.measure(now)
            for name in figures.__struct_fields__:
                value = getattr(figures, name)
                assert value is None or name == "audio_offset" or value >= 0, name
    assert meter.received_bytes == total
    for track in (meter.video, meter.audio):
        assert track.frames == track.steps + track.jumps + (track.last is not None)
        assert track.media <= track.steps * JUMP

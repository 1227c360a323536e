"""What is not well is said: each rule at its threshold, and silence while all is well."""

from typing import Any

import pytest

from media.ingest import health
from media.ingest.health import Figures, warnings

GOOD: dict[str, Any] = {
    "seconds": 10.0,
    "video_bitrate": 4_000_000,
    "usual_bitrate": 4_100_000,
    "audio_bitrate": 128_000,
    "frame_rate": 30.0,
    "expected_frame_rate": 30.0,
    "lowest_frame_rate": 29.5,
    "key_frame_interval": 2.0,
    "late": 0.05,
    "hole": 0.034,
    "audio_hole": 0.024,
    "audio_offset": 0.1,
}


def codes(**changed: Any) -> list[str]:
    return [advice.code for advice in warnings(Figures(**{**GOOD, **changed}))]


def test_nothing_is_said_of_a_good_broadcast() -> None:
    assert codes() == []


@pytest.mark.parametrize(
    ("well", "unwell", "code"),
    [
        ({"late": 0.99}, {"late": 1.0}, "late"),
        ({"hole": 0.5}, {"hole": 0.51}, "hole"),
        ({"audio_hole": 0.25}, {"audio_hole": 0.26}, "hole"),
        ({"jumps": 0}, {"jumps": 1}, "clock-jumps"),
        ({"audio_offset": -0.99}, {"audio_offset": -1.0}, "out-of-step"),
        ({"frame_rate": 27.0}, {"frame_rate": 26.9}, "frames-missing"),
        ({"lowest_frame_rate": 21.0}, {"lowest_frame_rate": 20.9}, "frame-rate-unstable"),
        ({"video_bitrate": 1_640_000}, {"video_bitrate": 1_639_999}, "bitrate-fell"),
        ({"key_frame_interval": 2.5}, {"key_frame_interval": 2.6}, "key-frames-rare"),
        ({"key_frame_interval": None}, {"key_frame_interval": 9.0}, "key-frames-rare"),
        ({"storage_away": 0.5}, {"storage_away": 1.5}, "platform-behind"),
        ({}, {"held_back": True}, "platform-behind"),
        ({}, {"audio_bitrate": 0}, "no-sound"),
        ({}, {"video_bitrate": 0, "frame_rate": 0.0, "usual_bitrate": 0}, "no-video"),
    ],
)
def test_a_rule_at_its_threshold(well: dict[str, Any], unwell: dict[str, Any], code: str) -> None:
    assert codes(**well) == []
    assert codes(**unwell) == [code]


def test_a_rare_key_frame_is_said_more_gravely_when_it_is_very_rare() -> None:
    rare, very = (
        warnings(Figures(**{**GOOD, "key_frame_interval": interval}))[0].detail
        for interval in (4.5, 4.6)
    )
    assert "cut off" in very
    assert "cut off" not in rare


def test_the_publisher_is_not_blamed_for_what_the_platform_does() -> None:
    assert codes(held_back=True, late=5.0) == ["platform-behind"]


def test_nothing_is_said_of_rates_before_they_have_settled() -> None:
    begun = {"seconds": health.SETTLED - 0.1, "audio_bitrate": 0, "frame_rate": 10.0}
    assert codes(**begun) == []


def test_frames_that_are_far_apart_by_nature_are_no_hole() -> None:
    slides = {"frame_rate": 1.0, "expected_frame_rate": 1.0, "lowest_frame_rate": 1.0}
    assert codes(**slides, hole=1.0) == []
    assert codes(**slides, hole=3.1) == ["hole"]


def test_without_a_known_rate_or_bitrate_nothing_is_compared() -> None:
    assert codes(expected_frame_rate=0.0, usual_bitrate=0, frame_rate=3.0, hole=0.5) == []


def test_every_code_is_documented() -> None:
    everything = codes(
        late=2.0,
        hole=9.0,
        jumps=1,
        audio_offset=2.0,
        frame_rate=5.0,
        video_bitrate=1_000,
        key_frame_interval=9.0,
        audio_bitrate=0,
    )
    assert len(everything) == 8
    assert health.__doc__ is not None
    assert all(f"`{code}`" in health.__doc__ for code in everything)

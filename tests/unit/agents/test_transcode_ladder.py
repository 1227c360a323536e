"""Which renditions a source allows, and what each costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.transcode.ladder import ladder_of, macroblocks, wrong_with


def names(width: int, height: int, rate: float) -> list[str]:
    return [each.name for each in ladder_of(width, height, rate).renditions]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ((1920, 1080, 60.0), ["720p60", "480p30", "360p30", "160p30"]),
        ((1920, 1080, 59.94), ["720p60", "480p30", "360p30", "160p30"]),
        ((1920, 1080, 50.0), ["720p50", "480p25", "360p25", "160p25"]),
        ((1920, 1080, 25.0), ["720p25", "480p25", "360p25", "160p25"]),
        ((3840, 2160, 120.0), ["720p60", "480p30", "360p30", "160p30"]),
        ((1920, 1080, 0.0), ["720p30", "480p30", "360p30", "160p30"]),
        ((1280, 720, 30.0), ["480p30", "360p30", "160p30"]),
        ((854, 480, 30.0), ["360p30", "160p30"]),
        ((720, 1280, 30.0), ["480p30", "360p30", "160p30"]),
        ((200, 160, 30.0), []),
        ((0, 0, 0.0), []),
    ],
)
def test_only_what_is_smaller_than_the_source(
    source: tuple[int, int, float], expected: list[str]
) -> None:
    assert names(*source) == expected


def test_the_ladder_of_a_full_picture() -> None:
    found = [
        (each.width, each.height, each.frame_rate, each.bitrate, each.cost)
        for each in ladder_of(1920, 1080, 60.0).renditions
    ]
    assert found == [
        (1280, 720, 60.0, 3_000_000, 80 * 45 * 60),
        (854, 480, 30.0, 1_500_000, 54 * 30 * 30),
        (640, 360, 30.0, 800_000, 40 * 23 * 30),
        (284, 160, 30.0, 400_000, 18 * 10 * 30),
    ]


def test_a_slow_picture_has_fewer_bits() -> None:
    assert ladder_of(1920, 1080, 30.0).renditions[0].bitrate == 2_000_000


@pytest.mark.parametrize(
    ("source", "partner", "affiliate", "regular"),
    [
        (
            (1920, 1080, 60.0),
            ["720p60", "480p30", "360p30", "160p30"],
            ["720p60", "480p30"],
            ["480p30", "160p30"],
        ),
        (
            (1280, 720, 30.0),
            ["480p30", "360p30", "160p30"],
            ["480p30", "360p30"],
            ["480p30", "160p30"],
        ),
        ((640, 360, 30.0), ["160p30"], ["160p30"], ["160p30"]),
        ((200, 100, 30.0), [], [], []),
    ],
)
def test_each_standing_wants_its_part(
    source: tuple[int, int, float], partner: list[str], affiliate: list[str], regular: list[str]
) -> None:
    ladder = ladder_of(*source)
    for standing, expected in (
        ("partner", partner),
        ("affiliate", affiliate),
        ("regular", regular),
    ):
        wanted = [ladder.renditions[rung].name for rung in ladder.wanted[standing]]
        assert wanted == expected


@given(st.integers(1, 8192), st.integers(1, 8192), st.floats(1, 300))
def test_nothing_is_scaled_up_and_every_side_is_even(width: int, height: int, rate: float) -> None:
    ladder = ladder_of(width, height, rate)
    sides = [each.short_side for each in ladder.renditions]
    assert sides == sorted(sides, reverse=True)
    for each in ladder.renditions:
        assert min(each.width, each.height) == each.short_side < min(width, height)
        assert each.width % 2 == each.height % 2 == 0
        assert each.width <= width + 1
        assert each.height <= height + 1
        assert each.frame_rate <= min(rate, 60.5)
        assert (each.width >= each.height) == (width >= height) or each.width == each.height
        assert each.cost == macroblocks(each.width, each.height, each.frame_rate)


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ((-1, 100, 30.0), "width"),
        ((100, 9000, 30.0), "height"),
        ((100, 100, 301.0), "frame_rate"),
        ((100, 100, float("nan")), "frame_rate"),
    ],
)
def test_a_source_that_cannot_be_is_told_so(source: tuple[int, int, float], field: str) -> None:
    assert (wrong_with(*source) or "").startswith(field)

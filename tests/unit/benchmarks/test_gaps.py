"""A stop of the picture is laid at the right door."""

from typing import Any

from benchmarks._glass.gaps import gaps

OPENED = 1_000_000.0


def seen(made_apart: float, notes: list[list[Any]], presented: int = 1) -> dict[str, Any]:
    """A run with one stop of 400 ms after 5 s, where the source's frames lie so far apart."""
    first, before, after = OPENED, OPENED + 5000, OPENED + 5400
    latency = 300.0
    return {
        "opened": OPENED,
        "frames": [
            [first, latency, 0.0],
            [before, latency, 5.0],
            [after, latency + 400 - made_apart, 5.033],
        ],
        "gaps": [{"from": 5000, "milliseconds": 400, "presented": presented, "notes": notes}],
    }


def test_a_stop_in_spite_of_a_source_in_time_is_ours() -> None:
    notes = [
        [4900, "plays", 4.9, 0.2, 1],
        [4950, "plays", 4.95, 0.15, 1],
        [4960, "fetch", "9.m4s", 350, 200],
        [5150, "plays", 5.0, 0.1, 1],
        [3000, "fetch", "long ago", 900, 200],
    ]
    (gap,) = gaps(seen(33.0, notes))
    assert gap.stall
    assert (gap.at, gap.lasted) == (5000, 400)
    assert (gap.buffered, gap.slowest_request, gap.page_busy) == (150, 350, 150)


def test_a_source_that_made_no_frames_is_not_ours() -> None:
    (gap,) = gaps(seen(400.0, []))
    assert not gap.stall
    assert abs(gap.source_late - 367) < 1


def test_frames_that_were_shown_while_scripts_were_busy_make_no_stall() -> None:
    assert not gaps(seen(33.0, [], presented=11))[0].stall


def test_a_stop_at_the_very_end_counts_without_notes() -> None:
    run = seen(33.0, [])
    del run["gaps"][0]["notes"]
    assert gaps(run)[0].stall

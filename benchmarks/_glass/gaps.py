"""What lay behind a gap in the picture: the source, the way, the player, or a busy machine."""

from itertools import pairwise
from typing import Any

import msgspec

STALL = 250.0
"""Milliseconds between two frames that count as a stall."""
_SAMPLED_EVERY = 50.0
"""How often `gap_recorder.js` looks at the player, in milliseconds."""


class Gap(msgspec.Struct):
    """A stretch in which the page was told of no new frame; times in milliseconds."""

    at: float
    """After the first frame."""
    lasted: float
    presented: int
    """Frames that the browser showed by its end, 1 where the picture stood; more were shown while
    the page's scripts were too busy to be told."""
    source_late: float
    """By how much more than their media times the two frames' makings lie apart."""
    buffered: float
    """Media in front of the playhead when the picture stopped."""
    page_busy: float
    """The longest time for which the page's scripts did not get a turn."""
    slowest_request: float
    """Of parts and playlists, from a second before the gap to its end."""

    @property
    def stall(self) -> bool:
        """Whether the picture stood although the source made its frames in time."""
        return self.source_late < STALL / 2 and self.lasted / self.presented > STALL


def gaps(seen: dict[str, Any]) -> list[Gap]:
    """Every gap of a run, from what the two scripts in the page have noted."""
    frames = seen["frames"]
    return [_gap(noted, frames, seen["opened"]) for noted in seen["gaps"]]


def _gap(noted: dict[str, Any], frames: list[list[float]], opened: float) -> Gap:
    begin, end = noted["from"], noted["from"] + noted["milliseconds"]
    within = [note for note in noted.get("notes", ()) if begin - 1000 <= note[0] <= end]
    samples = [note for note in within if note[1] == "plays"]
    before = [note for note in samples if note[0] <= begin]
    turns = [later[0] - earlier[0] for earlier, later in pairwise(samples)]
    requests = [note[3] for note in within if note[1] == "fetch"]
    return Gap(
        at=opened + begin - frames[0][0],
        lasted=noted["milliseconds"],
        presented=max(1, noted["presented"]),
        source_late=_source_late(opened + begin, frames),
        buffered=before[-1][3] * 1000 if before else 0.0,
        page_busy=max(0.0, max(turns, default=0.0) - _SAMPLED_EVERY),
        slowest_request=max(requests, default=0.0),
    )


def _source_late(stopped: float, frames: list[list[float]]) -> float:
    """Frames are [shown at, latency or None, media time]; `stopped` when the last was shown."""
    after = next((n for n, frame in enumerate(frames) if frame[0] > stopped + 5), None)
    if not after or frames[after][1] is None or frames[after - 1][1] is None:
        return 0.0
    (shown, latency, media), (shown_before, latency_before, media_before) = (
        frames[after],
        frames[after - 1],
    )
    made_apart = (shown - latency) - (shown_before - latency_before)
    return made_apart - (media - media_before) * 1000

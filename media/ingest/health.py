"""What is not well with what a publisher sends, in plain words: a pure function of figures.

| Code | When |
|-|-|
| `no-video`, `no-sound` | nothing of it came, for `SETTLED` seconds at least |
| `platform-behind` | the platform made the publisher wait, or its storage is away |
| `late` | media came `LATE` seconds later than the soonest of the last minute |
| `hole` | frames of the picture are `HOLE` seconds apart, or sound `SOUND_HOLE` |
| `clock-jumps` | timestamps stepped back, or forward by more than ten seconds |
| `out-of-step` | sound and picture of one moment arrive `OUT_OF_STEP` seconds apart |
| `frames-missing` | under `FEW_FRAMES` of the frames that the encoder announced |
| `frame-rate-unstable` | a window of two seconds had under `FEW_IN_WINDOW` of them |
| `bitrate-fell` | under `FELL` of the median of the last five minutes |
| `key-frames-rare` | key frames are over `RARE` seconds apart; `VERY_RARE`: said more gravely |
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

SETTLED: Final = 4.0
"""Seconds before anything is said of rates: encoders begin unevenly."""
LATE: Final = 1.0
HOLE: Final = 0.5
"""Seconds; where frames are further apart by nature, three frames."""
SOUND_HOLE: Final = 0.25
"""Seconds: a dozen packets of AAC."""
FEW_FRAMES: Final = 0.9
FEW_IN_WINDOW: Final = 0.7
FELL: Final = 0.4
RARE: Final = 2.5
"""Seconds. Two are good; encoders that count in frames are a little above."""
VERY_RARE: Final = 4.5
OUT_OF_STEP: Final = 1.0


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured. Seconds, frames a second, bits a second."""

    seconds: float
    """Time that was measured."""
    video_bitrate: int = 0
    usual_bitrate: int = 0
    """Median of what the video's bitrate was in the last minutes; 0 if unknown."""
    audio_bitrate: int = 0
    frame_rate: float = 0.0
    expected_frame_rate: float = 0.0
    """As the encoder announced, else as usual; 0 if unknown."""
    lowest_frame_rate: float = 0.0
    """Of a single window."""
    frames_missing: int = 0
    key_frame_interval: float | None = None
    late: float = 0.0
    """How much later than it could have something came, at worst."""
    hole: float = 0.0
    """Longest time between two frames of video, by their timestamps."""
    audio_hole: float = 0.0
    jumps: int = 0
    audio_offset: float = 0.0
    """By how much sound is ahead of the picture; below 0: behind."""
    held_back: bool = False
    """Whether the platform made the publisher wait."""
    storage_away: float = 0.0
    """Seconds for which the platform's storage has not taken what came."""


class Advice(NamedTuple):
    """A rule that is broken, and what to do about it."""

    code: str
    detail: str


def warnings(figures: Figures) -> list[Advice]:
    """What is not well, the gravest first."""
    settled = figures.seconds >= SETTLED
    return [
        *(_tracks(figures) if settled else ()),
        *_arrival(figures),
        *_timestamps(figures),
        *(_rates(figures) if settled else ()),
        *_key_frames(figures),
    ]


def _tracks(figures: Figures) -> Iterator[Advice]:
    if not figures.video_bitrate:
        yield Advice("no-video", "No picture arrives. Is a scene with a source active?")
    if not figures.audio_bitrate:
        yield Advice(
            "no-sound",
            "No sound arrives, viewers see a silent picture. Is a sound source set, and its track "
            "switched on for streaming?",
        )


def _arrival(figures: Figures) -> Iterator[Advice]:
    if figures.held_back or figures.storage_away > LATE:
        yield Advice(
            "platform-behind",
            "The platform cannot keep up at the moment. Go on: what you send is kept, viewers will "
            "see it late.",
        )
    elif figures.late >= LATE:
        yield Advice(
            "late",
            f"What you send arrives up to {figures.late:.1f} s late: your connection to us stalls. "
            "Lower the bitrate, or use a cable instead of Wi-Fi.",
        )


def _timestamps(figures: Figures) -> Iterator[Advice]:
    rate = figures.expected_frame_rate or figures.frame_rate
    if figures.hole > max(HOLE, 3 / rate if rate else 0.0):
        yield Advice(
            "hole",
            f"The picture stood still for {figures.hole:.1f} s in what you sent: your encoder left "
            "frames out, most often because the connection could not take them.",
        )
    elif figures.audio_hole > SOUND_HOLE:
        yield Advice("hole", f"The sound has a hole of {figures.audio_hole:.1f} s.")
    if figures.jumps:
        yield Advice(
            "clock-jumps",
            "The timestamps of what you send jump; players may stumble. Restart the encoder if "
            "that goes on.",
        )
    if abs(figures.audio_offset) >= OUT_OF_STEP:
        which = ("behind", "ahead of")[figures.audio_offset > 0]
        yield Advice(
            "out-of-step",
            f"Sound arrives {abs(figures.audio_offset):.1f} s {which} the picture; viewers have to "
            "wait for the later one. Look at the sync offsets of your sources.",
        )


def _rates(figures: Figures) -> Iterator[Advice]:
    expected = figures.expected_frame_rate
    if figures.video_bitrate and figures.frame_rate < FEW_FRAMES * expected:
        yield Advice(
            "frames-missing",
            f"{figures.frame_rate:.0f} of {expected:.0f} frames a second arrive: your encoder, or "
            "your connection, cannot keep up. Lower the resolution or the bitrate.",
        )
    elif figures.video_bitrate and figures.lowest_frame_rate < FEW_IN_WINDOW * expected:
        yield Advice(
            "frame-rate-unstable",
            f"The frame rate fell to {figures.lowest_frame_rate:.0f} of {expected:.0f} a second "
            "for a moment: your encoder may have too much to do.",
        )
    if 0 < figures.video_bitrate < FELL * figures.usual_bitrate:
        yield Advice(
            "bitrate-fell",
            f"The bitrate fell to {_mbit(figures.video_bitrate)} from "
            f"{_mbit(figures.usual_bitrate)} Mbit/s. If your picture is not merely still, the "
            "connection or the encoder cannot keep up.",
        )


def _key_frames(figures: Figures) -> Iterator[Advice]:
    interval = figures.key_frame_interval
    if interval is None or interval <= RARE:
        return
    what = "it takes viewers long to begin, and to come back after a hitch"
    if interval > VERY_RARE:
        what = "viewers wait long for a picture, and the broadcast may be cut off"
    yield Advice(
        "key-frames-rare",
        f"Key frames are {interval:.1f} s apart: {what}. Set the key frame interval of your "
        "encoder to 2 s.",
    )


def _mbit(bits: int) -> str:
    return f"{bits / 1e6:.1f}"

"""Ladders: which renditions a source's size allows, what each costs, and who wants which.

Cost is counted in macroblocks a second, as H.264 counts load (ITU-T H.264, A.3.1): a picture of
w by h pixels has ⌈w/16⌉·⌈h/16⌉ of them.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil
from typing import Final, Literal

Standing = Literal["partner", "affiliate", "regular"]

LARGEST_SIDE: Final = 8192
"""Pixels of a source's longer side at most."""
FASTEST: Final = 300.0
"""Frames a second of a source at most."""
UNKNOWN_RATE: Final = 30.0
"""Frames a second of a source that does not say."""
_MACROBLOCK: Final = 16
_SLOW: Final = 30.5
"""Frames a second up to which none is left out."""
_FAST: Final = 60.5
_FINEST: Final = 720
_STEPS: Final = ((720, 2_000_000), (480, 1_500_000), (360, 800_000), (160, 400_000))
"""Short side and bits a second of each rendition, the largest first."""
_FINEST_FAST_BITRATE: Final = 3_000_000
_LENT: Final = 480
"""Short side of the largest rendition that a regular stream is lent."""


@dataclass(frozen=True)
class Rendition:
    """One that can be made of a source."""

    name: str
    short_side: int
    width: int
    height: int
    frame_rate: float
    bitrate: int
    cost: int
    """Macroblocks a second."""


@dataclass(frozen=True)
class Ladder:
    """All renditions that a source allows, the largest first."""

    renditions: tuple[Rendition, ...]
    source: int
    """Macroblocks a second of the source: what there is to decode."""

    @cached_property
    def costs(self) -> tuple[int, ...]:
        """Of each rendition."""
        return tuple(each.cost for each in self.renditions)

    @cached_property
    def wanted(self) -> dict[str, tuple[int, ...]]:
        """Which renditions a stream wants, by its standing.

        A partner all; an affiliate the two largest; a regular stream, if it is lent any, one of
        at most 480 lines and the smallest.
        """
        every = tuple(range(len(self.renditions)))
        small = [n for n in every if self.renditions[n].short_side <= _LENT]
        return {
            "partner": every,
            "affiliate": every[:2],
            "regular": tuple(dict.fromkeys([*small[:1], *small[-1:]])),
        }

    @cached_property
    def minimum(self) -> int:
        """The smaller of an affiliate's two: once promised, nobody takes it away."""
        return self.wanted["affiliate"][-1]


def macroblocks(width: int, height: int, frame_rate: float) -> int:
    """Macroblocks a second of pictures of this size."""
    return ceil(ceil(width / _MACROBLOCK) * ceil(height / _MACROBLOCK) * frame_rate)


@lru_cache(maxsize=4096)
def ladder_of(width: int, height: int, frame_rate: float) -> Ladder:
    """The ladder of a source; empty without video."""
    short = min(width, height)
    rate = frame_rate or UNKNOWN_RATE
    if short <= 0:
        return Ladder((), 0)
    renditions = tuple(
        _rendition(width, height, rate, side, bitrate) for side, bitrate in _STEPS if side < short
    )
    return Ladder(renditions, macroblocks(width, height, rate))


def _rendition(width: int, height: int, rate: float, side: int, bitrate: int) -> Rendition:
    finest = side == _FINEST
    while rate > (_FAST if finest else _SLOW):
        rate /= 2
    if finest and rate > _SLOW:
        bitrate = _FINEST_FAST_BITRATE
    long = 2 * round(max(width, height) * side / min(width, height) / 2)
    size = (long, side) if width >= height else (side, long)
    name = f"{side}p{round(rate)}"
    return Rendition(name, side, *size, rate, bitrate, macroblocks(*size, rate))


def wrong_with(width: int, height: int, frame_rate: float) -> str | None:
    """What is wrong with a source's description, in plain words; None: nothing."""
    for name, side in (("width", width), ("height", height)):
        if not 0 <= side <= LARGEST_SIDE:
            return f"{name} must be 0 to {LARGEST_SIDE} pixels, is {side}"
    if not 0 <= frame_rate <= FASTEST:
        return f"frame_rate must be 0 to {FASTEST:g} frames a second, is {frame_rate:g}"
    return None

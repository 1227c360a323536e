"""Levels of H.264 (ITU-T H.264, table A-1), and what RFC 6381 calls what our encoders make.

Encoders are told the level, and the origin names a rung's codec before it was ever made: from here.
"""

import math
from typing import Final

_LEVELS: Final = (
    (20, 11_880, 396, 2_000),
    (21, 19_800, 792, 4_000),
    (22, 20_250, 1_620, 4_000),
    (30, 40_500, 1_620, 10_000),
    (31, 108_000, 3_600, 14_000),
    (32, 216_000, 5_120, 20_000),
    (40, 245_760, 8_192, 20_000),
    (41, 245_760, 8_192, 50_000),
    (42, 522_240, 8_704, 50_000),
    (50, 589_824, 22_080, 135_000),
    (51, 983_040, 36_864, 240_000),
    (52, 2_073_600, 36_864, 240_000),
)
"""Level times ten, macroblocks a second, macroblocks a picture, kbit/s."""
_HIGH: Final = 1.25
"""What High profile may have of a level's bits (table A-2)."""


def peak(bitrate: int) -> int:
    """Bits a second that a rung has at most, as its encoder is told."""
    return bitrate * 6 // 5


def level(width: int, height: int, frame_rate: float, bitrate: int) -> int:
    """The lowest level of High profile that allows a rung of that size and aim, times ten."""
    size = math.ceil(width / 16) * math.ceil(height / 16)
    kilobits = peak(bitrate) / 1000
    for number, rate, picture, bits in _LEVELS:
        if size <= picture and size * frame_rate <= rate and kilobits <= bits * _HIGH:
            return number
    return _LEVELS[-1][0]


def codec(width: int, height: int, frame_rate: float, bitrate: int) -> str:
    """What RFC 6381 calls a rung's video: High profile, no constraints."""
    return f"avc1.6400{level(width, height, frame_rate, bitrate):02x}"

"""Levels of H.264 (ITU-T H.264, table A-1), and what RFC 6381 calls what our encoders make."""

import math
from typing import Final

MAIN: Final = "avc1.4d40"
"""Main profile (77), which x264 marks with constraint_set1 (A.2.2)."""
_LEVELS: Final = (
    (30, 40_500, 1_620),
    (31, 108_000, 3_600),
    (32, 216_000, 5_120),
    (40, 245_760, 8_192),
    (42, 522_240, 8_704),
    (50, 589_824, 22_080),
    (51, 983_040, 36_864),
    (52, 2_073_600, 36_864),
)
"""Level times ten, and its macroblocks a second and in a picture at most."""


def level(width: int, height: int, frame_rate: float) -> int:
    """The lowest level from 3 on that holds such pictures, times ten."""
    picture = math.ceil(width / 16) * math.ceil(height / 16)
    for number, rate, size in _LEVELS:
        if picture <= size and picture * frame_rate <= rate:
            return number
    return _LEVELS[-1][0]


def main_profile(width: int, height: int, frame_rate: float) -> str:
    """The codec of a rung of that size, before it was ever made."""
    return f"{MAIN}{level(width, height, frame_rate):02x}"

"""How large a rung's picture is, and how much work that means."""

import math
from fractions import Fraction

from infra.errors import Refused
from media.encoding.outputs import Target


def displayed(width: int, height: int, aspect: tuple[int, int], rotation: int) -> tuple[int, int]:
    """Size in square pixels of a picture as it is shown; `rotation` in degrees."""
    shown = max(2, round(width * Fraction(*aspect)))
    return (height, shown) if rotation % 180 else (shown, height)


def fitted(target: Target, source: tuple[int, int]) -> tuple[int, int]:
    """Size of a rung of a source that is shown in this size.

    The target's own, if it has the source's shape. If not (the source turned, or changed before
    the dispatcher knew) its short side counts: the shape of a picture is always the source's.
    Raises Refused if the picture would be scaled up.
    """
    short, long = min(source), max(source)
    side = min(target.width, target.height)
    if side > short:
        raise Refused(
            "scaled-up", f"{target.name} is larger than its source of {source[0]}x{source[1]}"
        )
    side = max(2, side & ~1)
    other = max(2, round(side * long / short / 2) * 2)
    width, height = (other, side) if source[0] >= source[1] else (side, other)
    if abs(width - target.width) <= 2 and abs(height - target.height) <= 2:
        return max(2, target.width & ~1), max(2, target.height & ~1)
    return width, height


def macroblocks(width: int, height: int) -> int:
    """Macroblocks of a picture (ITU-T H.264, A.3.1)."""
    return math.ceil(width / 16) * math.ceil(height / 16)


def divisor(source_rate: float, target_rate: float) -> int:
    """2 where every second frame is left out, 1 where all are made."""
    return 2 if source_rate > 1.5 * target_rate > 0 else 1

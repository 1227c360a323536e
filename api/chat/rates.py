"""How often a connection or a user may ask at one edge: a crude guard before the real rules."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, NamedTuple

from infra.clock import Clock

REMEMBERED: Final = 50_000
"""Who asked; the one silent for longest is forgotten first."""


class Rate(NamedTuple):
    """So many in so many seconds, of which all may come at once."""

    most: int
    seconds: float


ASKING: Final = Rate(100, 10)
"""Anything, by connection."""
JOINING: Final = Rate(20, 10)
JOINING_AGAIN: Final = Rate(100, 10)
"""With `since`: a connection that broke was in that many channels."""
SAYING: Final = Rate(20, 30)
SAYING_MODERATOR: Final = Rate(100, 30)
GREETING: Final = Rate(5, 30)


class Rates:
    """Buckets, by rate and name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[Rate, Hashable], tuple[float, float]] = OrderedDict()

    def take(self, rate: Rate, name: Hashable) -> float:
        """0.0 if it may be done now; else the seconds until it may."""
        now = self._clock.monotonic()
        tokens, at = self._buckets.pop((rate, name), (float(rate.most), now))
        tokens = min(rate.most, tokens + (now - at) * rate.most / rate.seconds)
        granted = tokens >= 1
        self._buckets[rate, name] = (tokens - granted, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return 0.0 if granted else (1 - tokens) * rate.seconds / rate.most

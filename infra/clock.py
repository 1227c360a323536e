"""The clock, injected wherever time is read, so that tests and replays choose it."""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Where a component reads time from."""

    def now(self) -> int:
        """Wall-clock time: microseconds since 1970-01-01T00:00:00Z."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring how long something took."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """Wall-clock time: microseconds since 1970-01-01T00:00:00Z."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: int = 1_700_000_000_000_000) -> None:
        self._now = now

    def now(self) -> int:
        """The time that was last set, in microseconds."""
        return self._now

    def monotonic(self) -> float:
        """The same time in seconds."""
        return self._now / 1e6

    def advance(self, seconds: float) -> None:
        """Move time forward."""
        self._now += int(seconds * 1e6)


@lru_cache(4096)
def rfc3339(milliseconds: int) -> str:
    """Milliseconds since 1970 as text in UTC (RFC 3339)."""
    seconds, rest = divmod(milliseconds, 1000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"

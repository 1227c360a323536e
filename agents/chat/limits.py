"""How much is too much: what rules count against. A back-test tries others."""

from dataclasses import dataclass
from typing import Final

SECOND: Final = 1_000_000
"""Microseconds."""


@dataclass(frozen=True)
class Limits:
    """What rules count against."""

    pause_seconds: int = 1
    """Between two messages of a user."""
    burst: int = 5
    """A user says at most so much..."""
    burst_seconds: int = 10
    """... in so long."""
    unique_seconds: int = 3600
    """How long nothing may be said twice where messages are unique."""
    window_seconds: int = 30
    """Within which the same counts as again."""
    repeats: int = 3
    """The same from one user, how often is too much."""
    short_repeats: int = 5
    """The same of what is short."""
    flood_users: int = 8
    """Users that say the same long text are a flood."""

    @property
    def remembered(self) -> int:
        """Messages of a user that rules look at."""
        return max(self.burst, self.repeats - 1, self.short_repeats - 1)


LIMITS: Final = Limits()
"""What holds in every chat."""

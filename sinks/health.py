"""How a writer of views is."""

from typing import Final

import msgspec

PROBE_SECONDS: Final = 5.0
"""How often the writer asks Kafka where the log ends."""


class Health(msgspec.Struct, frozen=True):
    """How a writer is."""

    store: str
    ready: bool
    """Whether it has once taken up all that it has to write: tables are there, partitions shared
    out, and every view knows where it goes on."""
    partitions: int
    """Partitions this process has; another process may have the rest."""
    oldest_unapplied: float
    """Age in seconds of the oldest message known that is not in the views; 0 if there is none."""
    kafka_silent: float
    """Seconds since Kafka last answered."""
    waiting_for: str
    """The server that is away; empty if none is."""

    def well(self, limit: float) -> bool:
        """Whether the views are there and at most so many seconds behind, and so is Kafka."""
        late = self.oldest_unapplied > limit or self.kafka_silent > limit + PROBE_SECONDS
        return self.ready and not late

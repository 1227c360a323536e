"""Holes in a producer's sequence, as an event."""

from typing import Final

from infra.continuity import Gap
from schemas.records.platform import GapDetected

GAP_TOPIC: Final = "platform-events"
"""Where every reader announces holes."""


def gap_detected(reader: str, topic: str, partition: int, offset: int, gap: Gap) -> GapDetected:
    """The event: `reader` saw `gap` before the message at an offset."""
    return GapDetected(
        reader=reader,
        topic=topic,
        partition=partition,
        offset=offset,
        producer=gap.producer,
        expected=gap.expected,
        found=gap.found,
    )

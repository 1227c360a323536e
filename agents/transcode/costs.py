"""Adds up what making each rendition of each stream has cost."""

from dataclasses import dataclass, replace
from typing import Final

from agents.schedule import Schedule
from infra.streaming import Message, Send, Table
from schemas.records.transcode import CostMeasured, SegmentTranscoded

REMEMBERED: Final = 86_400_000_000
"""Microseconds after its last segment for which a rendition's sum is remembered."""


@dataclass(frozen=True)
class Cost:
    """What a rendition has cost so far."""

    segments: int = 0
    media_seconds: float = 0.0
    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    measured_at: int = 0


def measure_costs(message: Message, send: Send, *, costs: Table[Cost], endings: Schedule) -> None:
    """Add a segment's cost to what its rendition has cost; forget those that are long over."""
    now = message.meta.occurred_at
    for key in endings.take(now):
        known = costs.get(key)
        if known is not None and known.measured_at + REMEMBERED <= now:
            del costs[key]
        elif known is not None:
            endings.put(key, known.measured_at + REMEMBERED)
    match message.event:
        case SegmentTranscoded() as made:
            key = f"{made.stream_id}|{made.rendition}"
            before = costs.get(key)
            if before is None:
                endings.put(key, now + REMEMBERED)
            cost = _added(before or Cost(), made, now)
            costs[key] = cost
            send(
                CostMeasured(
                    stream_id=made.stream_id,
                    rendition=made.rendition,
                    encoder=made.encoder,
                    segments=cost.segments,
                    media_seconds=cost.media_seconds,
                    cpu_seconds=cost.cpu_seconds,
                    gpu_seconds=cost.gpu_seconds,
                )
            )


def _added(cost: Cost, made: SegmentTranscoded, now: int) -> Cost:
    return replace(
        cost,
        segments=cost.segments + 1,
        media_seconds=cost.media_seconds + made.duration,
        cpu_seconds=cost.cpu_seconds + made.cpu_seconds,
        gpu_seconds=cost.gpu_seconds + made.gpu_seconds,
        measured_at=max(now, cost.measured_at),
    )

"""A platform in memory whose dispatcher of renditions does what it is asked."""

import asyncio
import uuid
from typing import Any

from infra.kafka import Delivery
from infra.record import Envelope, Meta, Record
from schemas.records.transcode import (
    CancelReservation,
    CapacityReserved,
    CostMeasured,
    LadderChanged,
    PoolMeasured,
    RenditionsRequested,
    RequestRefused,
    RequestRenditions,
    ReservationEnded,
    ReserveCapacity,
    Rung,
)
from tests.functional.platform import Platform


class Dispatched(Platform):
    """A platform whose dispatcher does what it is asked, and knows one stream."""

    def __init__(self) -> None:
        super().__init__()
        self.reserved: dict[str, CapacityReserved] = {}
        self.viewers: set[str] = set()

    async def post(
        self, topic: str, key: str, event: Record, *, event_id: str | None = None
    ) -> "asyncio.Future[Delivery]":
        found = await super().post(topic, key, event, event_id=event_id)
        if topic == "transcode-commands":
            where, said = self._decided(event)
            meta = Meta(
                event_id=str(uuid.uuid4()),
                occurred_at=self.clock.now(),
                producer="d",
                sequence=0,
                causation_id=event_id,
                correlation_id=event_id,
            )
            await self._apply(where, Envelope(meta, said))
        return found

    def _decided(self, command: Record) -> tuple[str, Record]:
        match command:
            case RequestRenditions(stream_id="s1"):
                self.viewers.add(command.viewer)
                return "transcode-events", RenditionsRequested(
                    stream_id="s1", channel_id="c1", viewers=len(self.viewers)
                )
            case ReserveCapacity():
                made = CapacityReserved(
                    reservation_id=command.reservation_id,
                    pool=command.pool,
                    channel_id=command.channel_id,
                    begins_at=command.begins_at,
                    ends_at=command.ends_at,
                    cost=command.width * command.height // 256,
                )
                return "pool-events", self.reserved.setdefault(made.reservation_id, made)
            case CancelReservation() if known := self.reserved.pop(command.reservation_id, None):
                return "pool-events", ReservationEnded(
                    reservation_id=known.reservation_id,
                    pool=known.pool,
                    channel_id=known.channel_id,
                    reason="cancelled",
                )
        reason = "unknown-" + (
            "stream" if isinstance(command, RequestRenditions) else "reservation"
        )
        return "pool-events", RequestRefused(
            pool="default", command=command.FULL_NAME, reason=reason, detail="Unknown."
        )


def rung(name: str, state: str, reason: str, until: int | None = None) -> Rung:
    height = int(name.partition("p")[0])
    return Rung(
        name=name,
        width=height * 16 // 9 // 2 * 2,
        height=height,
        frame_rate=30.0,
        bitrate=1000 * height,
        state=state,  # type: ignore[arg-type]
        reason=reason,
        until=until,
    )


def ladder(*rungs: Rung, **more: Any) -> LadderChanged:
    said = {"stream_id": "s1", "channel_id": "c1", "session_id": "s1", "pool": "default"}
    said |= {"tier": "affiliate", "worker_id": "w1", "assignment": 2, "cause": "preempted"}
    return LadderChanged(**{**said, "rungs": list(rungs), **more})


def cost(stream_id: str, rendition: str, cpu_seconds: float, **more: Any) -> CostMeasured:
    """Of a minute of a stream."""
    said = {"encoder": "libx264", "segments": 30, "media_seconds": 60.0, "gpu_seconds": 0.0}
    return CostMeasured(
        stream_id=stream_id, rendition=rendition, cpu_seconds=cpu_seconds, **{**said, **more}
    )


def pool(**more: Any) -> PoolMeasured:
    """Two fifths of it are used."""
    said = {"pool": "default", "workers": 2, "streams": 3, "transcoded": 2, "capacity": 1_000_000}
    said |= {"used": 400_000, "guaranteed": 250_000, "reserved": 120_000, "wanted": 9, "served": 7}
    return PoolMeasured(**{**said, **more})

"""A platform in memory whose dispatcher decides about renditions, and what it may say."""

from typing import Any, Self

from infra.record import Record
from infra.streaming.testing import TestWorker
from schemas.records.media import RenditionOpened
from schemas.records.transcode import CostMeasured, LadderChanged, PoolMeasured, ReportWorker, Rung
from tests.functional.platform import Platform
from tests.functional.workers import transcode_app


class Dispatched(Platform):
    """A platform that makes renditions."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.workers.append(await self._open.enter_async_context(TestWorker(transcode_app)))
        return self

    async def ask(self, command: Record) -> None:
        """Ask the dispatcher for something."""
        await self.post("transcode-commands", "default", command)

    async def broadcast(self, channel_id: str, stream_id: str) -> None:
        """Go on air with a picture of 1280x720 at 30."""
        await self.publish(channel_id, stream_id)
        opened = RenditionOpened(
            stream_id=stream_id,
            session_id=stream_id,
            rendition="source",
            init_object="init.mp4",
            codecs="avc1.64001f,mp4a.40.2",
            width=1280,
            height=720,
            frame_rate=30.0,
            channels=2,
            part_target=0.1,
            first_media_sequence=0,
        )
        await self.tell("media-segments", opened)
        await self.post("media-segments", stream_id, opened)

    async def start_worker(self, worker_id: str, capacity: int) -> None:
        """Let a worker report."""
        await self.ask(
            ReportWorker(
                pool="default",
                worker_id=worker_id,
                name=worker_id,
                capacity=capacity,
                decoding=100,
                streams=10,
                encoders=["libx264"],
                draining=False,
            )
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

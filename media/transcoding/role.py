"""The transcoder role: follows its assignments, and says what it makes and that it is there."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import structlog

from infra.clock import Clock
from infra.dead_letters import DeadLetters
from infra.observability.web import Health
from infra.record import Envelope
from infra.settings import TranscoderSettings
from media.encoding.probe import Abilities
from media.naming import SOURCE
from media.transcoding import metrics
from media.transcoding.assignments import Work, made_elsewhere, work_of
from media.transcoding.children import Nursery
from media.transcoding.follower import READER, Follower
from media.transcoding.making import Making
from media.transcoding.recent import Announced, Recent
from media.transcoding.reports import Quarantined, WorkerReports
from schemas.records.media import PartProduced, SegmentProduced
from schemas.records.transcode import LadderChanged, ReportWorker, StreamQuarantined

log = structlog.get_logger()

REPORT_EVERY: Final = 1.0
UNHEALTHY: Final = 10.0
"""Seconds without the log after which the worker says that it is not well."""
OVERLAP: Final = 5.0
"""Seconds for which a worker goes on with a stream that another has been given, at most: until
that one has its first part out."""


class Transcoder:
    """Makes renditions of what it is given: `run` until cancelled."""

    def __init__(
        self,
        settings: TranscoderSettings,
        name: str,
        pool: str,
        probe: Callable[[], Awaitable[Abilities]],
        follower: Follower,
        reports: WorkerReports,
        dead_letters: DeadLetters,
        clock: Clock,
    ) -> None:
        self._settings, self._name, self._pool = settings, name, pool
        self._probe, self._follower = probe, follower
        self._abilities: Abilities | None = None
        self._reports, self._dead_letters, self._clock = reports, dead_letters, clock
        self.worker_id = reports.worker_id
        self._recent = Recent()
        self._nursery = Nursery()
        self._making: dict[str, Making] = {}
        self._leaving: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self) -> None:
        """Make renditions until cancelled; then let go of its streams."""
        self._abilities = await self._probe()
        self._nursery.prepare()
        following = asyncio.create_task(self._follower.run(self._hear))
        reporting = asyncio.create_task(self._report())
        try:
            await asyncio.wait((following, reporting), return_when=asyncio.FIRST_COMPLETED)
            for task in (following, reporting):
                if task.done():
                    task.result()
        except asyncio.CancelledError:
            await self._drain()
            raise
        finally:
            for making in self._making.values():
                making.stop()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for task in (following, reporting):
                task.cancel()
            await asyncio.gather(following, reporting, return_exceptions=True)
            await self._nursery.close()

    def health(self) -> Health:
        """Whether it hears of the log, and what it makes."""
        if self._abilities is None:
            return Health(True, {"worker_id": self.worker_id, "probing": True})
        silent = self._clock.monotonic() - self._follower.polled_at
        return Health(
            self._follower.following.is_set() and silent < UNHEALTHY,
            {
                "worker_id": self.worker_id,
                "encoders": self._abilities.encoders,
                "capacity": self._abilities.capacity,
                "streams": {
                    stream_id: [rung.name for rung in making.work.rungs]
                    for stream_id, making in self._making.items()
                },
                "draining": self._draining,
            },
        )

    # What it says of itself.

    async def _report(self) -> None:
        await self._follower.following.wait()
        while True:
            await self._say_that_it_is_there()
            self._recent.forget(self._clock.now())
            makings = self._making.values()
            metrics.STREAMS.set(len(makings))
            metrics.RENDITIONS.set(sum(len(making.work.rungs) for making in makings))
            metrics.WAITING.set(max((making.waiting for making in makings), default=0.0))
            await asyncio.sleep(REPORT_EVERY)

    async def _say_that_it_is_there(self) -> None:
        assert self._abilities is not None
        report = ReportWorker(
            pool=self._pool,
            worker_id=self.worker_id,
            name=self._name,
            capacity=self._abilities.capacity,
            decoding=self._abilities.decoding,
            streams=self._settings.streams,
            encoders=self._abilities.encoders,
            draining=self._draining,
        )
        await self._reports.command(report)

    async def _drain(self) -> None:
        """Ask for its streams to be given to others, and make them meanwhile."""
        self._draining = True
        log.info("leaving", streams=len(self._making))
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain):
                await self._say_that_it_is_there()
                await self._idle.wait()

    # What it hears.

    async def _hear(self, envelope: Envelope, record: Any) -> None:
        match envelope.event:
            case PartProduced(rendition="source") as part:
                announced = Announced(part, envelope.meta.occurred_at, record)
                self._recent.part(announced)
                if part.stream_id in self._making:
                    self._making[part.stream_id].feed(announced)
            case PartProduced(stream_id=stream_id) if stream_id in self._leaving:
                if envelope.meta.producer != self.worker_id:
                    self._leave(stream_id)  # who makes it now has begun
            case SegmentProduced() as segment if segment.rendition != SOURCE:
                self._recent.segment(segment)
            case LadderChanged() as ladder:
                self._assign(ladder)
            case StreamQuarantined() as quarantined:
                await self._bury(quarantined)

    def _assign(self, ladder: LadderChanged) -> None:
        stream_id, work = ladder.stream_id, work_of(ladder, self.worker_id)
        making = self._making.get(stream_id)
        if work is not None:
            self._stay(stream_id)
            if making is None:
                self._start(work)
            else:
                making.change(work)
        elif making is not None and not made_elsewhere(ladder, self.worker_id):
            self._leave(stream_id)
        elif making is not None and stream_id not in self._leaving:
            loop = asyncio.get_running_loop()
            self._leaving[stream_id] = loop.call_later(OVERLAP, self._leave, stream_id)

    def _start(self, work: Work) -> None:
        assert self._abilities is not None
        self._idle.clear()
        making = self._making[work.stream_id] = Making(
            work,
            worker_id=self.worker_id,
            abilities=self._abilities,
            child=self._nursery.child,
            recent=self._recent,
            reports=self._reports,
        )
        task = asyncio.create_task(making.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stay(self, stream_id: str) -> None:
        timer = self._leaving.pop(stream_id, None)
        if timer is not None:
            timer.cancel()

    def _leave(self, stream_id: str) -> None:
        self._stay(stream_id)
        making = self._making.pop(stream_id, None)
        if making is not None:
            making.stop()
        if not self._making:
            self._idle.set()

    async def _bury(self, quarantined: StreamQuarantined) -> None:
        """The part that a process died of is a dead letter of this worker if it was its process."""
        last: Quarantined | None = self._reports.last_death(quarantined.stream_id)
        if last is not None:
            await self._dead_letters.put(last.record, last.error, READER)

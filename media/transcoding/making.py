"""A stream's renditions on this worker: its process, fed, listened to, started again if it dies."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec
import structlog

from infra.errors import MillraceError
from infra.record import Record
from media.encoding.probe import Abilities
from media.transcoding import metrics
from media.transcoding.assignments import Work
from media.transcoding.children import Child
from media.transcoding.messages import Begin, Change, Dropped, Feed, Finish, Made, Said, event_of
from media.transcoding.recent import Announced, Recent

log = structlog.get_logger()

MOST_WAITING: Final = 20.0
"""Seconds of media that may wait for a process before it counts as hung."""
PAUSES: Final = (0.0, 0.5, 2.0, 5.0)
"""Seconds before a process is started again, after so many deaths."""


class Reports(Protocol):
    """What a worker says to the platform about a stream."""

    async def event(self, stream_id: str, event: Record) -> None:
        """An event of the media or of its cost. Raises Unavailable."""
        ...

    async def dropped(self, work: Work, dropped: Dropped) -> None:
        """A rendition is not made any more. Raises Unavailable."""
        ...

    async def died(self, work: Work, fed: Sequence[Announced], how: str) -> None:
        """The process died with these parts of a segment in its hands. Raises MillraceError."""
        ...


class Making:
    """Runs until it is stopped. Parts that come meanwhile are handed over with `feed`."""

    def __init__(
        self,
        work: Work,
        *,
        worker_id: str,
        abilities: Abilities,
        child: Callable[[], Awaitable[Child]],
        recent: Recent,
        reports: Reports,
    ) -> None:
        self.work = work
        self.deaths = 0
        self._worker_id, self._abilities = worker_id, abilities
        self._new_child, self._recent = child, recent
        self._reports = reports
        self._since = recent.open_segment(work.stream_id)
        """The segment to begin with if nothing was made of the stream yet."""
        self._child: Child | None = None
        self._waiting: deque[Announced] = deque()
        self._waiting_seconds = 0.0
        self._over = False
        self._stopped = asyncio.Event()
        self._log = log.bind(stream_id=work.stream_id, assignment=work.assignment)

    @property
    def waiting(self) -> float:
        """Seconds of media that were fed and are not made."""
        return self._waiting_seconds

    def feed(self, announced: Announced) -> None:
        """Take the next part of the source."""
        child = self._child
        if child is None or self._over:
            return  # the process that is to come gets it from what was announced lately
        if self._waiting_seconds > MOST_WAITING:
            self._log.error("a process makes nothing any more", waiting=self._waiting_seconds)
            child.kill()
            return
        self._hand_over(child, announced)

    def change(self, work: Work) -> None:
        """Make other renditions from now on."""
        changed = not work.same(self.work) or work.assignment != self.work.assignment
        self.work = work
        if changed and self._child is not None:
            self._child.tell(Change(work.assignment, list(work.rungs)))

    def stop(self) -> None:
        """Make nothing more of the stream."""
        self._over = True
        self._stopped.set()
        if self._child is not None:
            self._child.tell(Finish())

    async def run(self) -> None:
        """Make the stream's renditions until `stop`."""
        while not self._over:
            self._child = child = await self._new_child()
            self._log.info("making renditions", names=[rung.name for rung in self.work.rungs])
            try:
                self._begin(child)
                async for message in child.messages():
                    await self._hear(message)
            except MillraceError as error:
                self._log.error("cannot say what was made", error=str(error))
                child.kill()
            except asyncio.CancelledError:
                child.kill()
                await child.ended()
                raise
            how = await child.ended()
            self._child = None
            if not self._over:
                await self._died(how)

    def _begin(self, child: Child) -> None:
        work = self.work
        self._waiting.clear()
        self._waiting_seconds = 0.0
        rungs, abilities = list(work.rungs), self._abilities
        child.tell(
            Begin(
                work.stream_id,
                work.assignment,
                rungs,
                abilities.encoders,
                abilities.decoder,
                self._worker_id,
            )
        )
        names = [rung.name for rung in rungs]
        parts = self._recent.begin(work.stream_id, names, self._since)
        if parts:
            for each in self._recent.lead_in(work.stream_id, parts[0].part.media_sequence):
                child.tell(Feed(each.part, each.announced_at))
        for each in parts:
            self._hand_over(child, each)

    def _hand_over(self, child: Child, announced: Announced) -> None:
        self._waiting.append(announced)
        self._waiting_seconds += announced.part.duration
        child.tell(Feed(announced.part, announced.announced_at))

    async def _hear(self, message: Said | Made | Dropped) -> None:
        match message:
            case Said():
                await self._reports.event(self.work.stream_id, event_of(message))
            case Made(media_sequence=sequence, part=number):
                self._made(sequence, number)
            case Dropped():
                kept = tuple(each for each in self.work.rungs if each.name != message.rendition)
                self.work = msgspec.structs.replace(self.work, rungs=kept)
                self._log.warning("a rendition is dropped", **msgspec.structs.asdict(message))
                await self._reports.dropped(self.work, message)

    def _made(self, media_sequence: int, number: int) -> None:
        while self._waiting:
            part = self._waiting[0].part
            if (part.media_sequence, part.part) > (media_sequence, number):
                break
            self._waiting.popleft()
            self._waiting_seconds -= part.duration
        if not self._waiting:
            self._waiting_seconds = 0.0

    async def _died(self, how: str) -> None:
        self.deaths += 1
        metrics.DEATHS.inc()
        inside = self._waiting[0].part.media_sequence if self._waiting else -1
        fed = [
            each
            for each in self._recent.fed(self.work.stream_id, inside)
            if not self._waiting or each.part.part <= self._waiting[-1].part.part
        ]
        self._since = max(self._since, inside)
        self._log.error("a process died", how=how, deaths=self.deaths, media_sequence=inside)
        try:
            await self._reports.died(self.work, fed, how)
        except MillraceError as error:
            self._log.error("cannot say that a process died", error=str(error))
        pause = PAUSES[min(self.deaths, len(PAUSES)) - 1]
        try:
            await asyncio.wait_for(self._stopped.wait(), pause)
        except TimeoutError:
            return

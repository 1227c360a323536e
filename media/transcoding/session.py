"""One stream in its process: parts of the source in, renditions out, in time."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

from infra.clock import Clock
from infra.errors import NotFound
from media.encoding.encoders import Encoders
from media.encoding.ladder import Ladder
from media.encoding.outputs import RungFailed, SourcePart, Target
from media.patience import PatientStore
from media.storage import ObjectStore
from media.transcoding.assignments import cost
from media.transcoding.keeping_up import KeepingUp, left_out
from media.transcoding.messages import (
    Begin,
    Change,
    Dropped,
    Feed,
    Made,
    ToParent,
    say,
)
from media.transcoding.publishing import RenditionOut
from schemas.records.media import PartProduced
from schemas.records.transcode import Rung

log = structlog.get_logger()

_REMEMBERED: Final = 8
"""Segments whose parts' times are remembered."""


class Session:
    """One stream, from `Begin` to the end."""

    def __init__(
        self,
        begin: Begin,
        store: ObjectStore,
        write: Callable[[ToParent], None],
        clock: Clock,
        patience: float,
    ) -> None:
        self.stream_id, self.worker_id = begin.stream_id, begin.worker_id
        self.assignment = begin.assignment
        self._rungs = {rung.name: rung for rung in begin.rungs}
        self._write, self._clock = write, clock
        self._store = PatientStore(store, clock, patience, stream_id=begin.stream_id)
        self._ladder = Ladder(
            [*map(_target, begin.rungs)],
            encoders=Encoders(tuple(begin.encoders), begin.decoder),
            salt=uuid.uuid4().hex,  # what one process makes no other makes, if it does not repeat
        )
        self._keeping_up = KeepingUp()
        self._parts: deque[Feed] = deque()
        self._came = asyncio.Event()
        self._finished = False
        self._known: dict[int, dict[int, Feed]] = {}
        self._inits: dict[str, bytes] = {}
        self._longest = 0.0
        self._out: dict[str, RenditionOut] = {}
        self._reached: dict[str, tuple[int, int]] = {}
        self._waiting: deque[PartProduced] = deque()
        self._said: tuple[int, int] | None = None

    # What the worker says.

    def feed(self, feed: Feed) -> None:
        """Take the next part of the source."""
        part = feed.part
        self._known.setdefault(part.media_sequence, {})[part.part] = feed
        while len(self._known) > _REMEMBERED:
            del self._known[min(self._known)]
        self._longest = max(self._longest, part.duration)
        self._waiting.append(part)
        self._parts.append(feed)
        self._came.set()
        self._leave_out()
        waiting = sum(each.duration for each in self._waiting)
        if (
            self._reached
            and self._rungs
            and self._keeping_up.too_slow(self._clock.monotonic(), waiting)
        ):
            dearest = max(self._rungs.values(), key=cost)
            self._drop(dearest.name, "worker_behind", f"{waiting:.1f} s of media waited")

    def _keep_up(self) -> None:
        waiting = sum(each.duration for each in self._waiting)
        if self._keeping_up.too_slow(self._clock.monotonic(), waiting):
            dearest = max(self._rungs.values(), key=cost)
            self._drop(dearest.name, "worker_behind", f"{waiting:.1f} s of media waited")

    def _leave_out(self) -> None:
        count = left_out([feed.part for feed in self._parts])
        if count:
            log.warning("too far behind, segments are left out", parts=count)
            for _ in range(count):
                self._waiting.remove(self._parts.popleft().part)

    def change(self, change: Change) -> None:
        """Make other renditions from the next segment on."""
        self.assignment = change.assignment
        self._set({rung.name: rung for rung in change.rungs})

    def finish(self) -> None:
        """Nothing follows."""
        self._finished = True
        self._came.set()

    def session_of(self, media_sequence: int) -> str:
        """The publisher's connection that a segment is of."""
        parts = self._known[media_sequence]
        return next(iter(parts.values())).part.session_id

    def announced_at(self, media_sequence: int, part: int) -> int | None:
        """When a part of the source was announced, in microseconds; None if unknown."""
        feed = self._known.get(media_sequence, {}).get(part)
        return feed.announced_at if feed else None

    # The work.

    async def run(self) -> None:
        """Until `finish`. Raises MillraceError."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take_outputs(tasks))
            await self._feed_ladder()
            await self._ladder.close()

    async def _feed_ladder(self) -> None:
        while not self._finished:
            while self._parts and not self._finished:
                await self._fetch_and_feed(self._parts.popleft().part)
            self._came.clear()
            if not self._finished and not self._parts:
                await self._came.wait()

    async def _fetch_and_feed(self, part: PartProduced) -> None:
        try:
            data = await self._store.get(part.object)
            init = await self._init(part.init_object)
        except NotFound as error:
            log.warning("a part of the source is gone", object=part.object, error=str(error))
            return
        await self._ladder.feed(
            SourcePart(
                media_sequence=part.media_sequence,
                part=part.part,
                init=init,
                data=data,
                duration=part.duration,
                media_time=part.media_time,
                program_date_time=part.program_date_time,
                independent=part.independent,
                last=part.last,
                part_target=round(self._longest + 0.001, 3),
                session=part.session_id,
            )
        )

    async def _init(self, key: str) -> bytes:
        if key not in self._inits:
            self._inits = {key: await self._store.get(key)}
        return self._inits[key]

    async def _take_outputs(self, tasks: asyncio.TaskGroup) -> None:
        async for output in self._ladder.outputs():
            if isinstance(output, RungFailed):
                self._failed(output)
                continue
            out = self._out.get(output.rendition)
            if out is None:
                out = self._out[output.rendition] = RenditionOut(
                    output.rendition,
                    self,
                    self._store,
                    lambda event: self._write(say(event)),
                    self._made,
                    self._clock,
                )
                tasks.create_task(out.run())
            out.put(output)
        for out in self._out.values():
            out.end()

    def _made(self, rendition: str, media_sequence: int, part: int) -> None:
        """A part of a rendition is out: what all have reached waits no more."""
        self._reached[rendition] = media_sequence, part
        rungs = [at for name, at in self._reached.items() if name in self._rungs]
        reached = min(rungs or self._reached.values())
        while self._waiting:
            first = self._waiting[0]
            if (first.media_sequence, first.part) > reached:
                break
            self._waiting.popleft()
        if reached != self._said:
            self._said = reached
            self._write(Made(*reached))

    def _failed(self, failed: RungFailed) -> None:
        log.warning(
            "an encoder failed",
            rendition=failed.rendition,
            encoder=failed.encoder,
            using=failed.using,
            detail=failed.detail,
        )
        if not failed.using and failed.rendition in self._rungs:
            self._drop(failed.rendition, "encoder_failed", failed.detail)

    def _drop(self, name: str, reason: str, detail: str) -> None:
        self._set({key: rung for key, rung in self._rungs.items() if key != name})
        self._write(Dropped(name, reason, detail))

    def _set(self, rungs: dict[str, Rung]) -> None:
        self._rungs = rungs
        self._ladder.set_targets([*map(_target, rungs.values())])
        for name in self._reached.keys() - rungs.keys():
            del self._reached[name]


def _target(rung: Rung) -> Target:
    return Target(rung.name, rung.width, rung.height, rung.frame_rate, rung.bitrate)

"""What a stream's process makes, into storage and to the log: each rendition in its own order."""

import asyncio
from collections.abc import Callable
from statistics import median
from typing import Final, Protocol

import msgspec

from infra.clock import Clock
from infra.record import Record
from media.encoding.outputs import Measured, Produced
from media.packaging.outputs import Opened, Part, Segment
from media.patience import PatientStore
from media.rendition_publisher import RenditionPublisher
from schemas.records.transcode import SegmentTranscoded

_RECIPE: Final = 8
"""Digits of a recipe in the names of objects."""


class Source(Protocol):
    """What was fed. Implemented by the stream's process."""

    stream_id: str
    assignment: int
    worker_id: str

    def session_of(self, media_sequence: int) -> str:
        """The publisher's connection that a segment is of."""
        ...

    def announced_at(self, media_sequence: int, part: int) -> int | None:
        """When a part of the source was announced, in microseconds; None if unknown."""
        ...


class _Announce:
    """What is announced goes to the worker, which waits for the log."""

    def __init__(self, say: Callable[[Record], None]) -> None:
        self._say = say

    async def post(self, event: Record) -> None:
        self._say(event)

    async def settle(self) -> None:
        return


class RenditionOut:
    """One rendition on its way out: `put` queues, `run` publishes in order."""

    def __init__(
        self,
        rendition: str,
        source: Source,
        store: PatientStore,
        say: Callable[[Record], None],
        made: Callable[[str, int, int], None],
        clock: Clock,
    ) -> None:
        """`say` announces an event, `made` is told of each part that is published."""
        self._rendition, self._source, self._store = rendition, source, store
        self._say, self._made, self._clock = say, made, clock
        self._queue: asyncio.Queue[Produced | Measured | None] = asyncio.Queue()
        self._opened: dict[str, Opened] = {}
        self._publisher: tuple[tuple[str, str], RenditionPublisher] | None = None
        self._delays: list[float] = []

    def put(self, output: Produced | Measured) -> None:
        """Queue what is made. What is made waits for its taker, so the queue has a bound."""
        self._queue.put_nowait(output)

    def end(self) -> None:
        """Nothing follows."""
        self._queue.put_nowait(None)

    async def run(self) -> None:
        """Publish until the end. Raises Unavailable if storage is away for long."""
        while (output := await self._queue.get()) is not None:
            if isinstance(output, Measured):
                self._say(self._measured(output))
            elif isinstance(output.output, Opened):
                self._opened[output.recipe] = output.output
                self._publisher = None
            elif isinstance(output.output, Part):
                await self._part(output.recipe, output.output)
            else:
                await self._segment(output.recipe, output.output)

    async def _part(self, recipe: str, part: Part) -> None:
        publisher = await self._publisher_of(recipe, part.media_sequence)
        await publisher.part(part)
        at = self._source.announced_at(part.media_sequence, part.part)
        if at is not None:
            self._delays.append((self._clock.now() - at) / 1e6)
        self._made(self._rendition, part.media_sequence, part.part)

    async def _segment(self, recipe: str, segment: Segment) -> None:
        publisher = await self._publisher_of(recipe, segment.media_sequence)
        await publisher.segment(segment)
        await publisher.delete_obsolete()

    async def _publisher_of(self, recipe: str, media_sequence: int) -> RenditionPublisher:
        """The publisher of a session and recipe; a new one says its parameters first."""
        session = self._source.session_of(media_sequence)
        if self._publisher is None or self._publisher[0] != (session, recipe):
            name = f"{self._rendition}-{recipe[:_RECIPE]}"
            publisher = RenditionPublisher(
                *(self._source.stream_id, session, self._rendition),
                folder=f"live/{self._source.stream_id}/{session}/{name}",
                store=self._store,
                announce=_Announce(self._say),
                clock=self._clock,
            )
            opened = self._opened[recipe]
            await publisher.open(
                msgspec.structs.replace(opened, first_media_sequence=media_sequence)
            )
            self._publisher = (session, recipe), publisher
        return self._publisher[1]

    def _measured(self, found: Measured) -> SegmentTranscoded:
        delays, self._delays = self._delays, []
        return SegmentTranscoded(
            stream_id=self._source.stream_id,
            worker_id=self._source.worker_id,
            assignment=self._source.assignment,
            rendition=found.rendition,
            media_sequence=found.media_sequence,
            encoder=found.encoder,
            recipe=found.recipe,
            repeatable=found.repeatable,
            source_digest=found.source_digest,
            digest=found.digest,
            frames=found.frames,
            duration=found.duration,
            cpu_seconds=found.cpu_seconds,
            gpu_seconds=found.gpu_seconds,
            wall_seconds=found.wall_seconds,
            delay=median(delays) if delays else 0.0,
        )

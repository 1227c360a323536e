"""What a worker says to the platform of the streams that it works on."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec

from infra.errors import MillraceError
from infra.record import Record
from media.storage import ObjectStore
from media.transcoding import metrics
from media.transcoding.assignments import Work
from media.transcoding.messages import Dropped
from media.transcoding.recent import Announced
from media.transcoding.topics import Topics
from schemas.records.media import PartProduced, RenditionOpened
from schemas.records.transcode import DropRung, ReportDeath, SegmentTranscoded

MAX_IN_FLIGHT: Final = 1000
"""Events that Kafka has not acknowledged yet, at most."""
_REMEMBERED: Final = 100


class Died(MillraceError):
    """A process died while it worked on a part."""


class Quarantined(msgspec.Struct, frozen=True):
    """A part that a process died of."""

    record: Any
    error: Died


class Log(Protocol):
    """Writes records. Implemented by `infra.kafka.EventProducer`."""

    name: str

    async def post(self, topic: str, key: str, event: Record) -> "asyncio.Future[Any]":
        """Queue a record."""
        ...


class WorkerReports:
    """Writes what processes say to the log, and what is to be said of them."""

    def __init__(self, producer: Log, store: ObjectStore, pool: str, topics: Topics) -> None:
        self._producer, self._store = producer, store
        self._pool, self._topics = pool, topics
        self._unacknowledged: deque[asyncio.Future[Any]] = deque()
        self._deaths: OrderedDict[str, Quarantined] = OrderedDict()

    @property
    def worker_id(self) -> str:
        """Who reports."""
        return self._producer.name

    async def command(self, command: Record) -> None:
        """Tell the dispatcher, and wait until that is on the log. Raises Unavailable."""
        await (await self._producer.post(self._topics.commands, self._pool, command))

    async def event(self, stream_id: str, event: Record) -> None:
        """An event of the media or of its cost. Raises Unavailable.

        Parameters of a rendition are acknowledged before any part follows.
        """
        match event:
            case PartProduced():
                topic = self._topics.parts
            case SegmentTranscoded():
                topic = self._topics.measurements
                metrics.CPU.labels(event.encoder).inc(event.cpu_seconds)
                metrics.DELAY.observe(event.delay)
            case _:
                topic = self._topics.segments
        self._unacknowledged.append(await self._producer.post(topic, stream_id, event))
        await self._settle(0 if isinstance(event, RenditionOpened) else MAX_IN_FLIGHT)

    async def dropped(self, work: Work, dropped: Dropped) -> None:
        """A rendition is not made any more. Raises Unavailable."""
        metrics.DROPPED.labels(dropped.reason).inc()
        command = DropRung(
            pool=self._pool,
            worker_id=self.worker_id,
            stream_id=work.stream_id,
            assignment=work.assignment,
            rendition=dropped.rendition,
            reason=dropped.reason,
            detail=dropped.detail,
        )
        await self.command(command)

    async def died(self, work: Work, fed: Sequence[Announced], how: str) -> None:
        """A process died with these parts of a segment in its hands, which are kept.

        Raises Unavailable.
        """
        if fed:
            self._deaths[work.stream_id] = Quarantined(fed[-1].record, Died(how))
            while len(self._deaths) > _REMEMBERED:
                self._deaths.popitem(last=False)
        kept = await self._keep(work.stream_id, fed)
        command = ReportDeath(
            pool=self._pool,
            worker_id=self.worker_id,
            stream_id=work.stream_id,
            assignment=work.assignment,
            media_sequence=fed[0].part.media_sequence if fed else -1,
            kept_object=kept,
            detail=how if kept or not fed else f"{how}; what it was fed could not be kept",
        )
        await self.command(command)

    def last_death(self, stream_id: str) -> Quarantined | None:
        """The part that a process of this worker died of last, once."""
        return self._deaths.pop(stream_id, None)

    async def _keep(self, stream_id: str, fed: Sequence[Announced]) -> str:
        """Keep what a process was fed, as a file that can be played; the key, or nothing."""
        if not fed:
            return ""
        try:
            data = [await self._store.get(fed[0].part.init_object)]
            data += [await self._store.get(each.part.object) for each in fed]
            key = f"quarantine/{stream_id}/{fed[0].part.media_sequence}.mp4"
            await self._store.put(key, b"".join(data))
        except MillraceError:
            return ""
        return key

    async def _settle(self, at_most: int) -> None:
        while self._unacknowledged and (
            len(self._unacknowledged) > at_most or self._unacknowledged[0].done()
        ):
            await self._unacknowledged.popleft()

"""Makes a session's media fetchable: objects into storage first, then the events that name them."""

import asyncio
import re
from collections import deque
from typing import Final

from infra.clock import Clock, SystemClock
from infra.kafka import Delivery, EventProducer
from infra.record import Codec, Record
from media.flv import Tag
from media.naming import SOURCE
from media.packaging.outputs import Limits, Opened, Output, Part, Segment, Warned
from media.packaging.packager import Packager
from media.patience import PatientStore
from media.rendition_publisher import RenditionPublisher
from media.resuming import resume
from media.storage import ObjectStore
from schemas.records.broadcast import StreamResumed, StreamStarted
from schemas.records.media import PartProduced

MAX_IN_FLIGHT: Final = 256
"""Events of a session that Kafka has not acknowledged yet, at most."""
_PART_KEY: Final = re.compile(r"^live/[^/]+/[^/]+/[^/]+/\d+\.\d+\.m4s$")


class Publishing:
    """Opens publishers of sessions; shared by all sessions of an ingest process."""

    def __init__(
        self,
        *,
        store: ObjectStore,
        producer: EventProducer,
        bootstrap: str,
        codec: Codec,
        limits: Limits | None = None,
        parts_topic: str = "media-parts",
        segments_topic: str = "media-segments",
        clock: Clock | None = None,
        patience: float = 0.0,
    ) -> None:
        """`patience` is for how many seconds storage may be away before a session gives up."""
        self.patience = patience
        self.store, self.producer, self.codec = store, producer, codec
        self.bootstrap, self.limits = bootstrap, limits or Limits()
        self.parts_topic, self.segments_topic = parts_topic, segments_topic
        self.clock = clock or SystemClock()

    def publisher_for(self, stream: StreamStarted | StreamResumed) -> "SegmentPublisher":
        """The publisher of the session that started or resumed a stream."""
        return SegmentPublisher(stream, self)

    def store_for(self, stream: StreamStarted | StreamResumed) -> PatientStore:
        """Storage as a session uses it."""
        names = {"stream_id": stream.stream_id, "session_id": stream.session_id}
        return PatientStore(self.store, self.clock, self.patience, **names)


class SegmentPublisher:
    """Packages the tags of one session and publishes what comes out, in order."""

    def __init__(self, stream: StreamStarted | StreamResumed, publishing: Publishing) -> None:
        self._stream, self._publishing = stream, publishing
        self._packager: Packager | None = None
        self._store = publishing.store_for(stream)
        self._rendition = RenditionPublisher(
            *(stream.stream_id, stream.session_id, SOURCE),
            folder=f"live/{stream.stream_id}/{stream.session_id}/{SOURCE}",
            store=self._store,
            announce=self,
            clock=publishing.clock,
        )
        self._unacknowledged: deque[asyncio.Future[Delivery]] = deque()
        self.warnings: list[tuple[str, str]] = []
        """What the publisher should put right, as (warning, detail); `take_warnings` empties it."""

    @property
    def storage_away_for(self) -> float:
        """Seconds for which storage has not taken what was fed; 0 while it does."""
        return self._store.away_for

    @property
    def frames_discarded(self) -> int:
        """Frames that were of no use to viewers."""
        return self._packager.discarded if self._packager is not None else 0

    def take_warnings(self) -> list[tuple[str, str]]:
        """The warnings since the last call."""
        taken, self.warnings = self.warnings, []
        return taken

    async def open(self) -> None:
        """Find where the stream goes on. Called by the first `feed` if nobody did before.

        After a resume this reads the last parts of the stream from the log and completes segments
        that the session before left open. Raises Unavailable.
        """
        first = 0
        if isinstance(self._stream, StreamResumed):
            first = await resume(self._stream, self._publishing, self._store)
        self._packager = Packager(self._publishing.limits, first)

    async def feed(self, tags: list[Tag], arrived_at: int) -> None:
        """Take tags that arrived at a time in microseconds.

        Waits while storage is away. Raises Refused if viewers could not play them (what came before
        is published), Unavailable if storage is away for too long or Kafka fails. After either,
        `close`.
        """
        if self._packager is None:
            await self.open()
        assert self._packager is not None
        for tag in tags:
            await self._publish(self._packager.feed(tag, arrived_at))
        await self._settle(MAX_IN_FLIGHT)
        await self._rendition.delete_obsolete()

    async def close(self) -> None:
        """Publish what is left and wait until all of it is acknowledged. Raises Unavailable."""
        if self._packager is not None:
            await self._publish(self._packager.finish())
        await self._settle(0)

    async def _publish(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Part):
                await self._rendition.part(output)
            elif isinstance(output, Segment):
                await self._rendition.segment(output)
            elif isinstance(output, Opened):
                await self._rendition.open(output)
            elif isinstance(output, Warned):
                self.warnings.append((output.warning, output.detail))

    async def post(self, event: Record) -> None:
        """Queue an event of the stream (`Announce`)."""
        publishing = self._publishing
        parts = isinstance(event, PartProduced)
        topic = publishing.parts_topic if parts else publishing.segments_topic
        posted = await publishing.producer.post(topic, self._stream.stream_id, event)
        self._unacknowledged.append(posted)

    async def settle(self) -> None:
        """Wait until all of it is acknowledged (`Announce`)."""
        await self._settle(0)

    async def _settle(self, at_most: int) -> None:
        """Look at the acknowledgements that are here; wait until no more than so many are open."""
        while self._unacknowledged and (
            len(self._unacknowledged) > at_most or self._unacknowledged[0].done()
        ):
            await self._unacknowledged.popleft()


async def sweep_parts(store: ObjectStore, before: int) -> int:
    """Delete part objects written before a time (microseconds); how many there were.

    Each session deletes its own in time; this finds those of sessions that were cut off.
    """
    found = [
        stored.key
        async for stored in store.list("live/")
        if stored.modified_at < before and _PART_KEY.match(stored.key)
    ]
    await store.delete(found)
    return len(found)

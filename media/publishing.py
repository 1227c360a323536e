"""Makes a session's media fetchable: objects into storage first, then the events that name them."""

import asyncio
import re
from collections import deque
from typing import Final

from infra.clock import Clock, SystemClock
from infra.kafka import Delivery, EventProducer
from infra.record import Codec, Record
from media.flv import Tag
from media.naming import SOURCE, digest
from media.packaging.outputs import Limits, Opened, Output, Part, Segment, Warned
from media.packaging.packager import Packager
from media.patience import PatientStore
from media.resuming import resume
from media.storage import ObjectStore
from schemas.records.broadcast import StreamResumed, StreamStarted
from schemas.records.media import PartProduced, RenditionOpened, SegmentProduced

MAX_IN_FLIGHT: Final = 256
"""Events of a session that Kafka has not acknowledged yet, at most."""
PARTS_KEPT: Final = 60.0
"""Seconds for which the parts of a complete segment stay; playlists list them for 12."""
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
        self._folder = f"live/{stream.stream_id}/{stream.session_id}/{SOURCE}"
        self._packager: Packager | None = None
        self._inits = 0
        self._init_object = ""
        self._store = publishing.store_for(stream)
        self._segment: list[tuple[str, bytes]] = []
        self._unacknowledged: deque[asyncio.Future[Delivery]] = deque()
        self._obsolete: deque[tuple[float, list[str]]] = deque()
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
        await self._delete_obsolete()

    async def close(self) -> None:
        """Publish what is left and wait until all of it is acknowledged. Raises Unavailable."""
        if self._packager is not None:
            await self._publish(self._packager.finish())
        await self._settle(0)

    async def _publish(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Part):
                await self._publish_part(output)
            elif isinstance(output, Segment):
                await self._publish_segment(output)
            elif isinstance(output, Opened):
                await self._publish_init(output)
            elif isinstance(output, Warned):
                self.warnings.append((output.warning, output.detail))

    async def _publish_init(self, opened: Opened) -> None:
        """Acknowledged before any part follows, so that players never lack the parameters."""
        suffix = f"-{self._inits}" if self._inits else ""
        self._inits += 1
        self._init_object = f"{self._folder}/init{suffix}.mp4"
        await self._store.put(self._init_object, opened.init)
        event = RenditionOpened(
            stream_id=self._stream.stream_id,
            session_id=self._stream.session_id,
            rendition=SOURCE,
            init_object=self._init_object,
            codecs=opened.codecs,
            width=opened.width,
            height=opened.height,
            frame_rate=opened.frame_rate,
            channels=opened.channels,
            part_target=opened.part_target,
            first_media_sequence=opened.first_media_sequence,
        )
        await self._post(self._publishing.segments_topic, event)
        await self._settle(0)

    async def _publish_part(self, part: Part) -> None:
        key = f"{self._folder}/{part.media_sequence}.{part.part}.m4s"
        await self._store.put(key, part.data)
        event = PartProduced(
            stream_id=self._stream.stream_id,
            session_id=self._stream.session_id,
            rendition=SOURCE,
            media_sequence=part.media_sequence,
            part=part.part,
            object=key,
            init_object=self._init_object,
            size=len(part.data),
            duration=part.duration,
            media_time=part.media_time,
            program_date_time=part.program_date_time,
            independent=part.independent,
            last=part.last,
            digest=digest(part.data),
        )
        await self._post(self._publishing.parts_topic, event)
        self._segment.append((key, part.data))

    async def _publish_segment(self, segment: Segment) -> None:
        parts, self._segment = self._segment, []
        data = b"".join(data for _, data in parts)
        key = f"{self._folder}/{segment.media_sequence}.m4s"
        await self._store.put(key, data)
        event = SegmentProduced(
            stream_id=self._stream.stream_id,
            session_id=self._stream.session_id,
            rendition=SOURCE,
            media_sequence=segment.media_sequence,
            object=key,
            init_object=self._init_object,
            size=len(data),
            duration=segment.duration,
            media_time=segment.media_time,
            program_date_time=segment.program_date_time,
            independent=segment.independent,
            digest=digest(data),
            parts=segment.parts,
        )
        await self._post(self._publishing.segments_topic, event)
        due = self._publishing.clock.monotonic() + PARTS_KEPT
        self._obsolete.append((due, [key for key, _ in parts]))

    async def _post(self, topic: str, event: Record) -> None:
        posted = await self._publishing.producer.post(topic, self._stream.stream_id, event)
        self._unacknowledged.append(posted)

    async def _settle(self, at_most: int) -> None:
        """Look at the acknowledgements that are here; wait until no more than so many are open."""
        while self._unacknowledged and (
            len(self._unacknowledged) > at_most or self._unacknowledged[0].done()
        ):
            await self._unacknowledged.popleft()

    async def _delete_obsolete(self) -> None:
        now = self._publishing.clock.monotonic()
        while self._obsolete and self._obsolete[0][0] <= now:
            await self._store.delete(self._obsolete.popleft()[1])


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

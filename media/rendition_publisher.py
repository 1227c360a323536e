"""Makes one rendition fetchable: objects into storage first, then the events that name them."""

from collections import deque
from typing import Final, Protocol

from infra.clock import Clock
from infra.record import Record
from media.naming import digest
from media.packaging.outputs import Opened, Part, Segment
from media.patience import PatientStore
from schemas.records.media import PartProduced, RenditionOpened, SegmentProduced

PARTS_KEPT: Final = 60.0
"""Seconds for which the parts of a complete segment stay; playlists list them for 12."""


class Announce(Protocol):
    """Where a stream's media is announced, in order."""

    async def post(self, event: Record) -> None:
        """Queue an event. Raises Unavailable."""
        ...

    async def settle(self) -> None:
        """Wait until all that was queued is on the log. Raises Unavailable."""
        ...


class RenditionPublisher:
    """Publishes what a session's packaging gives for one rendition, in order."""

    def __init__(
        self,
        stream_id: str,
        session_id: str,
        rendition: str,
        *,
        folder: str,
        store: PatientStore,
        announce: Announce,
        clock: Clock,
    ) -> None:
        """`folder` is where its objects go: what lies there under one key is always the same."""
        self._stream_id, self._session_id, self._rendition = stream_id, session_id, rendition
        self._folder, self._store, self._announce = folder, store, announce
        self._clock = clock
        self._inits = 0
        self._init_object = ""
        self._segment: list[tuple[str, bytes]] = []
        self._obsolete: deque[tuple[float, list[str]]] = deque()

    async def open(self, opened: Opened) -> None:
        """Acknowledged before any part follows, so that players never lack the parameters."""
        suffix = f"-{self._inits}" if self._inits else ""
        self._inits += 1
        self._init_object = f"{self._folder}/init{suffix}.mp4"
        await self._store.put(self._init_object, opened.init)
        event = RenditionOpened(
            stream_id=self._stream_id,
            session_id=self._session_id,
            rendition=self._rendition,
            init_object=self._init_object,
            codecs=opened.codecs,
            width=opened.width,
            height=opened.height,
            frame_rate=opened.frame_rate,
            channels=opened.channels,
            part_target=opened.part_target,
            first_media_sequence=opened.first_media_sequence,
        )
        await self._announce.post(event)
        await self._announce.settle()

    async def part(self, part: Part) -> None:
        """A part of the open segment."""
        key = f"{self._folder}/{part.media_sequence}.{part.part}.m4s"
        await self._store.put(key, part.data)
        event = PartProduced(
            stream_id=self._stream_id,
            session_id=self._session_id,
            rendition=self._rendition,
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
        await self._announce.post(event)
        self._segment.append((key, part.data))

    async def segment(self, segment: Segment) -> SegmentProduced:
        """The open segment is complete: its parts, joined, are kept. Returns what was announced."""
        parts, self._segment = self._segment, []
        data = b"".join(data for _, data in parts)
        key = f"{self._folder}/{segment.media_sequence}.m4s"
        await self._store.put(key, data)
        event = SegmentProduced(
            stream_id=self._stream_id,
            session_id=self._session_id,
            rendition=self._rendition,
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
        await self._announce.post(event)
        self._obsolete.append((self._clock.monotonic() + PARTS_KEPT, [key for key, _ in parts]))
        return event

    async def delete_obsolete(self) -> None:
        """Delete the parts of segments that were completed long enough ago."""
        now = self._clock.monotonic()
        while self._obsolete and self._obsolete[0][0] <= now:
            await self._store.delete(self._obsolete.popleft()[1])

"""Pictures of a stream: key frames, decoded where a crash costs nothing else."""

import asyncio
from collections import OrderedDict
from functools import partial
from typing import Final

import structlog

from infra.clock import Clock
from infra.errors import MillraceError, NotFound
from media.origin import measures
from media.origin.decoding import Decoder, NoPictureError, first_picture
from media.origin.objects import Objects
from media.origin.streams import Stream
from schemas.records.media import PartProduced

log = structlog.get_logger()

MAX_WIDTH: Final = 480
FRESH: Final = 5.0
"""Seconds for which a thumbnail is served again."""
MAX_FAILURES: Final = 3
"""Failed attempts in a row after which a stream gets no more until its parameters change."""
REMEMBERED: Final = 1000


class _Made:
    __slots__ = ("at", "failures", "init", "jpeg")

    def __init__(self) -> None:
        self.at = -FRESH
        self.failures = 0
        self.init = ""
        self.jpeg: bytes | None = None


class Thumbnails:
    """Thumbnails on demand, one decode at a time, each kept for some seconds."""

    def __init__(self, objects: Objects, clock: Clock, decoder: Decoder) -> None:
        self._objects, self._clock, self._decoder = objects, clock, decoder
        self._made: OrderedDict[str, _Made] = OrderedDict()
        self._turn = asyncio.Lock()

    async def get(self, stream: Stream) -> bytes:
        """A JPEG at most 480 pixels wide. Raises NotFound if there is no picture."""
        key_frame = _latest_key_frame(stream)
        made = self._made.setdefault(stream.stream_id, _Made())
        self._made.move_to_end(stream.stream_id)
        if len(self._made) > REMEMBERED:
            self._made.popitem(last=False)
        if key_frame is not None and self._is_due(made, key_frame):
            async with self._turn:
                if self._is_due(made, key_frame):
                    await self._make(made, key_frame)
        if made.jpeg is None:
            raise NotFound("the stream has no picture")
        return made.jpeg

    def _is_due(self, made: _Made, key_frame: PartProduced) -> bool:
        if made.failures >= MAX_FAILURES and made.init == key_frame.init_object:
            return False
        return self._clock.monotonic() - made.at >= FRESH

    async def _make(self, made: _Made, key_frame: PartProduced) -> None:
        if made.init != key_frame.init_object:
            made.failures, made.init = 0, key_frame.init_object
        made.at = self._clock.monotonic()
        try:
            media = await self._objects.get(key_frame.init_object)
            media += await self._objects.get(key_frame.object)
            made.jpeg = await self._decoder.run(partial(first_picture, media, MAX_WIDTH))
            made.failures = 0
            measures.THUMBNAILS.labels("made").inc()
        except (MillraceError, NoPictureError) as error:
            made.failures += 1
            measures.THUMBNAILS.labels("failed").inc()
            log.warning(
                "no thumbnail could be made",
                stream_id=key_frame.stream_id,
                attempt=made.failures,
                error=repr(error),
            )


def _latest_key_frame(stream: Stream) -> PartProduced | None:
    """The latest part that begins with a key frame, of the smallest rendition that has one."""
    for rendition in stream.pictures():
        listed = [part for entry in rendition.entries for part in entry.parts]
        for part in reversed(listed + rendition.open_parts):
            if part.independent:
                return part
    return None

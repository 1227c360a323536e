"""A picture of a stream: its latest key frame, decoded where a crash costs nothing else."""

import asyncio
import io
import multiprocessing
from collections import OrderedDict
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from fractions import Fraction
from typing import Final

import av
import structlog

from infra.clock import Clock
from infra.errors import MillraceError, NotFound
from media.origin import measures
from media.origin.objects import Objects
from media.origin.streams import Stream
from schemas.records.media import PartProduced

log = structlog.get_logger()

MAX_WIDTH: Final = 480
FRESH: Final = 5.0
"""Seconds for which a thumbnail is served again."""
PATIENCE: Final = 5.0
"""Seconds that decoding may take."""
MAX_FAILURES: Final = 3
"""Failed attempts in a row after which a stream gets no more until its parameters change."""
REMEMBERED: Final = 1000


def decode(media: bytes, max_width: int = MAX_WIDTH) -> bytes:
    """The first picture of an init segment with a part, as JPEG. Runs in the child process."""
    with av.open(io.BytesIO(media)) as source:
        video = source.streams.video[0]
        video.thread_count = 1
        frame = next(source.decode(video), None)
    if frame is None:
        raise ValueError("no picture in the key frame")
    width = min(max_width, frame.width) & ~1
    height = max(2, round(frame.height * width / frame.width) & ~1)
    small = frame.reformat(width=width, height=height, format="yuvj420p")
    target = io.BytesIO()
    with av.open(target, "w", format="image2pipe") as output:
        stream = output.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        small.pts, small.time_base = 0, Fraction(1)
        output.mux(stream.encode(small))
        output.mux(stream.encode(None))
    return target.getvalue()


class _Made:
    __slots__ = ("at", "failures", "init", "jpeg")

    def __init__(self) -> None:
        self.at = -FRESH
        self.failures = 0
        self.init = ""
        self.jpeg: bytes | None = None


class Thumbnails:
    """Thumbnails on demand, one decode at a time, each kept for some seconds."""

    def __init__(self, objects: Objects, clock: Clock) -> None:
        self._objects, self._clock = objects, clock
        self._made: OrderedDict[str, _Made] = OrderedDict()
        self._pool: ProcessPoolExecutor | None = None
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

    def close(self) -> None:
        """End the child process."""
        if self._pool is not None:
            for process in list(self._pool._processes.values()):
                process.kill()
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

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
            made.jpeg = await self._decode(media)
            made.failures = 0
            measures.THUMBNAILS.labels("made").inc()
        except (
            av.FFmpegError, MillraceError, BrokenProcessPool, TimeoutError,
            ValueError, IndexError,
        ) as error:  # fmt: skip
            made.failures += 1
            measures.THUMBNAILS.labels("failed").inc()
            log.warning(
                "no thumbnail could be made",
                stream_id=key_frame.stream_id,
                attempt=made.failures,
                error=repr(error),
            )
            if isinstance(error, BrokenProcessPool | TimeoutError):
                self.close()

    async def _decode(self, media: bytes) -> bytes:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context)
        decoding = asyncio.get_running_loop().run_in_executor(self._pool, decode, media)
        return await asyncio.wait_for(decoding, PATIENCE)


def _latest_key_frame(stream: Stream) -> PartProduced | None:
    """The latest part of any rendition that begins with a key frame."""
    for live in stream.renditions.values():
        rendition = live.rendition
        if rendition.opened is None or not rendition.opened.width:
            continue
        listed = [part for entry in rendition.entries for part in entry.parts]
        for part in reversed(listed + rendition.open_parts):
            if part.independent:
                return part
    return None

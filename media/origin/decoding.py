"""Decodes pictures in a process of its own: what breaks it there costs nothing else."""

import asyncio
import io
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from fractions import Fraction
from typing import Final

import av

from infra.errors import MillraceError

PATIENCE: Final = 5.0
"""Seconds that decoding may take."""


class NoPictureError(MillraceError):
    """What was to be decoded cannot be, or broke the process."""


class Decoder:
    """The child process, made when it is first needed; one decodes at a time."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def run(self, work: Callable[[], bytes]) -> bytes:
        """What a function of this module gives, run in the child. Raises NoPictureError."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context)
        decoding = asyncio.get_running_loop().run_in_executor(self._pool, work)
        try:
            return await asyncio.wait_for(decoding, PATIENCE)
        except (BrokenProcessPool, TimeoutError) as error:
            self.close()
            raise NoPictureError(repr(error)) from error
        except (av.FFmpegError, ValueError, IndexError) as error:
            raise NoPictureError(repr(error)) from error

    def close(self) -> None:
        """End the child process."""
        if self._pool is not None:
            for process in list(self._pool._processes.values()):
                process.kill()
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def first_picture(media: bytes, max_width: int) -> bytes:
    """The first picture of an init segment with what follows, as JPEG."""
    frame = _decode(media)
    width = min(max_width, frame.width) & ~1
    height = max(2, round(frame.height * width / frame.width) & ~1)
    return _jpeg(frame.reformat(width=width, height=height, format="yuvj420p"))


def sheet(media: Sequence[bytes], columns: int, width: int, height: int) -> bytes:
    """The first picture of each, side by side in rows, as JPEG; one that fails stays black."""
    rows = -(-len(media) // columns)
    target = av.VideoFrame(columns * width, rows * height, "yuvj420p")
    for plane, value in zip(target.planes, (0, 128, 128), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    for index, each in enumerate(media):
        try:
            picture = _decode(each).reformat(width=width, height=height, format="yuvj420p")
        except (av.FFmpegError, ValueError, IndexError):
            continue
        _paste(picture, target, index % columns * width, index // columns * height)
    return _jpeg(target)


def _paste(picture: av.VideoFrame, target: av.VideoFrame, left: int, top: int) -> None:
    for number, (source, goal) in enumerate(zip(picture.planes, target.planes, strict=True)):
        shift = 1 if number else 0
        written, read = memoryview(goal).cast("B"), memoryview(source).cast("B")
        width = picture.width >> shift
        for row in range(picture.height >> shift):
            at = ((top >> shift) + row) * goal.line_size + (left >> shift)
            start = row * source.line_size
            written[at : at + width] = read[start : start + width]


def _decode(media: bytes) -> av.VideoFrame:
    with av.open(io.BytesIO(media)) as source:
        video = source.streams.video[0]
        video.thread_count = 1
        frame = next(source.decode(video), None)
    if frame is None:
        raise ValueError("no picture in the key frame")
    return frame


def _jpeg(frame: av.VideoFrame) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="image2pipe") as output:
        stream = output.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuvj420p"
        frame.pts, frame.time_base = 0, Fraction(1)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()

"""Pushes a recording over RTMP at the speed of a live source, as an encoder would."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av

from infra.errors import ConfigurationError, Unavailable

_CODECS: Final = {"video": "h264", "audio": "aac"}
_TIMEOUT: Final = 10.0
_LONGEST_PAUSE: Final = 10.0
_STEADY: Final = 30.0
"""Seconds of pushing after which a connection counts as having worked."""


class Pusher:
    """Pushes a file to an RTMP address, in a loop or once, connecting again when it is cut off."""

    def __init__(self, file: Path, url: str, *, loop: bool, say: Callable[[str], None]) -> None:
        self._file = file
        self._url = url
        self._loop = loop
        self._say = say
        self._stop = threading.Event()

    def run(self) -> None:
        """Push until SIGINT or SIGTERM, or once. Raises ConfigurationError for an unfit file."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stop())
        check(self._file)
        pause = 1.0
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._push()
                return
            except (av.error.FFmpegError, OSError) as error:
                if not self._loop:
                    raise Unavailable(f"the publishing was cut off: {_reason(error)}") from error
                pause = 1.0 if time.monotonic() - began > _STEADY else pause
                self._say(f"the publishing was cut off ({_reason(error)}); again in {pause:g} s")
            self._stop.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def stop(self) -> None:
        """End the pushing soon."""
        self._stop.set()

    def _push(self) -> None:
        """One connection: the file's packets, unchanged, each at its time."""
        with (
            av.open(str(self._file)) as source,
            av.open(self._url, "w", format="flv", timeout=_TIMEOUT) as target,
        ):
            streams = {
                stream.index: target.add_stream_from_template(stream) for stream in _chosen(source)
            }
            began, offset = time.monotonic(), Fraction(0)
            while not self._stop.is_set():
                end = offset
                for packet in source.demux(*_chosen(source)):
                    if packet.dts is None or packet.pts is None:
                        continue  # the demuxer's flush
                    base = packet.time_base
                    end = max(end, offset + (packet.dts + (packet.duration or 0)) * base)
                    ahead = float(offset + packet.dts * base) - (time.monotonic() - began)
                    if self._stop.wait(max(0.0, ahead)):
                        return
                    packet.dts += int(offset / base)
                    packet.pts += int(offset / base)
                    packet.stream = streams[packet.stream.index]
                    target.mux_one(packet)
                if not self._loop:
                    return
                offset = end
                source.seek(0)


def check(file: Path) -> None:
    """Raise ConfigurationError if a file cannot go through RTMP as it is."""
    try:
        with av.open(str(file)) as source:
            # Streams are of no use, and their memory is gone, once their container is closed.
            codecs = {each.type: str(each.codec_context.name) for each in _chosen(source)}
    except (av.error.FFmpegError, OSError) as error:
        raise ConfigurationError(
            f"{file} cannot be read as a recording: {_reason(error)}"
        ) from error
    wrong = [f"{kind} is {codec}" for kind, codec in codecs.items() if codec != _CODECS[kind]]
    if "video" not in codecs:
        wrong.append("there is no video")
    if wrong:
        raise ConfigurationError(
            f"{file}: {', '.join(wrong)}; Millrace takes H.264 and AAC. Convert it: "
            f"ffmpeg -i {file} -c:v libx264 -g 48 -c:a aac converted.mp4"
        )


def _chosen(source: Any) -> Iterator[Any]:
    """The first video and the first audio stream."""
    yield from source.streams.video[:1]
    yield from source.streams.audio[:1]


def _reason(error: Exception) -> str:
    with contextlib.suppress(AttributeError):
        return str(error.strerror)  # type: ignore[attr-defined]
    return str(error)

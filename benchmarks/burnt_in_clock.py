"""A live test picture that carries the time of its making, readable by a machine.

    python -m benchmarks.burnt_in_clock rtmp://127.0.0.1/live/KEY --seconds 60

Along the top of each frame lie 48 blocks, black or white: 42 bits of milliseconds since 1970, then
6 bits of checksum. Whoever reads them off a screen knows how long the frame was under way.
"""

import argparse
import math
import struct
import time
from collections.abc import Iterator
from fractions import Fraction

import av

BITS, BLOCK = 48, 24
"""Number of blocks, and their edge in pixels of a 1280 by 720 picture."""
WIDTH, HEIGHT, RATE, SAMPLES = 1280, 720, 30, 48_000
_BLACK, _WHITE = 16, 235


def encode_time(milliseconds: int) -> int:
    """The 48 bits that stand for a time."""
    time_bits = milliseconds & (1 << 42) - 1
    return time_bits << 6 | checksum(time_bits)


def decode_time(bits: int) -> int | None:
    """The time in 48 bits, or None if the checksum says they were misread."""
    time_bits = bits >> 6
    return time_bits if bits & 63 == checksum(time_bits) else None


def checksum(time_bits: int) -> int:
    """Six bits that a misread block changes: the folded bits, never zero for zero."""
    folded = 0b101011
    while time_bits:
        folded ^= time_bits & 63
        time_bits >>= 6
    return folded


class Picture:
    """Draws frames: blocks on top of a pattern that moves, so that the encoder has work."""

    def __init__(self, height: int = HEIGHT) -> None:
        self.width, self.height = height * WIDTH // HEIGHT // 2 * 2, height
        wave = [round(110 + 60 * math.sin(x / 37) + 20 * math.sin(x / 5)) for x in range(4 * WIDTH)]
        self._pattern = bytes(wave)
        self._grey = bytes([128]) * (self.width * height // 4)

    def draw(self, number: int, milliseconds: int) -> av.VideoFrame:
        """Frame `number`, carrying a time."""
        bits, width, block = encode_time(milliseconds), self.width, self.height * BLOCK // HEIGHT
        blocks = b"".join(
            bytes([_WHITE if bits >> bit & 1 else _BLACK]) * block
            for bit in range(BITS - 1, -1, -1)
        )
        top = (blocks + bytes([_BLACK]) * (width - len(blocks))) * block
        start = number * 3 % WIDTH
        rows = [self._pattern[start + (y // 16) * 7 :][:width] for y in range(block, self.height)]
        frame = av.VideoFrame(width, self.height, "yuv420p")
        frame.planes[0].update(top + b"".join(rows))
        frame.planes[1].update(self._grey)
        frame.planes[2].update(self._grey)
        return frame


_SECOND = struct.pack(
    f"{SAMPLES}f", *(0.05 * math.sin(2 * math.pi * 440 * n / SAMPLES) for n in range(SAMPLES))
)


def tone(number: int, samples: int = 1024) -> av.AudioFrame:
    """A quiet A (440 Hz, so every second is like the one before): audio frame `number`."""
    start = number * samples
    at = start % SAMPLES * 4
    frame = av.AudioFrame(format="fltp", layout="mono", samples=samples)
    frame.planes[0].update((_SECOND + _SECOND)[at : at + samples * 4])
    frame.sample_rate, frame.pts, frame.time_base = SAMPLES, start, Fraction(1, SAMPLES)
    return frame


def send(
    url: str, seconds: float, gop: float = 2.0, container: str = "flv", height: int = HEIGHT
) -> None:
    """Publish to a URL in real time: 720p30 or as high as said, a key frame every `gop` s."""
    interval = round(gop * RATE)
    options = {
        "preset": "veryfast",
        "tune": "zerolatency",
        "x264-params": f"keyint={interval}:min-keyint={interval}:scenecut=0",
        "threads": "1",
    }
    flags = {"flvflags": "no_duration_filesize"}
    with av.open(url, "w", format=container, container_options=flags) as output:
        video = output.add_stream("libx264", rate=RATE, options=options)
        picture, sounds = Picture(height), 0
        video.width, video.height, video.pix_fmt = picture.width, height, "yuv420p"
        video.bit_rate, video.time_base = 2_500_000, Fraction(1, RATE)
        audio = output.add_stream("aac", rate=SAMPLES, layout="mono")
        audio.bit_rate = 96_000
        for number in _frames_in_real_time(seconds):
            while sounds * 1024 / SAMPLES <= number / RATE:
                output.mux(audio.encode(tone(sounds)))
                sounds += 1
            frame = picture.draw(number, time.time_ns() // 1_000_000)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        output.mux(audio.encode(None))


def _frames_in_real_time(seconds: float) -> Iterator[int]:
    started = time.monotonic()
    for number in range(round(seconds * RATE)):
        time.sleep(max(0.0, started + number / RATE - time.monotonic()))
        yield number


def main() -> None:
    """Publish until the time is over or the server hangs up."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("url", help="RTMP URL with the stream key")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--gop", type=float, default=2.0, help="seconds between key frames")
    parser.add_argument("--height", type=int, default=HEIGHT, help="of the picture, in pixels")
    arguments = parser.parse_args()
    send(arguments.url, arguments.seconds, arguments.gop, height=arguments.height)


if __name__ == "__main__":
    main()

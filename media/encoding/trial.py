"""Tries what a driver may crash at. Run as a process of its own by `probe`."""

import asyncio
import os
import sys
import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import msgspec
from av.video.frame import PictureType, VideoFrame

from media.encoding import synthetic
from media.encoding.decoding import Decoder
from media.encoding.encoders import HARDWARE, Encoder, Encoders, Shape, Unencodable
from media.encoding.feeding import Undecodable
from media.encoding.ladder import Ladder
from media.encoding.outputs import Measured, SourcePart, Target
from media.encoding.reading import read_fragment, read_init
from media.encoding.sizes import macroblocks

_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
SECONDS: Final = 2.0
"""For how long speed is measured."""
_SOURCE: Final = (1280, 720, 30)
_TARGETS: Final = (
    Target("480p30", 854, 480, 30, 1_500_000),
    Target("360p30", 640, 360, 30, 800_000),
    Target("160p30", 284, 160, 30, 400_000),
)


class Speed(msgspec.Struct, frozen=True):
    """What was measured."""

    macroblocks: float
    """Encoded in a second by the whole machine, with the decoding that it took."""
    decoding: float
    """What a macroblock costs to decode, against one that is encoded."""


def encode(name: str) -> None:
    """Encode pictures as a rung does. Raises Unencodable."""
    encoder = Encoder(name, Shape(320, 180, 30, 400_000))
    coded = []
    for number in range(3):
        frame = VideoFrame(320, 180, encoder.pixels)
        for plane in frame.planes:
            plane.update(bytes([64 + 32 * number]) * plane.buffer_size)
        frame.pts, frame.time_base = number * 3000, Fraction(1, 90_000)
        frame.pict_type = PictureType.NONE if number else PictureType.I
        coded += encoder.encode(frame)
    coded += encoder.encode(None)
    if len(coded) != 3 or not coded[0].key or not encoder.configuration:
        raise Unencodable(f"{name} gave {len(coded)} pictures of 3")


def measure(name: str, device: str) -> Speed:
    """How fast ladders are that run on all cores at once, as fast as they can."""
    parts = synthetic.segment(*_SOURCE, seconds=1.0)
    return asyncio.run(_measure(Encoders((name,), device), parts, _decoding(parts, device)))


def decode(device: str) -> float:
    """Processor seconds to decode a macroblock on a device, the way of its pictures back included.

    Raises FFmpegError if it cannot.
    """
    return _decoding(synthetic.segment(*_SOURCE, seconds=1.0), device)


def _decoding(parts: list[SourcePart], device: str = "") -> float:
    """Processor seconds to decode a macroblock."""
    tracks = read_init(parts[0].init)
    assert tracks.video is not None
    decoder = Decoder(tracks.video.video.configuration, device)
    samples = [sample for part in parts for sample in read_fragment(tracks, part.data).video]
    began = time.process_time()
    for sample in samples:
        if any(frame is None for frame, _ in decoder.decode(sample)):
            raise Undecodable(f"{device or 'the processor'} lost a picture")
    return (time.process_time() - began) / (len(samples) * macroblocks(*_SOURCE[:2]))


async def _measure(encoders: Encoders, parts: list[SourcePart], decode_seconds: float) -> Speed:
    processors = cores()
    began = time.perf_counter()
    ladders = [_run(encoders, parts, began + SECONDS) for _ in range(max(1, round(processors)))]
    found = await asyncio.gather(*ladders)
    took = time.perf_counter() - began
    measured = [one for ladder in found for one in ladder]
    sizes = {target.name: macroblocks(target.width, target.height) for target in _TARGETS}
    encoded = sum(one.frames * sizes[one.rendition] for one in measured)
    frames = sum(one.frames for one in measured if one.rendition == _TARGETS[0].name)
    decoded = frames * macroblocks(*_SOURCE[:2])
    name = encoders.names[0]
    if not encoded:
        raise Unencodable(f"{name} made no segment within {took:.0f} s")
    used = sum(one.cpu_seconds for one in measured)
    spent = used + sum(one.gpu_seconds for one in measured)
    decoding = decode_seconds * encoded / max(spent - decoded * decode_seconds, 1e-9)
    # Of a processor what counts is what it could do: other programs that start at the same time
    # will not be there for ever. How far a GPU goes, only the clock tells.
    seconds = took if name in HARDWARE else used / processors
    return Speed((encoded + decoded * decoding) / seconds, decoding)


def cores() -> float:
    """Processors that this process may use: by affinity, and by its control group's quota."""
    usable = float(len(os.sched_getaffinity(0)))
    with suppress(OSError, ValueError):
        quota, period = _QUOTA.read_text().split()
        usable = min(usable, int(quota) / int(period))
    return usable


async def _run(encoders: Encoders, parts: list[SourcePart], until: float) -> list[Measured]:
    """One stream, as fast as it goes."""
    ladder = Ladder(_TARGETS, encoders=encoders)

    async def take() -> list[Measured]:
        return [made async for made in ladder.outputs() if isinstance(made, Measured)]

    taking = asyncio.create_task(take())
    number = 0
    while time.perf_counter() < until:
        for part in parts:
            await ladder.feed(msgspec.structs.replace(part, media_sequence=number))
        number += 1
    await ladder.close()
    return await taking


def main() -> None:
    """Run the trial of the arguments: `encode ENCODER`, `decode DEVICE`, `measure ENCODER DEVICE`.

    No device: the processor.
    """
    what, name, *device = sys.argv[1:]
    try:
        match what:
            case "encode":
                encode(name)
            case "decode":
                sys.stdout.buffer.write(msgspec.json.encode(decode(name)))
            case _:
                sys.stdout.buffer.write(msgspec.json.encode(measure(name, *device)))
    except (Unencodable, Undecodable, av.FFmpegError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

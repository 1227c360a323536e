"""Small recordings with a number in every picture, and what ladders make of them."""

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from math import pi, sin
from struct import pack

import av
import msgspec
from av.audio.frame import AudioFrame
from av.video.frame import PictureType, VideoFrame

from media import flv
from media.encoding.ladder import Ladder
from media.encoding.outputs import Measured, Produced, RungFailed, SourcePart, Target
from media.packaging.outputs import Limits, Opened, Part, Segment
from media.packaging.packager import Packager

EPOCH = 1_700_000_000_000_000
BITS = 8
"""A picture's number, written in this many columns."""
SMALL = Target("90p30", 160, 90, 30, 200_000)
SMALLER = Target("48p30", 86, 48, 30, 100_000)


@dataclass(frozen=True)
class Clip:
    """What to record. Times in seconds."""

    width: int = 320
    height: int = 180
    rate: int = 30
    seconds: float = 4.0
    gop: int = 60
    more_keys: tuple[int, ...] = ()
    layout: str = ""
    aspect: tuple[int, int] = (1, 1)
    options: tuple[tuple[str, str], ...] = (("bf", "0"), ("sc_threshold", "0"))
    times: tuple[int, ...] = ()
    """Of pictures, in milliseconds; else they come at the rate."""
    no_video: bool = False
    first_number: int = 0


def picture(clip: Clip, number: int) -> VideoFrame:
    """Columns that are white or black by the bits of the number, above a gradient."""
    frame = VideoFrame(clip.width, clip.height, "yuv420p")
    luma = frame.planes[0]
    column = clip.width / BITS
    top = bytes(
        210 if number >> min(BITS - 1, int(x / column)) & 1 else 40 for x in range(clip.width)
    )
    bottom = bytes(60 + (x * 120 // clip.width + number * 3) % 120 for x in range(clip.width))
    pad = bytes(luma.line_size - clip.width)
    half = clip.height // 2
    luma.update((top + pad) * half + (bottom + pad) * (clip.height - half))
    for plane, value in zip(frame.planes[1:], (110, 150), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    return frame


def number_in(frame: VideoFrame) -> int:
    """The number of a picture."""
    grey = frame.reformat(format="gray")
    plane = grey.planes[0]
    data, row = bytes(plane), grey.height // 4
    middles = (int((bit + 0.5) * grey.width / BITS) for bit in range(BITS))
    return sum(1 << bit for bit, x in enumerate(middles) if data[row * plane.line_size + x] > 125)


def recording(clip: Clip) -> bytes:
    """It as FLV."""
    target = io.BytesIO()
    with av.open(target, "w", format="flv") as output:
        if not clip.no_video:
            video = output.add_stream("libx264", rate=clip.rate, options=dict(clip.options))
            video.width, video.height, video.pix_fmt = clip.width, clip.height, "yuv420p"
            video.gop_size = clip.gop
            video.codec_context.time_base = Fraction(1, 1000)
            video.codec_context.sample_aspect_ratio = Fraction(*clip.aspect)
            video.thread_count = 1
        if clip.layout:
            audio = output.add_stream("aac", rate=48_000)
            audio.layout = clip.layout
        packets = []
        if not clip.no_video:
            times = clip.times or [
                round(1000 * index / clip.rate) for index in range(round(clip.seconds * clip.rate))
            ]
            for index, at in enumerate(times):
                frame = picture(clip, (clip.first_number + index) % (1 << BITS))
                frame.pts, frame.time_base = at, Fraction(1, 1000)
                if index in clip.more_keys:
                    frame.pict_type = PictureType.I
                packets += video.encode(frame)
            packets += video.encode(None)
        if clip.layout:
            for frame in tone(clip.layout, clip.seconds):
                packets += audio.encode(frame)
            packets += audio.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            output.mux(packet)
    return target.getvalue()


def tone(layout: str, seconds: float, rate: int = 48_000) -> Iterable[AudioFrame]:
    """A sine of 500 Hz in all channels."""
    for start in range(0, round(seconds * rate), 1024):
        frame = AudioFrame(format="fltp", layout=layout, samples=1024)
        wave = pack("<1024f", *(0.25 * sin(2 * pi * 500 * (start + i) / rate) for i in range(1024)))
        for plane in frame.planes:
            plane.update(wave)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield frame


@cache
def source(clip: Clip, session: str = "one", first: int = 0) -> tuple[SourcePart, ...]:
    """The recording's parts, as the packager makes them."""
    return packaged(recording(clip), session, first)


def packaged(data: bytes, session: str = "one", first: int = 0) -> tuple[SourcePart, ...]:
    """The parts of an FLV file."""
    packager = Packager(Limits(), first)
    made = []
    for tag in flv.read_tags(data):
        made += packager.feed(tag, EPOCH + tag.timestamp * 1000)
    made += packager.finish()
    parts, opened = [], None
    for output in made:
        if isinstance(output, Opened):
            opened = output
        elif isinstance(output, Part):
            assert opened is not None
            fields = msgspec.structs.asdict(output)
            parts.append(
                SourcePart(
                    **fields,
                    init=opened.init,
                    frame_rate=opened.frame_rate,
                    part_target=opened.part_target,
                    session=session,
                )
            )
    return tuple(parts)


@dataclass
class Made:
    """What a ladder made of one rendition."""

    opened: list[Opened] = field(default_factory=list)
    recipes: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    failed: list[RungFailed] = field(default_factory=list)

    def media(self, sequence: int | None = None) -> bytes:
        """Init and parts, of one segment or of all."""
        return self.opened[0].init + b"".join(
            part.data for part in self.parts if sequence in (None, part.media_sequence)
        )

    def digests(self) -> dict[int, str]:
        """By segment."""
        return {one.media_sequence: one.digest for one in self.measured}


async def transcode(
    parts: Sequence[SourcePart], *targets: Target, ended: bool = True, **arguments
) -> dict[str, Made]:
    """What a ladder makes of the parts, by rendition."""
    ladder = Ladder(targets, **arguments)
    made: dict[str, Made] = defaultdict(Made)

    async def feed() -> None:
        for part in parts:
            await ladder.feed(part)
        await ladder.close(ended=ended)

    await together(ladder, made, feed)
    return made


async def together(ladder: Ladder, made: dict[str, Made], feed) -> None:
    """Feed a ladder while taking what it makes."""
    import asyncio

    feeding = asyncio.create_task(feed())
    try:
        async for output in ladder.outputs():
            keep(made, output)
    finally:
        feeding.cancel()


def keep(made: dict[str, Made], output: Produced | Measured | RungFailed) -> None:
    """Sort an output."""
    of = made[output.rendition]
    match output:
        case Measured():
            of.measured.append(output)
        case RungFailed():
            of.failed.append(output)
        case Produced(output=Opened() as opened):
            of.opened.append(opened)
            of.recipes.append(output.recipe)
        case Produced(output=Part() as part):
            of.parts.append(part)
        case Produced(output=Segment() as segment):
            of.segments.append(segment)


def frames(data: bytes) -> list[VideoFrame]:
    """Decoded pictures."""
    with av.open(io.BytesIO(data)) as container:
        return list(container.decode(video=0))


def packets(data: bytes, kind: str) -> list[tuple[int, int, int, bool, bytes]]:
    """pts, dts and duration in the track's ticks, whether it is a key frame, and its bytes."""
    with av.open(io.BytesIO(data)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return [
            (packet.pts, packet.dts, packet.duration, packet.is_keyframe, bytes(packet))
            for packet in container.demux(stream)
            if packet.size
        ]


def of_source(parts: Sequence[SourcePart], sequence: int | None = None) -> bytes:
    """Init and parts of a source."""
    return parts[0].init + b"".join(
        part.data for part in parts if sequence in (None, part.media_sequence)
    )

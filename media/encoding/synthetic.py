"""A moving picture out of nothing, as the parts of a source: to measure with."""

from collections.abc import Iterator
from fractions import Fraction

from av.filter import Graph
from av.video.frame import PictureType, VideoFrame

from media.encoding.encoders import Coded, Encoder, Shape
from media.encoding.outputs import SourcePart
from media.packaging.boxes import (
    VIDEO_TIMESCALE,
    VIDEO_TRACK,
    Sample,
    Track,
    avc1,
    fragment,
    init_segment,
)

_PART = 0.1


def pictures(width: int, height: int, frame_rate: int, count: int) -> Iterator[VideoFrame]:
    """Pictures with edges, gradients, motion and some noise: about as hard as a game."""
    graph = Graph()
    size = f"size={width}x{height}:rate={frame_rate}"
    nodes = [
        graph.add("testsrc2", size),
        graph.add("noise", "alls=6:allf=t:all_seed=1"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    for number in range(count):
        frame = graph.pull()
        assert isinstance(frame, VideoFrame)
        frame.pts = number * VIDEO_TIMESCALE // frame_rate
        frame.time_base = Fraction(1, VIDEO_TIMESCALE)
        frame.pict_type = PictureType.NONE if number else PictureType.I
        yield frame


def segment(width: int, height: int, frame_rate: int, seconds: float) -> list[SourcePart]:
    """The parts of a segment of that, without sound."""
    bitrate = width * height * frame_rate // 10
    encoder = Encoder("libx264", Shape(width, height, frame_rate, bitrate))
    coded: list[Coded] = []
    for frame in pictures(width, height, frame_rate, round(seconds * frame_rate)):
        coded += encoder.encode(frame)
    entry = avc1(width, height, encoder.configuration, (1, 1))
    init = init_segment([Track(VIDEO_TRACK, VIDEO_TIMESCALE, entry, width, height)])
    each = max(1, round(_PART * frame_rate))
    groups = [coded[start : start + each] for start in range(0, len(coded), each)]
    ticks = VIDEO_TIMESCALE // frame_rate
    return [
        SourcePart(
            media_sequence=0,
            part=number,
            init=init,
            data=fragment(
                number + 1,
                [(VIDEO_TRACK, [Sample(one.at, 0, ticks, one.key, one.data) for one in group])],
            ),
            duration=len(group) / frame_rate,
            media_time=group[0].at / VIDEO_TIMESCALE,
            program_date_time=0,
            independent=number == 0,
            last=number == len(groups) - 1,
            frame_rate=frame_rate,
            part_target=_PART,
        )
        for number, group in enumerate(groups)
    ]

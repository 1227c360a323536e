"""Makes pictures smaller, and turns them as their recording asks for."""

from typing import Final

from av.filter import Graph
from av.video.frame import VideoFrame

_TURNS: Final = {90: ("cclock",), 180: ("clock", "clock"), 270: ("clock",)}
"""Quarter turns by degrees against the clock, as a display matrix says them."""


class Scaler:
    """Scales pictures to one size. A filter graph, which uses its buffers again: PyAV's
    `reformat` costs half as much again, and changes the picture that it is given meanwhile.
    """

    def __init__(self, width: int, height: int, pixels: str, rotation: int) -> None:
        self._size, self._pixels = (width, height), pixels
        self._turns = _TURNS.get(rotation % 360, ())
        self._of: tuple[int, int, str] | None = None
        self._graph = Graph()

    def scale(self, frame: VideoFrame) -> VideoFrame:
        """The picture in that size, upright; its time and type are kept."""
        of = frame.width, frame.height, frame.format.name
        if of != self._of:
            self._graph, self._of = self._build(frame), of
        self._graph.push(frame)
        scaled = self._graph.pull()
        assert isinstance(scaled, VideoFrame)
        scaled.pts, scaled.time_base, scaled.pict_type = frame.pts, frame.time_base, frame.pict_type
        return scaled

    def _build(self, frame: VideoFrame) -> Graph:
        width, height = self._size if len(self._turns) != 1 else self._size[::-1]
        graph = Graph()
        graph.threads = 1
        nodes = [
            graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base,
            ),
            graph.add("scale", f"{width}:{height}:flags=bicubic"),
            *(graph.add("transpose", f"dir={turn}") for turn in self._turns),
            *([graph.add("format", self._pixels)] if frame.format.name != self._pixels else []),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*nodes).configure()
        return graph

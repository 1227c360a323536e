"""Turns pictures as their recording asks for."""

from typing import Final

from av.filter import Graph
from av.video.frame import VideoFrame

_FILTERS: Final = {90: ("cclock",), 180: ("clock", "clock"), 270: ("clock",)}
"""By degrees against the clock, as a display matrix says them."""


def turned(frame: VideoFrame, rotation: int) -> VideoFrame:
    """The frame turned by whole quarters against the clock; other angles leave it as it is."""
    directions = _FILTERS.get(rotation % 360)
    if directions is None:
        return frame
    graph = Graph()
    nodes = [
        graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
    ]
    nodes += [graph.add("transpose", f"dir={direction}") for direction in directions]
    nodes.append(graph.add("buffersink"))
    graph.link_nodes(*nodes).configure()
    graph.push(frame)
    result = graph.pull()
    assert isinstance(result, VideoFrame)
    result.pts, result.time_base, result.pict_type = frame.pts, frame.time_base, frame.pict_type
    return result

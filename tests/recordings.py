"""Recordings for tests, and what a publisher would send of them."""

import io
from functools import cache
from pathlib import Path

import av

from media import flv

FOLDER = Path(__file__).parent / "data" / "recordings"
PLAYABLE = tuple(sorted(path.name for path in FOLDER.glob("*.*4*") if "corrupt" not in path.name))
PLAYABLE = (*PLAYABLE, "bbb_360p_10s.flv")


@cache
def tags(name: str) -> tuple[flv.Tag, ...]:
    """The FLV tags of a recording, remuxed and not re-encoded."""
    target = io.BytesIO()
    with av.open(str(FOLDER / name)) as source, av.open(target, "w", format="flv") as output:
        streams = {
            stream.index: output.add_stream_from_template(stream)
            for stream in source.streams
            if stream.type in ("video", "audio")
        }
        for packet in source.demux():
            if packet.dts is not None and packet.stream.index in streams:
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
    return tuple(flv.read_tags(target.getvalue()))

"""Publishes a file with PyAV: `python -m tests.pyav_publisher FILE URL`.

A program of its own, since opening an output holds the interpreter's lock until the server answers.
"""

import sys

import av


def publish(path: str, url: str) -> None:
    """Send every packet of a file, not re-encoded and as fast as the server takes them."""
    with av.open(path) as source, av.open(url, "w", format="flv") as target:
        streams = {
            stream.index: target.add_stream_from_template(stream)
            for stream in source.streams
            if stream.type in ("video", "audio")
        }
        for packet in source.demux():
            if packet.dts is not None and packet.stream.index in streams:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)


if __name__ == "__main__":
    publish(sys.argv[1], sys.argv[2])

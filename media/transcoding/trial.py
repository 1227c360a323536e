"""Tries what a driver may crash at. Run as a process of its own by `probe`."""

import sys
from fractions import Fraction

from av.video.frame import PictureType, VideoFrame

from media.transcoding.encoders import Encoder, Shape, Unencodable


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


def main() -> None:
    """Run the trial named in the arguments."""
    what, name = sys.argv[1:3]
    try:
        {"encode": encode}[what](name)
    except Unencodable as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

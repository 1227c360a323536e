"""Opens H.264 encoders, each with the options that make live segments of it."""

import hashlib
import time
from fractions import Fraction
from typing import Final

import av
import msgspec
from av.codec.context import Flags
from av.video.frame import VideoFrame

from media import levels
from media.packaging import codecs
from media.packaging.boxes import VIDEO_TIMESCALE

HARDWARE: Final = ("h264_nvenc", "h264_qsv", "h264_vaapi")
ORDER: Final = (*HARDWARE, "libx264")
"""Best first."""
REPEATABLE: Final = frozenset({"libx264"})
"""Those that give the same bytes for the same pictures."""

_OPTIONS: Final[dict[str, dict[str, str]]] = {
    # Of veryfast, without a lookahead, little is left but a finer search: 0.1 to 0.2 dB of PSNR
    # for half as much processor time again (benchmarks/ladder.py).
    "libx264": {
        "preset": "superfast",
        "tune": "zerolatency",
        "forced-idr": "1",
        "sc_threshold": "0",
    },
    "h264_nvenc": {
        "preset": "p4",
        "tune": "ull",
        "rc": "cbr",
        "zerolatency": "1",
        "delay": "0",
        "forced-idr": "1",
        "no-scenecut": "1",
        "strict_gop": "1",
    },
    "h264_qsv": {
        "preset": "veryfast",
        "async_depth": "1",
        "forced_idr": "1",
        "look_ahead": "0",
        "scenario": "livestreaming",
    },
    "h264_vaapi": {"async_depth": "1", "rc_mode": "CBR"},
}
_PIXELS: Final = {"h264_nvenc": "nv12", "h264_qsv": "nv12", "h264_vaapi": "nv12"}
_PARAMETERS: Final = (7, 8)
_NOTES: Final = b"\x06\x05"
"""A user data SEI: what an encoder says of itself."""


class Encoders(msgspec.Struct, frozen=True):
    """What a machine can encode with."""

    names: tuple[str, ...] = ("libx264",)
    """Best first."""
    decoder: str = ""
    """Device that decodes faster than the processor; empty: none."""


class Shape(msgspec.Struct, frozen=True):
    """What an encoder makes."""

    width: int
    height: int
    frame_rate: float
    bitrate: int
    colours: tuple[int, int, int, int] = (2, 2, 2, 0)
    """Primaries, transfer, matrix, range, as in ITU-T H.273 and FFmpeg."""


class Coded(msgspec.Struct, frozen=True, gc=False):
    """A coded picture."""

    at: int
    key: bool
    data: bytes


class Unencodable(Exception):
    """An encoder cannot be opened, or cannot go on."""


def recipe(name: str, *what: object) -> str:
    """Digest of an encoder, its version, its options and what else decides about its bytes."""
    parts = (name, av.__version__, av.library_versions, sorted(_OPTIONS[name].items()), *what)
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def level(shape: Shape) -> int:
    """The lowest level of High profile that allows it, times ten."""
    return levels.level(shape.width, shape.height, shape.frame_rate, shape.bitrate)


class Encoder:
    """One segment's encoder of a rung. Every failure is Unencodable."""

    def __init__(self, name: str, shape: Shape) -> None:
        self.name = name
        self.pixels = _PIXELS.get(name, "yuv420p")
        self.busy = 0.0
        """Seconds in calls of the codec."""
        self._size = shape.width, shape.height
        self._configuration = b""
        try:
            self._context = _open(name, shape, self.pixels)
        except (av.FFmpegError, ValueError) as error:
            raise Unencodable(f"{name} cannot be opened: {_said(error)}") from error
        if self._context.extradata:
            self._configure(_units(bytes(self._context.extradata)))

    @property
    def configuration(self) -> bytes:
        """The AVCDecoderConfigurationRecord; known with the first coded picture at the latest."""
        if not self._configuration:
            raise Unencodable(f"{self.name} gave no parameter sets")
        return self._configuration

    def encode(self, frame: VideoFrame | None) -> list[Coded]:
        """Take a picture (its pts in ticks); None at the end."""
        began = time.perf_counter()
        try:
            packets = list(self._context.encode(frame))
        except (av.FFmpegError, ValueError) as error:
            raise Unencodable(f"{self.name} cannot go on: {_said(error)}") from error
        self.busy += time.perf_counter() - began
        return [self._coded(packet) for packet in packets]

    def _coded(self, packet: av.Packet) -> Coded:
        units = _units(bytes(packet))
        if not self._configuration:
            self._configure(units)
        kept = [
            unit
            for unit in units
            if unit[0] & 31 not in _PARAMETERS and not unit.startswith(_NOTES)
        ]
        data = b"".join(len(unit).to_bytes(4, "big") + unit for unit in kept)
        return Coded(int(packet.pts), bool(packet.is_keyframe), data)

    def _configure(self, units: list[bytes]) -> None:
        sequence = [unit for unit in units if unit[0] & 31 == 7]
        picture = [unit for unit in units if unit[0] & 31 == 8]
        if sequence and picture:
            self._configuration = _avcc(sequence[0], picture[0])
            said = codecs.parse_video(self._configuration)
            if (said.width, said.height) != self._size:
                raise Unencodable(f"{self.name} makes {said.width}x{said.height}")


def _said(error: Exception) -> str:
    """What went wrong, without the options that PyAV adds."""
    return str(getattr(error, "strerror", None) or error)


def _open(name: str, shape: Shape, pixels: str) -> av.VideoCodecContext:
    context = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = shape.width, shape.height, pixels
    context.time_base = Fraction(1, VIDEO_TIMESCALE)
    context.framerate = Fraction(shape.frame_rate).limit_denominator(1001)
    context.bit_rate = shape.bitrate
    context.thread_count = 1
    context.gop_size = 1 << 20
    context.max_b_frames = 0
    context.sample_aspect_ratio = Fraction(1)
    context.color_primaries, context.color_trc = shape.colours[:2]
    context.colorspace, context.color_range = shape.colours[2:]
    context.flags |= Flags.global_header
    context.options = {
        **_OPTIONS[name],
        "profile": "high",
        "level": f"{level(shape) / 10:.1f}",
        "maxrate": str(levels.peak(shape.bitrate)),
        "bufsize": str(shape.bitrate),
    }
    context.open()
    return context


def _units(data: bytes) -> list[bytes]:
    """NAL units of a byte stream (ITU-T H.264, annex B)."""
    units = []
    start = data.find(b"\0\0\1")
    while start >= 0:
        following = data.find(b"\0\0\1", start + 3)
        unit = data[start + 3 : following if following >= 0 else len(data)].rstrip(b"\0")
        if unit:
            units.append(unit)
        start = following
    return units


def _avcc(sequence: bytes, picture: bytes) -> bytes:
    """AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1), lengths of four bytes."""
    return b"".join(
        (
            bytes((1, *sequence[1:4], 0xFF, 0xE1)),
            len(sequence).to_bytes(2, "big"),
            sequence,
            b"\1",
            len(picture).to_bytes(2, "big"),
            picture,
            b"\xfd\xf8\xf8\0" if sequence[1] in (100, 110, 122, 144) else b"",
        )
    )

"""Reads what decoders are told: H.264 sequence parameter sets and AAC configurations.

ISO/IEC 14496-10, 7.3.2.1.1 and annex E; 14496-15, 5.3.3.1 (avcC); 14496-3, 1.6.2.1.
"""

from typing import Final

import msgspec

from infra.errors import Refused

MAX_SIDE: Final = 8192

_HIGH_PROFILES: Final = {44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244}
_ASPECTS: Final = (
    (1, 1), (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11),
    (80, 33), (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1),
)  # fmt: skip
_SAMPLE_RATES: Final = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip
_CHANNELS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 14: 8}


class Video(msgspec.Struct, frozen=True):
    """Parameters of an H.264 track."""

    codec: str
    """RFC 6381 string: avc1.PPCCLL."""
    width: int
    height: int
    aspect: tuple[int, int]
    """Width and height of a pixel."""
    frame_rate: float
    """As the sequence parameter set says; 0 if it does not."""
    configuration: bytes
    """The AVCDecoderConfigurationRecord."""


class Audio(msgspec.Struct, frozen=True):
    """Parameters of an AAC track."""

    codec: str
    """RFC 6381 string: mp4a.40.N."""
    sample_rate: int
    """Of the core decoder; HE-AAC doubles it on output."""
    channels: int
    frame_samples: int
    """Samples in a frame at `sample_rate`."""
    configuration: bytes
    """The AudioSpecificConfig."""


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def read(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the configuration ends too early")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def unsigned(self) -> int:
        """Exp-Golomb (14496-10, 9.1)."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("a number in the configuration is too long")
        return (1 << zeros) - 1 + self.read(zeros)

    def signed(self) -> int:
        value = self.unsigned()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def parse_video(configuration: bytes) -> Video:
    """Read an AVCDecoderConfigurationRecord. Raises Refused if it cannot be played."""
    try:
        return _parse_video(configuration)
    except (ValueError, IndexError) as error:
        raise Refused(
            "unsupported_media", f"the H.264 sequence header cannot be read: {error}"
        ) from error


def _parse_video(configuration: bytes) -> Video:
    if configuration[0] != 1:
        raise ValueError(f"version {configuration[0]}, must be 1")
    if not configuration[5] & 31:
        raise ValueError("it holds no sequence parameter set")
    size = int.from_bytes(configuration[6:8], "big")
    sps = configuration[8 : 8 + size]
    if len(sps) < max(size, 4) or sps[0] & 31 != 7:
        raise ValueError("the sequence parameter set is cut short")
    profile, level = sps[1], sps[3]
    bits = _Bits(sps[4:].replace(b"\0\0\3", b"\0\0"))
    bits.unsigned()
    chroma = _chroma(bits) if profile in _HIGH_PROFILES else 1
    if chroma != 1:
        raise Refused(
            "unsupported_media",
            "browsers play H.264 with 4:2:0 colour only; in OBS: Settings → Advanced → "
            "Color Format: NV12",
        )
    width, height = _frame_size(bits)
    if not 16 <= width <= MAX_SIDE or not 16 <= height <= MAX_SIDE:
        raise ValueError(f"a picture of {width}x{height}; sides must be 16 to {MAX_SIDE}")
    aspect, frame_rate = _usability(bits) if bits.read(1) else ((1, 1), 0.0)
    codec = f"avc1.{profile:02X}{sps[2]:02X}{level:02X}"
    return Video(codec, width, height, aspect, frame_rate, configuration)


def _chroma(bits: _Bits) -> int:
    chroma = bits.unsigned()
    if chroma == 3:
        bits.read(1)
    bits.unsigned()
    bits.unsigned()
    bits.read(1)
    if bits.read(1):
        for index in range(8 if chroma != 3 else 12):
            if bits.read(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    scale = 8
    for _ in range(size):
        scale = (scale + bits.signed()) % 256
        if not scale:
            return


def _frame_size(bits: _Bits) -> tuple[int, int]:
    bits.unsigned()
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.read(1)
        bits.signed()
        bits.signed()
        count = bits.unsigned()
        if count > 255:
            raise ValueError(f"{count} frames in a picture order cycle, at most 255")
        for _ in range(count):
            bits.signed()
    bits.unsigned()
    bits.read(1)
    width = 16 * (bits.unsigned() + 1)
    map_units = bits.unsigned() + 1
    progressive = bits.read(1)
    height = 16 * map_units * (2 - progressive)
    if not progressive:
        bits.read(1)
    bits.read(1)
    if bits.read(1):
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width -= 2 * (left + right)
        height -= 2 * (top + bottom) * (2 - progressive)
    return width, height


def _usability(bits: _Bits) -> tuple[tuple[int, int], float]:
    """Pixel aspect and frame rate from the video usability information (14496-10, E.1.1)."""
    aspect = (1, 1)
    if bits.read(1):
        index = bits.read(8)
        if index == 255:
            aspect = bits.read(16), bits.read(16)
        elif index < len(_ASPECTS):
            aspect = _ASPECTS[index]
    if bits.read(1):
        bits.read(1)
    if bits.read(1):
        bits.read(4)
        if bits.read(1):
            bits.read(24)
    if bits.read(1):
        bits.unsigned()
        bits.unsigned()
    frame_rate = 0.0
    if bits.read(1):
        units, scale = bits.read(32), bits.read(32)
        if units:
            frame_rate = scale / (2 * units)
    return aspect if all(aspect) else (1, 1), frame_rate


def parse_audio(configuration: bytes) -> Audio:
    """Read an AudioSpecificConfig. Raises Refused if it cannot be played."""
    try:
        return _parse_audio(configuration)
    except ValueError as error:
        raise Refused(
            "unsupported_media", f"the AAC configuration cannot be read: {error}"
        ) from error


def _parse_audio(configuration: bytes) -> Audio:
    if len(configuration) > 64:
        raise ValueError(f"{len(configuration)} bytes, at most 64")
    bits = _Bits(configuration)
    kind = _object_type(bits)
    rate = _sample_rate(bits)
    layout = bits.read(4)
    core = kind
    if kind in (5, 29):
        _sample_rate(bits)
        core = _object_type(bits)
    if core != 2:
        raise ValueError(f"audio object type {core}; AAC-LC and HE-AAC are supported")
    if layout not in _CHANNELS:
        raise ValueError(f"channel configuration {layout}; use stereo, 5.1 or 7.1")
    short = bits.read(1)
    channels = 2 if kind == 29 else _CHANNELS[layout]
    return Audio(f"mp4a.40.{kind}", rate, channels, 960 if short else 1024, configuration)


def _object_type(bits: _Bits) -> int:
    kind = bits.read(5)
    return 32 + bits.read(6) if kind == 31 else kind


def _sample_rate(bits: _Bits) -> int:
    index = bits.read(4)
    if index == 15:
        rate = bits.read(24)
        if not 7000 <= rate <= 192_000:
            raise ValueError(f"a sample rate of {rate} Hz")
        return rate
    if index >= len(_SAMPLE_RATES):
        raise ValueError(f"sample rate index {index}")
    return _SAMPLE_RATES[index]

"""Writes the ISO base media boxes of an init segment and of a media fragment (ISO/IEC 14496-12).

Written here and not by a muxer, because a part must be a pure function of its samples: decode
times are ours to the tick, no edit list shifts a track, nothing is left over from part to part.
"""

import struct
from collections.abc import Sequence
from typing import Final

import msgspec

VIDEO_TRACK: Final = 1
AUDIO_TRACK: Final = 2
VIDEO_TIMESCALE: Final = 90_000

_SYNC: Final = 0x02000000  # depends on no other sample
_NOT_SYNC: Final = 0x01010000  # depends on others, is not a sync sample
_MATRIX: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


class Sample(msgspec.Struct, frozen=True, gc=False):
    """A coded frame, its times in ticks of its track."""

    dts: int
    composition: int
    """pts - dts."""
    duration: int
    sync: bool
    data: bytes


class Track(msgspec.Struct, frozen=True):
    """What an init segment says of a track."""

    number: int
    timescale: int
    entry: bytes
    """The sample entry box (avc1, mp4a)."""
    width: int = 0
    height: int = 0


def box(kind: bytes, *payload: bytes) -> bytes:
    """A box of the given type."""
    body = b"".join(payload)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *payload: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *payload)


def avc1(width: int, height: int, configuration: bytes, aspect: tuple[int, int]) -> bytes:
    """Sample entry of H.264 (ISO/IEC 14496-15, 5.4.2); `configuration` goes in as avcC."""
    dpi = 72 << 16
    head = struct.pack(">6xH16xHHIIIH32sHh", 1, width, height, dpi, dpi, 0, 1, b"", 24, -1)
    return box(
        b"avc1",
        head,
        box(b"avcC", configuration),
        b"" if aspect == (1, 1) else box(b"pasp", struct.pack(">II", *aspect)),
    )


def mp4a(channels: int, sample_rate: int, configuration: bytes) -> bytes:
    """Sample entry of AAC (ISO/IEC 14496-14, 5.6); `configuration` is the AudioSpecificConfig."""
    rate = sample_rate if sample_rate < 1 << 16 else 0
    specific = _descriptor(5, configuration)
    decoder = _descriptor(4, struct.pack(">BBxxxII", 0x40, 0x15, 0, 0), specific)
    stream = _descriptor(3, struct.pack(">HB", AUDIO_TRACK, 0), decoder, _descriptor(6, b"\x02"))
    head = struct.pack(">6xH8xHHHHI", 1, channels, 16, 0, 0, rate << 16)
    return box(b"mp4a", head, full_box(b"esds", 0, 0, stream))


def _descriptor(tag: int, *payload: bytes) -> bytes:
    body = b"".join(payload)
    return struct.pack(">BBBBB", tag, 0x80, 0x80, 0x80, len(body)) + body


def init_segment(tracks: Sequence[Track]) -> bytes:
    """ftyp and moov: everything a decoder needs before the first fragment."""
    extends = (
        full_box(b"trex", 0, 0, struct.pack(">5I", track.number, 1, 0, 0, 0)) for track in tracks
    )
    header = struct.pack(">IIIIIH10x36s24xI", 0, 0, 1000, 0, 0x10000, 0x100, _MATRIX, 3)
    return box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6", b"cmfc", b"mp41") + box(
        b"moov",
        full_box(b"mvhd", 0, 0, header),
        *(_track(track) for track in tracks),
        box(b"mvex", *extends),
    )


def _track(track: Track) -> bytes:
    video = track.number == VIDEO_TRACK
    size = struct.pack(">II", track.width << 16, track.height << 16)
    volume = 0 if video else 0x100
    header = struct.pack(">III4xI8xHHHxx36s", 0, 0, track.number, 0, 0, 0, volume, _MATRIX) + size
    handler = (b"vide", b"Video\0") if video else (b"soun", b"Audio\0")
    media_header = full_box(b"vmhd", 0, 1, bytes(8)) if video else full_box(b"smhd", 0, 0, bytes(4))
    reference = full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1))
    return box(
        b"trak",
        full_box(b"tkhd", 0, 7, header),
        box(
            b"mdia",
            full_box(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, track.timescale, 0, 0x55C4, 0)),
            full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, handler[0]), handler[1]),
            box(
                b"minf",
                media_header,
                box(b"dinf", reference),
                box(
                    b"stbl",
                    full_box(b"stsd", 0, 0, struct.pack(">I", 1), track.entry),
                    full_box(b"stts", 0, 0, bytes(4)),
                    full_box(b"stsc", 0, 0, bytes(4)),
                    full_box(b"stsz", 0, 0, bytes(8)),
                    full_box(b"stco", 0, 0, bytes(4)),
                ),
            ),
        ),
    )


def fragment(number: int, tracks: Sequence[tuple[int, Sequence[Sample]]]) -> bytes:
    """moof and mdat with the samples of each (track number, samples); the video's come first."""
    present = [(track, samples) for track, samples in tracks if samples]
    size = 8 + 16 + sum(_traf_size(track, samples) for track, samples in present)
    offset = size + 8
    trafs = []
    for track, samples in present:
        trafs.append(_traf(track, samples, offset))
        offset += sum(len(sample.data) for sample in samples)
    head = box(b"moof", full_box(b"mfhd", 0, 0, struct.pack(">I", number)), *trafs)
    data = [sample.data for _, samples in present for sample in samples]
    return b"".join((head, struct.pack(">I4s", offset - size, b"mdat"), *data))


def _traf_size(track: int, samples: Sequence[Sample]) -> int:
    each = 16 if track == VIDEO_TRACK else 8
    return 8 + (16 if track == VIDEO_TRACK else 20) + 20 + 20 + each * len(samples)


def _traf(track: int, samples: Sequence[Sample], offset: int) -> bytes:
    """tfhd with default-base-is-moof, tfdt with the first decode time, trun with every sample."""
    decode_time = full_box(b"tfdt", 1, 0, struct.pack(">Q", samples[0].dts))
    if track == VIDEO_TRACK:
        header = full_box(b"tfhd", 0, 0x020000, struct.pack(">I", track))
        rows = [
            value
            for sample in samples
            for value in (
                sample.duration,
                len(sample.data),
                _SYNC if sample.sync else _NOT_SYNC,
                sample.composition & 0xFFFFFFFF,
            )
        ]
        flags, version = 0xF01, 1
    else:
        header = full_box(b"tfhd", 0, 0x020020, struct.pack(">II", track, _SYNC))
        rows = [value for sample in samples for value in (sample.duration, len(sample.data))]
        flags, version = 0x301, 0
    table = struct.pack(f">II{len(rows)}I", len(samples), offset, *rows)
    return box(b"traf", header, decode_time, full_box(b"trun", version, flags, table))

"""Reads the init segments and fragments of a source (ISO/IEC 14496-12): its tracks, its samples."""

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from infra.errors import InvalidRecord, Refused
from media.packaging import codecs
from media.packaging.boxes import Sample

_CONTAINERS: Final = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex"}
_MAX_SAMPLES: Final = 100_000


class VideoTrack(msgspec.Struct, frozen=True):
    """The picture of a source."""

    number: int
    timescale: int
    video: codecs.Video
    aspect: tuple[int, int]
    """Width and height of a pixel."""


class AudioTrack(msgspec.Struct, frozen=True):
    """The sound of a source."""

    number: int
    timescale: int
    audio: codecs.Audio
    entry: bytes
    """Its sample entry, as it stands."""


class Tracks(msgspec.Struct, frozen=True):
    """What an init segment says."""

    video: VideoTrack | None
    audio: AudioTrack | None


class Fragment(msgspec.Struct, frozen=True):
    """What a moof and mdat hold."""

    number: int
    """Its sequence number."""
    video: list[Sample]
    audio: list[Sample]


def read_init(init: bytes) -> Tracks:
    """The tracks of an init segment. Raises InvalidRecord."""
    try:
        return _read_init(init)
    except (ValueError, IndexError, struct.error, Refused) as error:
        raise InvalidRecord(f"init segment: {error}") from error


def read_fragment(tracks: Tracks, data: bytes) -> Fragment:
    """The samples of a part, in decoding order. Raises InvalidRecord."""
    try:
        return _read_fragment(tracks, data)
    except (ValueError, IndexError, struct.error) as error:
        raise InvalidRecord(f"fragment: {error}") from error


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the content of every box."""
    while start < end:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        if size < head or start + size > end:
            raise ValueError(f"box {kind!r} of {size} bytes does not fit")
        yield kind, start + head, start + size
        start += size


def _walk(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """All boxes, those within containers after their container."""
    for kind, begin, stop in _boxes(data, start, end):
        yield kind, begin, stop
        if kind in _CONTAINERS:
            yield from _walk(data, begin, stop)


def _read_init(init: bytes) -> Tracks:
    video: VideoTrack | None = None
    audio: AudioTrack | None = None
    number = timescale = 0
    for kind, begin, end in _walk(init, 0, len(init)):
        if kind == b"tkhd":
            (number,) = struct.unpack_from(">I", init, begin + (20 if init[begin] else 12))
        elif kind == b"mdhd":
            (timescale,) = struct.unpack_from(">I", init, begin + (20 if init[begin] else 12))
        elif kind == b"stsd":
            for entry, first, last in _boxes(init, begin + 8, end):
                if entry == b"avc1" and video is None:
                    video = _video(init, first, last, number, timescale)
                elif entry == b"mp4a" and audio is None:
                    audio = _audio(init, first, last, number, timescale)
    if video is None and audio is None:
        raise ValueError("neither H.264 nor AAC in it")
    for track in (video, audio):
        if track is not None and not track.timescale:
            raise ValueError("a timescale of 0")
    return Tracks(video, audio)


def _video(init: bytes, begin: int, end: int, number: int, timescale: int) -> VideoTrack:
    configuration, aspect = b"", (0, 0)
    for kind, first, last in _boxes(init, begin + 78, end):
        if kind == b"avcC":
            configuration = init[first:last]
        elif kind == b"pasp":
            aspect = struct.unpack_from(">II", init, first)
    video = codecs.parse_video(configuration)
    return VideoTrack(number, timescale, video, aspect if all(aspect) else video.aspect)


def _audio(init: bytes, begin: int, end: int, number: int, timescale: int) -> AudioTrack:
    entry = init[begin - 8 : end]
    for kind, first, last in _boxes(init, begin + 28, end):
        if kind == b"esds":
            audio = codecs.parse_audio(_specific(init[first + 4 : last]))
            return AudioTrack(number, timescale, audio, entry)
    raise ValueError("mp4a without esds")


def _specific(data: bytes) -> bytes:
    """The AudioSpecificConfig within nested descriptors (ISO/IEC 14496-1, 7.2.6)."""
    at = 0
    while True:
        tag, size = data[at], 0
        for _ in range(4):
            at += 1
            size = size << 7 | data[at] & 0x7F
            if not data[at] & 0x80:
                break
        at += 1
        if tag == 5:
            return data[at : at + size]
        at += {3: 3, 4: 13}.get(tag, size)


def _read_fragment(tracks: Tracks, data: bytes) -> Fragment:
    number, track, decode_time = 0, 0, 0
    moof = 0
    defaults = (0, 0, 0)
    found: dict[int, list[Sample]] = {}
    for kind, begin, end in _walk(data, 0, len(data)):
        if kind == b"moof":
            moof = begin - 8
        elif kind == b"mfhd":
            (number,) = struct.unpack_from(">I", data, begin + 4)
        elif kind == b"tfhd":
            track, defaults = _defaults(data, begin)
            decode_time = 0
        elif kind == b"tfdt":
            form = ">Q" if data[begin] else ">I"
            (decode_time,) = struct.unpack_from(form, data, begin + 4)
        elif kind == b"trun":
            samples = _run(data, begin, end, moof, decode_time, defaults)
            found.setdefault(track, []).extend(samples)
            decode_time += sum(sample.duration for sample in samples)
    video = found.get(tracks.video.number, []) if tracks.video else []
    audio = found.get(tracks.audio.number, []) if tracks.audio else []
    return Fragment(number, video, audio)


def _defaults(data: bytes, begin: int) -> tuple[int, tuple[int, int, int]]:
    """tfhd: track, and duration, size and flags of samples that do not say their own."""
    flags = int.from_bytes(data[begin + 1 : begin + 4], "big")
    (track,) = struct.unpack_from(">I", data, begin + 4)
    at = begin + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    values = []
    for bit in (0x08, 0x10, 0x20):
        present = bool(flags & bit)
        values.append(struct.unpack_from(">I", data, at)[0] if present else 0)
        at += 4 * present
    return track, (values[0], values[1], values[2])


def _run(
    data: bytes, begin: int, end: int, moof: int, decode_time: int, defaults: tuple[int, int, int]
) -> list[Sample]:
    """trun: the samples; their data lies relative to the moof."""
    flags = int.from_bytes(data[begin + 1 : begin + 4], "big")
    (count,) = struct.unpack_from(">I", data, begin + 4)
    fields = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    if count > _MAX_SAMPLES or begin + 8 + count * 4 * len(fields) > end:
        raise ValueError(f"trun of {count} samples does not fit")
    if not flags & 1:
        raise ValueError("trun without data offset")
    (offset,) = struct.unpack_from(">i", data, begin + 8)
    at, where = begin + 12, moof + offset
    first_flags = None
    if flags & 4:
        (first_flags,) = struct.unpack_from(">I", data, at)
        at += 4
    samples = []
    for index in range(count):
        values = dict(zip((0x100, 0x200, 0x400), defaults, strict=True)) | {0x800: 0}
        for bit in fields:
            (values[bit],) = struct.unpack_from(">i" if bit == 0x800 else ">I", data, at)
            at += 4
        size = values[0x200]
        if where < 0 or where + size > len(data):
            raise ValueError("a sample lies outside of the fragment")
        flag = first_flags if index == 0 and first_flags is not None else values[0x400]
        sync = not flag & 0x10000
        samples.append(
            Sample(decode_time, values[0x800], values[0x100], sync, data[where : where + size])
        )
        decode_time += values[0x100]
        where += size
    return samples

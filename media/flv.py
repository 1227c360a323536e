"""FLV tags: the unit in which a publisher's media is received, spooled and packaged.

Layout of tags and of their first bytes: Adobe Flash Video File Format 10.1, annex E.4; FourCC
headers: Enhanced RTMP v1 (Veovera), sections "Enhanced Video" and "Enhanced Audio".
"""

import math
import struct
from collections.abc import Iterator
from typing import Final, Literal, cast

import msgspec

AUDIO: Final = 8
VIDEO: Final = 9
DATA: Final = 18
Kind = Literal[8, 9, 18]

FILE_HEADER: Final = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"
"""Signature, version 1, audio and video, and the size 0 of the tag before the first."""
TAG_HEADER: Final = 11
TAG_TRAILER: Final = 4

_HEADER = struct.Struct(">II3s")  # kind and size; timestamp, its upper byte last; stream id 0
_SIZE = struct.Struct(">I")

_AVC, _AAC = 7, 10
_VIDEO_CODECS: Final = {
    2: "Sorenson H.263",
    3: "Screen Video",
    4: "VP6",
    5: "VP6 with alpha",
    6: "Screen Video 2",
    12: "HEVC",
    13: "AV1",
}
_AUDIO_CODECS: Final = {
    0: "PCM",
    1: "ADPCM",
    2: "MP3",
    3: "PCM",
    4: "Nellymoser",
    5: "Nellymoser",
    6: "Nellymoser",
    7: "G.711 A-law",
    8: "G.711 mu-law",
    11: "Speex",
    14: "MP3",
}
_FOURCC: Final = {
    b"hvc1": "HEVC",
    b"av01": "AV1",
    b"vp08": "VP8",
    b"vp09": "VP9",
    b"avc1": "H.264 in an Enhanced RTMP header",
    b"mp4a": "AAC in an Enhanced RTMP header",
    b"Opus": "Opus",
    b"fLaC": "FLAC",
    b"ac-3": "AC-3",
    b"ec-3": "E-AC-3",
    b".mp3": "MP3",
}
_COMMAND_FRAME: Final = 5
_AUDIO_FOURCC: Final = 9
_FRAMES_AT: Final = {1: 8, 3: 5}
"""By the packet type of an Enhanced RTMP header: with composition time, and without."""
_FRAME_RATE_KEY: Final = b"\x00\x09framerate\x00"  # AMF0: name with its length, then a number
_ON_METADATA: Final = b"\x02\x00\x0aonMetaData"


class Tag(msgspec.Struct, frozen=True, gc=False):
    """One packet of a publisher."""

    kind: Kind
    """8 audio, 9 video, 18 data (AMF0, `onMetaData`)."""
    timestamp: int
    """Decoding time in milliseconds of the publisher's clock, without the 32-bit wrap."""
    data: bytes
    """The tag's body: for media the codec bytes, then the coded frame (AVCC, raw AAC)."""


def is_video_sequence_header(tag: Tag) -> bool:
    """Whether the tag holds the H.264 decoder configuration (AVCDecoderConfigurationRecord)."""
    data = tag.data
    return tag.kind == VIDEO and len(data) > 1 and data[0] & 0x8F == _AVC and data[1] == 0


def is_audio_sequence_header(tag: Tag) -> bool:
    """Whether the tag holds the AAC decoder configuration (AudioSpecificConfig)."""
    data = tag.data
    return tag.kind == AUDIO and len(data) > 1 and data[0] >> 4 == _AAC and data[1] == 0


def is_keyframe(tag: Tag) -> bool:
    """Whether the tag is a coded H.264 frame that can be decoded without the ones before it."""
    data = tag.data
    return tag.kind == VIDEO and len(data) > 1 and data[0] == 0x17 and data[1] == 1


def is_sequence_header(tag: Tag) -> bool:
    """Whether the tag holds decoder configuration, of any codec that has one."""
    data = tag.data
    if tag.kind == DATA or len(data) < 2:
        return False
    if tag.kind == VIDEO:
        return data[0] & 0x0F == 0 if data[0] & 0x80 else data[0] & 0x0F == _AVC and data[1] == 0
    return data[0] == _AUDIO_FOURCC << 4 or (data[0] >> 4 == _AAC and data[1] == 0)


def is_metadata(tag: Tag) -> bool:
    """Whether the tag is `onMetaData`."""
    return tag.kind == DATA and tag.data.startswith(_ON_METADATA)


def begins_group(tag: Tag) -> bool:
    """Whether the tag is a key frame of any codec: a place to begin at."""
    data = tag.data
    if tag.kind != VIDEO or len(data) < 2 or data[0] & 0x70 != 0x10:
        return False
    if data[0] & 0x80:  # coded frames with and without composition time
        return data[0] & 0x0F in (1, 3)
    return data[0] & 0x0F != _AVC or data[1] == 1


def is_coded_frame(tag: Tag) -> bool:
    """Whether the tag holds a coded frame, not codec parameters or an end marker."""
    return tag.kind != DATA and len(tag.data) > 1 and tag.data[1] == 1


def frame_begins_at(tag: Tag) -> int:
    """Where in the tag's body the coded frame begins, of any codec; 0 if it holds none."""
    data, kind = tag.data, tag.kind
    if kind == DATA or len(data) < 2:
        return 0
    first = data[0]
    if kind == VIDEO:
        if first & 0x80:
            return _FRAMES_AT.get(first & 0x0F, 0)
        return (5 if data[1] == 1 else 0) if first & 0x0F == _AVC else 1
    if first >> 4 == _AUDIO_FOURCC:
        return 5 if first & 0x0F == 1 else 0
    return (2 if data[1] == 1 else 0) if first >> 4 == _AAC else 1


def announced_frame_rate(tag: Tag) -> float:
    """What a tag of metadata says of the frame rate; 0 if it says nothing."""
    at = tag.data.find(_FRAME_RATE_KEY)
    if at < 0 or at > len(tag.data) - len(_FRAME_RATE_KEY) - 8:
        return 0.0
    rate: float = struct.unpack_from(">d", tag.data, at + len(_FRAME_RATE_KEY))[0]
    return rate if math.isfinite(rate) else 0.0


def unsupported_codec(tag: Tag) -> str | None:
    """The name of the tag's codec if it is neither H.264 nor AAC."""
    if tag.kind == DATA or not tag.data:
        return None
    first = tag.data[0]
    if tag.kind == AUDIO:
        codec = first >> 4
        if codec == _AAC:
            return None
        if codec == _AUDIO_FOURCC:
            return _fourcc(tag.data)
        return _AUDIO_CODECS.get(codec, f"audio codec {codec}")
    if first & 0x80:
        return _fourcc(tag.data)
    codec = first & 0x0F
    if codec == _AVC or first >> 4 == _COMMAND_FRAME:
        return None
    return _VIDEO_CODECS.get(codec, f"video codec {codec}")


def _fourcc(data: bytes) -> str:
    code = data[1:5]
    return _FOURCC.get(code) or f"FourCC {code.decode('ascii', 'backslashreplace')}"


def tag_header(tag: Tag) -> bytes:
    """The 11 bytes before a tag's body. The timestamp is written modulo 2³²."""
    at = tag.timestamp & 0xFFFFFFFF
    return _HEADER.pack(
        tag.kind << 24 | len(tag.data), (at & 0xFFFFFF) << 8 | at >> 24, b"\x00\x00\x00"
    )


def tag_trailer(tag: Tag) -> bytes:
    """The 4 bytes after a tag's body: its size with its header."""
    return _SIZE.pack(TAG_HEADER + len(tag.data))


def tag_end(header: bytes | memoryview) -> int:
    """Bytes from the start of a tag to the end of its trailer, from its 11-byte header."""
    return TAG_HEADER + int.from_bytes(header[1:4], "big") + TAG_TRAILER


def read_tags(data: bytes | memoryview, position: int = len(FILE_HEADER)) -> Iterator[Tag]:
    """The whole tags of an FLV file from `position` on; a tag cut at the end is left out."""
    for tag, _ in _tags_in(memoryview(data), position, Unwrapper()):
        yield tag


def _tags_in(view: memoryview, position: int, time: "Unwrapper") -> Iterator[tuple[Tag, int]]:
    """The whole tags, each with where it ends."""
    while position + TAG_HEADER <= len(view):
        header = view[position : position + TAG_HEADER]
        end = position + tag_end(header)
        if end > len(view):
            return
        yield parse_tag(view[position : end - TAG_TRAILER], time), end
        position = end


def parse_tag(data: bytes | memoryview, time: "Unwrapper") -> Tag:
    """The tag whose 11 bytes of header and whose body the bytes are."""
    at = int.from_bytes(data[4:7], "big") | data[7] << 24
    return Tag(cast(Kind, data[0]), time.unwrap(data[0], at), bytes(data[TAG_HEADER:]))


class TagReader:
    """Takes the bytes of tags as they come, gives whole tags. Holds at most one cut tag.

    `after` is the unwrapped time of the media before.
    """

    def __init__(self, after: int | None = None) -> None:
        self._time = Unwrapper(after)
        self._rest = bytearray()

    @property
    def held(self) -> int:
        """Bytes of the cut tag."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Tag]:
        """The tags that the bytes complete."""
        self._rest += data
        tags, end = [], 0
        with memoryview(self._rest) as view:
            for tag, end in _tags_in(view, 0, self._time):  # noqa: B007 - the last one counts
                tags.append(tag)
        del self._rest[:end]
        return tags


class Unwrapper:
    """Turns 32-bit millisecond timestamps, which wrap after 49.7 days, into ones that do not.

    A step of less than 2³¹ ms in either direction is taken as it is (RTMP 1.0, section 3). Data
    tags are read beside the media and set no pace: encoders stamp their metadata with 0.
    """

    __slots__ = ("_last",)

    def __init__(self, after: int | None = None) -> None:
        self._last = after

    def unwrap(self, kind: int, timestamp: int) -> int:
        """The unwrapped time of the next tag, never negative."""
        last = self._last
        if last is None:
            time = timestamp
        else:
            time = last + (timestamp - last + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        if kind != DATA:
            self._last = time
        return max(0, time)

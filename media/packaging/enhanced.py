"""Enhanced RTMP tags of H.264 and AAC in their plain form.

FFmpeg from 7.1 on sends AAC with more than two channels under the FourCC `mp4a` (Enhanced RTMP v2,
"Enhanced Audio" and "Enhanced Video").
"""

from typing import Final

import msgspec

from media import flv

_AVC: Final = 0x07
_AAC_HEADER: Final = 0xAF
_EMPTY: Final = b"\xaf\x02"


def plain(tag: flv.Tag) -> flv.Tag:
    """The tag with the header that came before FourCC codes; others are returned as they are."""
    data = tag.data
    if tag.kind == flv.AUDIO and data[:1] and data[0] >> 4 == 9 and data[1:5] == b"mp4a":
        return msgspec.structs.replace(tag, data=_plain_audio(data))
    if tag.kind == flv.VIDEO and data[:1] and data[0] & 0x80 and data[1:5] == b"avc1":
        return msgspec.structs.replace(tag, data=_plain_video(data))
    return tag


def _plain_audio(data: bytes) -> bytes:
    packet = data[0] & 0x0F
    if packet > 1:  # end of sequence, channel layout: nothing that the configuration lacks
        return _EMPTY
    return bytes((_AAC_HEADER, packet)) + data[5:]


def _plain_video(data: bytes) -> bytes:
    frame, packet = data[0] & 0x70, data[0] & 0x0F
    head = bytes((frame | _AVC,))
    if packet == 0:
        return head + b"\0\0\0\0" + data[5:]
    if packet == 1:
        return head + b"\1" + data[5:]
    if packet == 3:
        return head + b"\1\0\0\0" + data[5:]
    return head + b"\2\0\0\0"

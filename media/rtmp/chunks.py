"""The RTMP chunk stream (section 5.3): bytes to messages and back."""

import struct
from typing import Final

import msgspec

from media.rtmp.limits import Limits, violation

SET_CHUNK_SIZE: Final = 1
ABORT: Final = 2
AUDIO: Final = 8
VIDEO: Final = 9
AGGREGATE: Final = 22
_LARGE: Final = (AUDIO, VIDEO, AGGREGATE)

MIN_CHUNK_SIZE: Final = 128
"""Where both sides begin, and the least that section 5.4.1 advises."""

_EXTENDED: Final = 0xFFFFFF
_HEADER_SIZES: Final = (11, 7, 3, 0)
_WORD = struct.Struct(">I")


class Message(msgspec.Struct, frozen=True, gc=False):
    """A whole message (section 6.1)."""

    kind: int
    timestamp: int
    """Milliseconds modulo 2³²."""
    stream_id: int
    payload: bytes


class _ChunkStream:
    """What the last chunks of one chunk stream said, for headers that leave it out."""

    __slots__ = (
        "begun",
        "continued",
        "delta",
        "extended",
        "kind",
        "length",
        "missing",
        "stream_id",
        "timestamp",
    )

    def __init__(self, number: int) -> None:
        self.continued = 0xC0 | number if number < 64 else -1
        """The header that goes on with a message, if it is one byte, which it is without an
        extended timestamp."""
        self.timestamp = 0
        self.delta = 0
        self.extended: bytes | None = None
        self.length = 0
        self.kind = 0
        self.stream_id = 0
        self.begun = bytearray()
        """What has come of the current message."""
        self.missing = 0
        """Bytes of the current message that have not come; 0 between messages."""


class ChunkReader:
    """Takes bytes as they come, gives whole messages. Holds at most one largest message."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._chunk_size = MIN_CHUNK_SIZE
        self._streams: dict[int, _ChunkStream] = {}
        self._rest = b""
        self._current: _ChunkStream | None = None
        self._left_in_chunk = 0
        self._promised = 0
        """Bytes of all unfinished messages when they will be complete."""

    @property
    def held(self) -> int:
        """Bytes of unfinished messages and headers in memory."""
        return sum(len(stream.begun) for stream in self._streams.values()) + len(self._rest)

    def feed(self, data: bytes) -> list[Message]:
        """The messages that the bytes complete. Raises Refused (protocol_error)."""
        if self._rest:
            data = self._rest + data
        position, end = 0, len(data)
        messages: list[Message] = []
        while True:
            stream = self._current
            if stream is None:
                begin = self._header(data, position, end)
                if begin < 0:
                    break
                position = begin
                stream = self._current
                assert stream is not None
            take = min(self._left_in_chunk, end - position)
            piece = slice(position, position + take)
            position += take
            if take == stream.length:  # the usual audio message: one copy is enough
                stream.missing = 0
                self._current = None
                self._finish(stream, data[piece], messages)
                continue
            stream.begun += memoryview(data)[piece]
            stream.missing -= take
            self._left_in_chunk -= take
            if self._left_in_chunk:
                break
            self._current = None
            if not stream.missing:
                payload = bytes(stream.begun)
                stream.begun.clear()
                self._finish(stream, payload, messages)
            elif position < end and data[position] == stream.continued and stream.extended is None:
                position += 1  # what `_header` would do, at a fraction of its cost
                self._current = stream
                self._left_in_chunk = min(self._chunk_size, stream.missing)
        self._rest = data[position:]
        return messages

    def _finish(self, stream: _ChunkStream, payload: bytes, messages: list[Message]) -> None:
        self._promised -= stream.length
        if stream.kind == SET_CHUNK_SIZE:
            size = _word(payload, "Set Chunk Size")
            if not MIN_CHUNK_SIZE <= size <= self._limits.max_chunk_size:
                raise violation(
                    f"chunk size is {size}, must be {MIN_CHUNK_SIZE} to "
                    f"{self._limits.max_chunk_size}"
                )
            self._chunk_size = size
        elif stream.kind == ABORT:
            self._abort(_word(payload, "Abort"))
        else:
            messages.append(Message(stream.kind, stream.timestamp, stream.stream_id, payload))

    def _abort(self, number: int) -> None:
        """Section 5.4.2: drop what has come of an unfinished message."""
        stream = self._streams.get(number)
        if stream is not None and stream.missing:
            self._promised -= stream.length
            stream.begun.clear()
            stream.missing = 0

    def _header(self, data: bytes, position: int, end: int) -> int:
        """Read a chunk header and open its payload: where that begins, or -1 if bytes are missing.

        Nothing is changed before all bytes of the header are there.
        """
        if position >= end:
            return -1
        first = data[position]
        form, number = first >> 6, first & 63
        at = position + 1
        if number < 2:  # section 5.3.1.1: one or two more bytes
            wide = number + 1
            if at + wide > end:
                return -1
            number = 64 + int.from_bytes(data[at : at + wide], "little")
            at += wide
        size = _HEADER_SIZES[form]
        if at + size > end:
            return -1
        stream = self._streams.get(number) or self._open(number, form)
        if form == 3:
            extended = stream.extended
            if extended is not None:
                if at + 4 > end:
                    return -1
                # Section 5.3.1.3 repeats the extended timestamp here; some old encoders do not.
                if data[at : at + 4] == extended or not stream.missing:
                    at += 4
            if not stream.missing:
                stream.timestamp = stream.timestamp + stream.delta & 0xFFFFFFFF
                self._begin(stream)
        else:
            begin = self._full_header(stream, form, data, at, end)
            if begin < 0:
                return -1
            at = begin
        self._current = stream
        self._left_in_chunk = min(self._chunk_size, stream.missing)
        return at

    def _full_header(self, stream: _ChunkStream, form: int, data: bytes, at: int, end: int) -> int:
        """Section 5.3.1.2.1 to .3: a header that begins a message."""
        body = at + _HEADER_SIZES[form]
        time = int.from_bytes(data[at : at + 3], "big")
        extended = None
        if time == _EXTENDED:
            if body + 4 > end:
                return -1
            extended = data[body : body + 4]
            time = _WORD.unpack(extended)[0]
            body += 4
        if stream.missing:
            raise violation("a message begins before the one before it on its chunk stream ends")
        stream.extended = extended
        # A later type 3 chunk repeats this delta, after type 0 the timestamp (5.3.1.2.4).
        stream.delta = time
        stream.timestamp = time if form == 0 else stream.timestamp + time & 0xFFFFFFFF
        if form < 2:
            stream.length = int.from_bytes(data[at + 3 : at + 6], "big")
            stream.kind = data[at + 6]
        if form == 0:
            stream.stream_id = int.from_bytes(data[at + 7 : at + 11], "little")
        self._begin(stream)
        return body

    def _open(self, number: int, form: int) -> _ChunkStream:
        if form > 1:  # type 1 is tolerated: librtmp begins control streams with it
            raise violation(f"chunk stream {number} begins with a type {form} header")
        if len(self._streams) >= self._limits.max_chunk_streams:
            raise violation(f"more than {self._limits.max_chunk_streams} chunk streams")
        stream = self._streams[number] = _ChunkStream(number)
        return stream

    def _begin(self, stream: _ChunkStream) -> None:
        limits = self._limits
        limit = limits.max_message_size if stream.kind in _LARGE else limits.max_command_size
        if stream.length > limit:
            raise violation(
                f"message of type {stream.kind} has {stream.length} bytes, may have {limit}"
            )
        if self._promised + stream.length > limits.max_message_size + limits.max_command_size:
            raise violation("too many unfinished messages at once")
        self._promised += stream.length
        stream.missing = stream.length


def _word(payload: bytes, name: str) -> int:
    if len(payload) < 4:
        raise violation(f"{name} has {len(payload)} bytes, must have 4")
    value: int = _WORD.unpack_from(payload)[0]
    return value


def write_message(
    kind: int,
    payload: bytes,
    *,
    chunk_stream: int,
    stream_id: int = 0,
    timestamp: int = 0,
    chunk_size: int = MIN_CHUNK_SIZE,
) -> bytes:
    """A message as chunks: one type 0 header, then type 3 headers. `chunk_stream` is 2 to 63."""
    short = min(timestamp, _EXTENDED)
    extended = _WORD.pack(timestamp) if short == _EXTENDED else b""
    header = b"".join(
        (
            bytes((chunk_stream,)),
            short.to_bytes(3, "big"),
            len(payload).to_bytes(3, "big"),
            bytes((kind,)),
            stream_id.to_bytes(4, "little"),
            extended,
        )
    )
    following = bytes((0xC0 | chunk_stream,)) + extended
    pieces = [payload[at : at + chunk_size] for at in range(0, len(payload), chunk_size)]
    return header + following.join(pieces)

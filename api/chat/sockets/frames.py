"""Frames of the WebSocket protocol (RFC 6455, section 5), read and written without I/O."""

import codecs
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

_FIN: Final = 0x80
_RESERVED: Final = 0x70
_MASKED: Final = 0x80
_CONTROL: Final = 0x08
_LARGEST_CONTROL: Final = 125


class Opcode(IntEnum):
    """What a frame is (section 5.2)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class Code(IntEnum):
    """Why a connection is closed (section 7.4.1, and IANA's registry)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED = 1003
    NO_STATUS = 1005
    ABNORMAL = 1006
    NOT_UTF8 = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL = 1011
    RESTART = 1012
    TRY_LATER = 1013


_REGISTERED: Final = {*range(1000, 1004), *range(1007, 1015)}
"""Codes below 3000 that may be on the wire."""


class Text(NamedTuple):
    """A whole message."""

    text: str


class Ping(NamedTuple):
    """To be answered by a pong with the same payload."""

    payload: bytes


class Pong(NamedTuple):
    """The answer to a ping, or unasked for."""

    payload: bytes


class Closed(NamedTuple):
    """The client closes; 1005 where it gave no code."""

    code: int


class Failed(NamedTuple):
    """The client broke a rule: close with this."""

    code: Code
    reason: str


Event = Text | Ping | Pong | Closed | Failed


def frame(text: bytes) -> bytes:
    """One text message (UTF-8) as a server sends it: one frame, not masked."""
    return _framed(Opcode.TEXT, text)


def ping_frame(payload: bytes = b"") -> bytes:
    """A ping; at most 125 bytes."""
    return _framed(Opcode.PING, payload)


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping."""
    return _framed(Opcode.PONG, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """A close; 1005 is a close without a code. A reason is cut to the 123 bytes there are."""
    if code == Code.NO_STATUS:
        return _framed(Opcode.CLOSE, b"")
    said = reason.encode()[: _LARGEST_CONTROL - 2].decode(errors="ignore").encode()
    return _framed(Opcode.CLOSE, struct.pack("!H", code) + said)


def _framed(opcode: Opcode, payload: bytes) -> bytes:
    size = len(payload)
    if size <= 125:
        return bytes((_FIN | opcode, size)) + payload
    if size <= 0xFFFF:
        return struct.pack("!BBH", _FIN | opcode, 126, size) + payload
    return struct.pack("!BBQ", _FIN | opcode, 127, size) + payload


class _Header(NamedTuple):
    final: bool
    opcode: Opcode
    starts: int
    """Where the mask starts."""
    size: int


class _BrokenError(Exception):
    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.failed = Failed(code, reason)


class Reader:
    """What a client sends, turned into events. After `Closed` or `Failed` the rest is ignored."""

    __slots__ = ("_buffer", "_decoder", "_done", "_largest", "_parts", "_size")

    def __init__(self, largest: int) -> None:
        """`largest`: bytes of a message, all its fragments together."""
        self._largest = largest
        self._buffer = bytearray()
        self._parts: list[str] | None = None
        self._size = 0
        self._decoder: codecs.IncrementalDecoder | None = None
        self._done = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that these bytes complete. To be read to the end."""
        if self._done:
            return
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while not self._done and (header := self._header(buffer, at)) is not None:
                payload_at = header.starts + 4
                end = payload_at + header.size
                if end > len(buffer):
                    break
                payload = _unmasked(buffer[header.starts : payload_at], buffer[payload_at:end])
                at = end
                event = self._event(header, payload)
                if event is not None:
                    self._done = isinstance(event, Closed)
                    yield event
        except _BrokenError as broken:
            self._done = True
            yield broken.failed
        if self._done:
            buffer.clear()
        else:
            del buffer[:at]

    def _header(self, buffer: bytearray, at: int) -> _Header | None:
        """Check as much as has come; None while it is not whole."""
        have = len(buffer) - at
        if have < 1:
            return None
        first = buffer[at]
        if first & _RESERVED:
            raise _BrokenError(Code.PROTOCOL_ERROR, "a reserved bit is set")
        try:
            opcode = Opcode(first & 0x0F)
        except ValueError:
            raise _BrokenError(Code.PROTOCOL_ERROR, "a reserved opcode") from None
        final = bool(first & _FIN)
        self._check_order(opcode, final)
        if have < 2:
            return None
        second = buffer[at + 1]
        if not second & _MASKED:
            raise _BrokenError(Code.PROTOCOL_ERROR, "a frame that is not masked")
        size = second & 0x7F
        if opcode & _CONTROL and size > _LARGEST_CONTROL:
            raise _BrokenError(Code.PROTOCOL_ERROR, "a control frame of more than 125 bytes")
        wide = {126: 2, 127: 8}.get(size, 0)
        if have < 2 + wide:
            return None
        if wide:
            size = int.from_bytes(buffer[at + 2 : at + 2 + wide], "big")
            if size < (126 if wide == 2 else 0x10000) or size >> 63:
                raise _BrokenError(Code.PROTOCOL_ERROR, "a length written in the wrong form")
        self._check_size(opcode, size)
        return _Header(final, opcode, at + 2 + wide, size)

    def _check_order(self, opcode: Opcode, final: bool) -> None:
        if opcode & _CONTROL:
            if not final:
                raise _BrokenError(Code.PROTOCOL_ERROR, "a control frame in fragments")
        elif opcode == Opcode.BINARY:
            raise _BrokenError(Code.UNSUPPORTED, "only text is taken")
        elif (opcode == Opcode.CONTINUATION) != (self._parts is not None):
            raise _BrokenError(Code.PROTOCOL_ERROR, "a fragment out of order")

    def _check_size(self, opcode: Opcode, size: int) -> None:
        if not opcode & _CONTROL and self._size + size > self._largest:
            raise _BrokenError(Code.TOO_BIG, f"a message of more than {self._largest} bytes")

    def _event(self, header: _Header, payload: bytes) -> Event | None:
        if header.opcode == Opcode.PING:
            return Ping(payload)
        if header.opcode == Opcode.PONG:
            return Pong(payload)
        if header.opcode == Opcode.CLOSE:
            return _closed(payload)
        try:
            return self._text(header.final, payload)
        except UnicodeDecodeError:
            raise _BrokenError(Code.NOT_UTF8, "text that is not UTF-8") from None

    def _text(self, final: bool, payload: bytes) -> Text | None:
        if self._parts is None:
            if final:
                return Text(payload.decode())
            self._parts = []
            self._decoder = codecs.getincrementaldecoder("utf-8")()
        assert self._decoder is not None
        self._size += len(payload)
        self._parts.append(self._decoder.decode(payload, final))
        if not final:
            return None
        text = "".join(self._parts)
        self._parts, self._decoder, self._size = None, None, 0
        return Text(text)


def _unmasked(mask: bytearray, payload: bytearray) -> bytes:
    """Section 5.3, as one operation on long integers."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def _closed(payload: bytes) -> Closed:
    """Sections 5.5.1 and 7.4."""
    if not payload:
        return Closed(Code.NO_STATUS)
    if len(payload) == 1:
        raise _BrokenError(Code.PROTOCOL_ERROR, "a close with half a code")
    code = int.from_bytes(payload[:2], "big")
    if code not in _REGISTERED and not 3000 <= code <= 4999:
        raise _BrokenError(Code.PROTOCOL_ERROR, "a close with a code that may not be sent")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise _BrokenError(Code.NOT_UTF8, "a reason that is not UTF-8") from None
    return Closed(code)

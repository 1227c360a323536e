"""One publisher's side of RTMP without sockets: bytes in, events and bytes out."""

import struct
from typing import Any, Final, cast

import msgspec

from infra.errors import Refused
from media import flv
from media.flv import Kind, Tag
from media.rtmp import amf0, chunks, handshake
from media.rtmp.chunks import ChunkReader, Message
from media.rtmp.limits import Limits, violation

_CHUNK_SIZE: Final = 4096
_WINDOW: Final = 2_500_000
"""Bytes between acknowledgements: those that we ask for, and the most that we leave out."""
_LEAST_WINDOW: Final = 10_000
_MEDIA_STREAM: Final = 1
_CONTROL, _COMMANDS, _STATUS = 2, 3, 5
"""Chunk streams that we write on."""

_ACKNOWLEDGEMENT, _USER_CONTROL, _WINDOW_SIZE, _PEER_BANDWIDTH = 3, 4, 5, 6
_DATA_AMF3, _COMMAND_AMF3, _DATA, _COMMAND = 15, 17, 18, 20
_PING, _PONG, _STREAM_BEGIN = 6, 7, 0


class PublishRequested(msgspec.Struct, frozen=True):
    """The publisher asks to begin; nothing of it is taken before `Connection.accept`."""

    app: str
    key: str
    """The stream key, a secret: never log it."""
    encoder: str | None
    """What the publisher says it is."""


class PublishEnded(msgspec.Struct, frozen=True):
    """The publisher said that it is done."""


Event = Tag | PublishRequested | PublishEnded


class Connection:
    """The protocol of one connection, from the handshake on (section 7.2).

    A connection that may not publish has a `refusal`: its `connect` is rejected with that text.
    """

    def __init__(self, limits: Limits, *, refusal: Refused | None = None) -> None:
        self.refusal = refusal
        self._limits = limits
        self._chunks = ChunkReader(limits)
        self._greeting = bytearray()
        self._greeted = False
        self._out: list[bytes] = []
        self._time = flv.Unwrapper()
        self._received = 0
        self._acknowledged = 0
        self._window: int | None = None
        self._second = 0.0
        self._commands = 0
        self._app: str | None = None
        self._encoder: str | None = None
        self._publishing = False

    @property
    def held(self) -> int:
        """Bytes that wait for more to come."""
        return len(self._greeting) + self._chunks.held

    @property
    def waiting(self) -> int:
        """Messages that `outgoing` would give."""
        return len(self._out)

    def outgoing(self) -> bytes:
        """The bytes to send, which are forgotten here."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def receive(self, data: bytes, now: float) -> list[Event]:
        """What the bytes say. `now` is any clock in seconds.

        Raises Refused with a reason in plain words; the connection is of no use afterwards, but
        what `outgoing` then holds should still be sent.
        """
        self._received += len(data)
        if not self._greeted:
            data = self._greet(data)
            if not self._greeted:
                return []
        events: list[Event] = []
        for message in self._chunks.feed(data):
            self._handle(message, now, events)
        self._acknowledge()
        return events

    def accept(self) -> None:
        """Tell the publisher to begin."""
        self._control(_USER_CONTROL, struct.pack(">HI", _STREAM_BEGIN, _MEDIA_STREAM))
        self._status("status", "NetStream.Publish.Start", "You are on air.")

    def refuse(self, detail: str) -> None:
        """Tell the publisher why it cannot begin or go on."""
        self._status("error", "NetStream.Publish.BadName", detail)

    # -- handshake -------------------------------------------------------------------------------

    def _greet(self, data: bytes) -> bytes:
        """Sections 5.2.2 to 5.2.5: C0 and C1, then C2, whose content is not checked."""
        greeting = self._greeting
        before = len(greeting)
        greeting += data
        if greeting and greeting[0] != handshake.VERSION:
            raise violation(f"handshake version is {greeting[0]}, must be {handshake.VERSION}")
        first = 1 + handshake.SIZE
        if before < first <= len(greeting):
            self._out.append(handshake.reply(bytes(greeting[:first])))
        whole = first + handshake.SIZE
        if len(greeting) < whole:
            return b""
        self._greeted = True
        rest = bytes(greeting[whole:])
        self._greeting = bytearray()
        return rest

    def _acknowledge(self) -> None:
        """Section 5.4.4: only for a publisher that named a window; others do not wait for it."""
        if self._window is not None and self._received - self._acknowledged >= self._window:
            self._acknowledged = self._received
            self._control(_ACKNOWLEDGEMENT, struct.pack(">I", self._received & 0xFFFFFFFF))

    # -- messages --------------------------------------------------------------------------------

    def _handle(self, message: Message, now: float, events: list[Event]) -> None:
        kind, payload = message.kind, message.payload
        if kind in (chunks.AUDIO, chunks.VIDEO):
            if payload and self._publishing:
                at = self._time.unwrap(kind, message.timestamp)
                events.append(Tag(cast(Kind, kind), at, payload))
                return
        elif kind == chunks.AGGREGATE:
            self._aggregate(message, events)
            return
        self._count(now)
        if kind in (_COMMAND, _COMMAND_AMF3):
            skip = 1 if kind == _COMMAND_AMF3 and payload[:1] == b"\x00" else 0
            self._command(amf0.decode(payload[skip:], self._limits), events)
        elif kind in (_DATA, _DATA_AMF3):
            self._data(payload[1:] if kind == _DATA_AMF3 else payload, message.timestamp, events)
        elif kind == _USER_CONTROL and payload[:2] == struct.pack(">H", _PING):
            self._control(_USER_CONTROL, struct.pack(">H", _PONG) + payload[2:6])
        elif kind == _WINDOW_SIZE and len(payload) >= 4:
            self._window = max(_LEAST_WINDOW, min(_WINDOW, int.from_bytes(payload[:4], "big")))

    def _count(self, now: float) -> None:
        """Commands, control messages and empty media count against one limit."""
        if now - self._second >= 1:
            self._second, self._commands = now, 0
        self._commands += 1
        if self._commands > self._limits.commands_per_second:
            raise violation(f"more than {self._limits.commands_per_second} commands a second")

    def _aggregate(self, message: Message, events: list[Event]) -> None:
        """Section 7.1.6: several tags in one message, their times relative to its own."""
        if not self._publishing:
            return
        shift: int | None = None
        for tag in flv.read_tags(message.payload, 0):
            if tag.kind not in (flv.AUDIO, flv.VIDEO) or not tag.data:
                continue
            if shift is None:
                shift = message.timestamp - tag.timestamp
            at = self._time.unwrap(tag.kind, tag.timestamp + shift & 0xFFFFFFFF)
            events.append(Tag(tag.kind, at, tag.data))

    def _data(self, payload: bytes, timestamp: int, events: list[Event]) -> None:
        """Section 7.1.2: metadata is kept as the tag that FLV has for it."""
        if not self._publishing:
            return
        set_frame = amf0.encode("@setDataFrame")
        if payload.startswith(set_frame):
            payload = payload[len(set_frame) :]
        amf0.decode(payload, self._limits)
        events.append(Tag(flv.DATA, self._time.unwrap(flv.DATA, timestamp), payload))

    # -- commands --------------------------------------------------------------------------------

    def _command(self, values: list[Any], events: list[Event]) -> None:
        if not values or not isinstance(values[0], str):
            raise violation("a command begins with its name")
        name = values[0]
        transaction = values[1] if len(values) > 1 and isinstance(values[1], float) else 0.0
        match name:
            case "connect":
                self._connect(transaction, values)
            case "createStream":
                self._send(_COMMANDS, 0, "_result", transaction, None, _MEDIA_STREAM)
            case "publish":
                self._publish(values, events)
            case "deleteStream" | "closeStream":
                if self._publishing:
                    self._publishing = False
                    self._status("status", "NetStream.Unpublish.Success", "You are off air.")
                    events.append(PublishEnded())
            case "play" | "play2":
                detail = "This server takes broadcasts; watch them on the web page."
                self._status("error", "NetStream.Play.Failed", detail)
                raise violation("the client asked to play; only publishing is served here")
            case "_result" | "_error" | "onStatus":
                return
            case _:
                self._result(transaction)

    def _connect(self, transaction: float, values: list[Any]) -> None:
        """Section 7.2.1.1."""
        if self._app is not None:
            raise violation("`connect` came twice")
        if self.refusal is not None:
            detail = {
                "level": "error",
                "code": "NetConnection.Connect.Rejected",
                "description": str(self.refusal),
            }
            self._send(_COMMANDS, 0, "_error", transaction, None, detail)
            raise self.refusal
        about = values[2] if len(values) > 2 and isinstance(values[2], dict) else {}
        self._app = str(about.get("app") or "")[:256]
        version = about.get("flashVer")
        self._encoder = version[:200] if isinstance(version, str) and version else None
        self._control(_WINDOW_SIZE, struct.pack(">I", _WINDOW))
        self._control(_PEER_BANDWIDTH, struct.pack(">IB", _WINDOW, 2))
        self._control(chunks.SET_CHUNK_SIZE, struct.pack(">I", _CHUNK_SIZE))
        server = {"fmsVer": "FMS/3,0,1,123", "capabilities": 31}
        status = {
            "level": "status",
            "code": "NetConnection.Connect.Success",
            "description": "Connection succeeded.",
            "objectEncoding": 0,
        }
        self._send(_COMMANDS, 0, "_result", transaction, server, status)

    def _publish(self, values: list[Any], events: list[Event]) -> None:
        """Section 7.2.2.6. What follows the key's `?` belongs to the publisher."""
        if self._app is None:
            raise violation("`publish` came before `connect`")
        if self._publishing:
            raise violation("`publish` came twice")
        key = _text(values, 3)[:256].partition("?")[0]
        self._publishing = True
        events.append(PublishRequested(self._app, key, self._encoder))

    def _result(self, transaction: float) -> None:
        if transaction:
            self._send(_COMMANDS, 0, "_result", transaction, None, None)

    def _status(self, level: str, code: str, description: str) -> None:
        status = {"level": level, "code": code, "description": description}
        self._send(_STATUS, _MEDIA_STREAM, "onStatus", 0.0, None, status)

    def _send(self, chunk_stream: int, stream_id: int, *values: Any) -> None:
        payload = amf0.encode(*values)
        self._write(_COMMAND, payload, chunk_stream, stream_id)

    def _control(self, kind: int, payload: bytes) -> None:
        self._write(kind, payload, _CONTROL, 0)

    def _write(self, kind: int, payload: bytes, chunk_stream: int, stream_id: int) -> None:
        size = _CHUNK_SIZE if self._app is not None else chunks.MIN_CHUNK_SIZE
        self._out.append(
            chunks.write_message(
                kind, payload, chunk_stream=chunk_stream, stream_id=stream_id, chunk_size=size
            )
        )


def _text(values: list[Any], index: int) -> str:
    return values[index] if len(values) > index and isinstance(values[index], str) else ""

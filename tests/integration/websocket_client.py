"""A WebSocket client that sends any bytes, right or wrong, and reads whatever comes back."""

import base64
import itertools
import operator
import os
import socket
import struct
from collections.abc import Iterable
from typing import NamedTuple

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
CONTINUATION = 0x0
SECONDS = 10.0


class Received(NamedTuple):
    """One frame of the server."""

    opcode: int
    payload: bytes


def client_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    reserved: int = 0,
    mask: bytes | None = b"\x37\xfa\x21\x3d",
) -> bytes:
    """A frame; `mask` None leaves it unmasked, which no client may."""
    first = (0x80 if final else 0) | reserved << 4 | opcode
    masked = 0 if mask is None else 0x80
    size = len(payload)
    if size < 126:
        head = bytes((first, masked | size))
    elif size < 0x10000:
        head = struct.pack("!BBH", first, masked | 126, size)
    else:
        head = struct.pack("!BBQ", first, masked | 127, size)
    if mask is None:
        return head + payload
    keys = itertools.cycle(mask)
    return head + mask + bytes(map(operator.xor, payload, keys))


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """A close frame."""
    return client_frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def request(path: str = "/", *, lines: Iterable[str] = (), **changed: str | None) -> bytes:
    """The request for an upgrade; a header is changed or, with None, left out."""
    headers: dict[str, str | None] = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    said = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *said, *lines, "", ""]).encode()


class Client:
    """One TCP connection."""

    def __init__(self, port: int, buffer: int = 0) -> None:
        """`buffer`: bytes that the kernel keeps of what is not read; 0 for as many as it likes."""
        self._socket = socket.socket()
        self._socket.settimeout(SECONDS)
        if buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._came = b""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def upgrade(self, asked: bytes = b"") -> bytes:
        """Open the WebSocket; the answer's head."""
        self.send(asked or request())
        return self.head()

    def head(self) -> bytes:
        """The answer to a request, without what follows the empty line."""
        while b"\r\n\r\n" not in self._came:
            self._came += self._some()
        head, _, self._came = self._came.partition(b"\r\n\r\n")
        return head

    def send(self, data: bytes, chop: int = 0) -> None:
        """Send, all at once or so many bytes at a time. The server may hang up meanwhile."""
        step = chop or max(1, len(data))
        try:
            for at in range(0, len(data), step):
                self._socket.sendall(data[at : at + step])
        except (BrokenPipeError, ConnectionResetError):
            pass

    def frame(self) -> Received | None:
        """The next frame; None at the end of the stream."""
        head = self._exactly(2)
        if head is None:
            return None
        assert head[0] & 0xF0 == 0x80, "a server frame is final and has no reserved bits"
        assert not head[1] & 0x80, "a server frame is not masked"
        size = head[1]
        if size >= 126:
            wide = self._exactly(2 if size == 126 else 8)
            assert wide is not None
            size = int.from_bytes(wide, "big")
        payload = self._exactly(size)
        assert payload is not None, "the stream ends in a frame"
        return Received(head[0] & 0x0F, payload)

    def rest(self) -> list[Received]:
        """All frames until the end of the stream."""
        found = []
        while (frame := self.frame()) is not None:
            found.append(frame)
        return found

    def end(self) -> None:
        """Send nothing more."""
        self._socket.shutdown(socket.SHUT_WR)

    def raw(self) -> bytes:
        """What is left, to the end of the stream."""
        while some := self._some():
            self._came += some
        return self._came

    def _some(self) -> bytes:
        return self._socket.recv(1 << 18)

    def _exactly(self, size: int) -> bytes | None:
        pieces, have = [self._came], len(self._came)
        while have < size:
            some = self._some()
            if not some:
                assert not have, "the stream ends in a frame"
                return None
            pieces.append(some)
            have += len(some)
        came = b"".join(pieces)
        self._came = came[size:]
        return came[:size]

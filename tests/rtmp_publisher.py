"""What an encoder sends, as bytes, for tests and benchmarks of the ingest."""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Iterator
from typing import Any

from media.flv import DATA, Tag
from media.rtmp import amf0, handshake
from media.rtmp.chunks import MIN_CHUNK_SIZE, ChunkReader, Message, write_message
from media.rtmp.limits import Limits

GREETING = bytes((3,)) + bytes(handshake.SIZE)
FAREWELL_OF_HANDSHAKE = bytes(handshake.SIZE)
CHUNK_SIZE = 4096


def command(*values: Any, stream_id: int = 0, chunk_size: int = MIN_CHUNK_SIZE) -> bytes:
    """A command message."""
    payload = amf0.encode(*values)
    return write_message(20, payload, chunk_stream=3, stream_id=stream_id, chunk_size=chunk_size)


def opening(key: str, app: str = "live", encoder: str = "FMLE/3.0 (test)") -> bytes:
    """Everything up to `publish`, without waiting for answers."""
    about = {"app": app, "type": "nonprivate", "flashVer": encoder, "tcUrl": "rtmp://test/live"}
    return b"".join(
        (
            GREETING,
            FAREWELL_OF_HANDSHAKE,
            command("connect", 1, about),
            write_message(1, CHUNK_SIZE.to_bytes(4, "big"), chunk_stream=2),
            command("releaseStream", 2, None, key, chunk_size=CHUNK_SIZE),
            command("FCPublish", 3, None, key, chunk_size=CHUNK_SIZE),
            command("createStream", 4, None, chunk_size=CHUNK_SIZE),
            command("publish", 5, None, key, "live", stream_id=1, chunk_size=CHUNK_SIZE),
        )
    )


def media(tag: Tag) -> bytes:
    """A tag as a message."""
    payload = amf0.encode("@setDataFrame") + tag.data if tag.kind == DATA else tag.data
    return write_message(
        tag.kind,
        payload,
        chunk_stream=4 if tag.kind == 8 else 6,
        stream_id=1,
        timestamp=tag.timestamp & 0xFFFFFFFF,
        chunk_size=CHUNK_SIZE,
    )


def window(size: int) -> bytes:
    """The publisher wants an acknowledgement every so many bytes; nothing if 0."""
    return write_message(5, size.to_bytes(4, "big"), chunk_stream=2) if size else b""


def closing() -> bytes:
    """The publisher's goodbye."""
    return command("FCUnpublish", 6, None, "key", chunk_size=CHUNK_SIZE) + command(
        "deleteStream", 7, None, 1, chunk_size=CHUNK_SIZE
    )


class Publisher:
    """A publisher over a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._chunks = ChunkReader(Limits())
        self._greeted = False

    @classmethod
    async def connect(cls, port: int, key: str) -> "Publisher":
        """Connect and ask to publish."""
        self = cls(*await asyncio.open_connection("127.0.0.1", port))
        self.writer.write(opening(key))
        return self

    async def status(self) -> dict[str, Any]:
        """The next `onStatus`, or error of a command, that the server sends; {} if it hangs up."""
        if not self._greeted:
            await self._reader.readexactly(1 + 2 * handshake.SIZE)
            self._greeted = True
        while data := await self._reader.read(65536):
            for found in statuses(self._chunks.feed(data)):
                return found
        return {}

    def send(self, tags: Iterable[Tag]) -> None:
        """Send media."""
        self.writer.writelines([media(tag) for tag in tags])

    async def leave(self) -> None:
        """Say goodbye, wait for the answer and hang up."""
        self.writer.write(closing())
        while (await self.status()).get("code") not in (None, "NetStream.Unpublish.Success"):
            continue
        await self.close()

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return


def statuses(messages: Iterable[Message]) -> Iterator[dict[str, Any]]:
    """What `onStatus` and `_error` messages say."""
    for message in messages:
        if message.kind == 20:
            values = amf0.decode(message.payload)
            if values[0] in ("onStatus", "_error"):
                yield values[3]


class PlainPublisher:
    """A publisher over a blocking socket, on air. It needs no event loop to send and hang up."""

    def __init__(self, port: int, key: str, tls: ssl.SSLContext | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname="localhost")
        self._socket.sendall(opening(key))
        heard, answers = bytearray(), 1 + 2 * handshake.SIZE
        codes: list[str] = []
        while "NetStream.Publish.Start" not in codes:
            data = self._socket.recv(65536)
            assert data, f"the server hung up after {codes}"
            heard += data
            messages = ChunkReader(Limits()).feed(bytes(heard[answers:]))
            codes = [status["code"] for status in statuses(messages)]

    def send(self, data: bytes) -> None:
        """Hand bytes to the kernel; waits while they do not fit."""
        self._socket.sendall(data)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

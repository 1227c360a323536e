"""What a worker and the process of one stream say to each other, over a pipe.

Each message is 4 bytes of length, big-endian, and MessagePack.
"""

import asyncio
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from infra.errors import InvalidRecord
from infra.record import Record
from schemas import records
from schemas.records.media import PartProduced
from schemas.records.transcode import Rung

_LENGTH: Final = struct.Struct(">I")
MAX_BYTES: Final = 1 << 20


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """The first message: which stream, and with what."""

    stream_id: str
    assignment: int
    rungs: list[Rung]
    encoders: list[str]
    decoder: str
    worker_id: str


class Feed(msgspec.Struct, frozen=True, tag="feed"):
    """A part of the source; parts come in order."""

    part: PartProduced
    announced_at: int


class Change(msgspec.Struct, frozen=True, tag="change"):
    """Make these renditions from now on."""

    assignment: int
    rungs: list[Rung]


class Finish(msgspec.Struct, frozen=True, tag="finish"):
    """End what is open, and exit."""


ToChild = Begin | Feed | Change | Finish


class Said(msgspec.Struct, frozen=True, tag="said"):
    """An event for the log."""

    name: str
    body: bytes


class Made(msgspec.Struct, frozen=True, tag="made"):
    """All renditions of a part are made."""

    media_sequence: int
    part: int


class Dropped(msgspec.Struct, frozen=True, tag="dropped"):
    """A rendition is not made any more."""

    rendition: str
    reason: str
    """As in `DropRung.reason`."""
    detail: str


ToParent = Said | Made | Dropped
_TO_CHILD: Final[msgspec.msgpack.Decoder[ToChild]] = msgspec.msgpack.Decoder(ToChild)
_TO_PARENT: Final[msgspec.msgpack.Decoder[ToParent]] = msgspec.msgpack.Decoder(ToParent)


def say(event: Record) -> Said:
    """An event as a message."""
    return Said(event.FULL_NAME, msgspec.msgpack.encode(event))


def event_of(said: Said) -> Record:
    """The event in a message."""
    return msgspec.msgpack.decode(said.body, type=records.BY_NAME[said.name])


def framed(message: ToChild | ToParent) -> bytes:
    """A message as it goes over the pipe."""
    body = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(body)) + body


async def read_body(reader: asyncio.StreamReader) -> bytes | None:
    """The next message's body; None at the end. Raises InvalidRecord if there is none to be had."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > MAX_BYTES:
            raise InvalidRecord(f"a message of {length} bytes, at most {MAX_BYTES}")
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise InvalidRecord("a message was cut short") from error
        return None


def to_child(body: bytes) -> ToChild:
    """A message to a child. Raises InvalidRecord."""
    with _refused():
        return _TO_CHILD.decode(body)


def to_parent(body: bytes) -> ToParent:
    """A message of a child. Raises InvalidRecord."""
    with _refused():
        return _TO_PARENT.decode(body)


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except msgspec.MsgspecError as error:
        raise InvalidRecord(f"no message: {error}") from error

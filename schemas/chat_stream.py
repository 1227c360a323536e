"""What happened in a channel's chat as it lies in Redis: written by the fan-out, read by edges.

A channel has a stream and a sharded pub/sub channel of one name, which begins with `chat` and holds
the channel's id in braces: in a Redis Cluster both are in one slot. An entry of the stream has the
id `<offset + 1>-0`, so that Redis itself refuses a repeat, and two fields:

    previous    offset of the entry before it; -1: none is known
    entry       an `Entry` as JSON

What is published is a `Batch`: the entries that were added together. `previous` makes a hole show.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import msgspec

from infra.errors import InvalidRecord
from infra.record import Envelope, Record
from schemas import records

KEPT: Final = 500
"""Entries that a stream keeps whatever their age, or somewhat more."""
KEPT_SECONDS: Final = 120
"""Of the last so many seconds a stream keeps everything, or of somewhat more."""
MOST: Final = 60_000
"""Entries of a stream, or somewhat more, however fast they come."""
SILENT_SECONDS: Final = 7 * 86_400
"""For how long a stream is kept in which nothing happens."""
NONE: Final = -1
"""Offset of what is not there."""
_CONTEXT: Final = "millrace.chat."


class Entry(msgspec.Struct, frozen=True):
    """An event of a chat. Times are microseconds since 1970-01-01T00:00:00Z."""

    offset: int
    """Of the message in the channel's partition of `chat-events`: the order of everything."""
    at: int
    """When it happened."""
    logged: int
    """When the log took it."""
    kind: str
    """Name of the record: `MessageSent`."""
    connection: str
    """Correlation id of the command: the connection of an edge that it came by, if it did."""
    event: msgspec.Raw
    """The record as JSON."""


class Batch(msgspec.Struct, frozen=True):
    """Entries that were added to a stream together, in order."""

    previous: int
    """Offset of the entry before the first one; -1: none is known."""
    entries: list[Entry]


def key_of(channel_id: str, prefix: str = "millrace") -> str:
    """The name of a channel's stream, and of its pub/sub channel."""
    return f"{prefix}:chat:{{{channel_id}}}"


def channel_of(key: bytes) -> str:
    """The channel whose stream has this name."""
    return key[key.index(b"{") + 1 : key.rindex(b"}")].decode()


def here_key(channel_id: str, prefix: str = "millrace") -> str:
    """The name of the set of those who are in a channel's chat."""
    return f"{prefix}:chat:here:{{{channel_id}}}"


def id_of(offset: int) -> str:
    """The id of the entry with this offset."""
    return f"{offset + 1}-0"


def encode(offset: int, logged: int, envelope: Envelope) -> bytes:
    """An `Entry` as JSON, of a message of `chat-events`."""
    meta, event = envelope.meta, envelope.event
    return _ENCODER.encode(
        Entry(
            offset=offset,
            at=meta.occurred_at,
            logged=logged,
            kind=type(event).__name__,
            connection=meta.correlation_id or "",
            event=msgspec.Raw(_ENCODER.encode(event)),
        )
    )


def read_batch(payload: bytes) -> Batch:
    """What was published. Raises InvalidRecord."""
    try:
        return _BATCHES.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRecord(f"published chat: {error}") from error


def read_stream(found: Sequence[Any]) -> list[Batch]:
    """The entries that XRANGE answered, each with the offset of the one before.

    Raises InvalidRecord.
    """
    try:
        return [_read(dict(zip(fields[::2], fields[1::2], strict=True))) for _, fields in found]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, ValueError) as error:
        raise InvalidRecord(f"stream of a chat: {error!r}") from error


def record_of(entry: Entry) -> Record:
    """What happened. Raises InvalidRecord for a kind that is not known, and what is not one."""
    try:
        return _decoder(entry.kind).decode(entry.event)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError) as error:
        raise InvalidRecord(f"{entry.kind}: {error!r}") from error


def _read(fields: dict[bytes, bytes]) -> Batch:
    return Batch(int(fields[b"previous"]), [_ENTRIES.decode(fields[b"entry"])])


@cache
def _decoder(kind: str) -> msgspec.json.Decoder[Record]:
    return msgspec.json.Decoder(records.BY_NAME[_CONTEXT + kind])


_ENCODER: Final = msgspec.json.Encoder()
_BATCHES: Final = msgspec.json.Decoder(Batch)
_ENTRIES: Final = msgspec.json.Decoder(Entry)

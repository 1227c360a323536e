"""What a message is, without saying how it is written: record, meta, envelope, codec."""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The payload of a message: an event or a command. Generated from `schemas/avro`.

    `gc=False`, here and below: what Avro carries holds no cycle, so the collector need not look.
    """

    FULL_NAME: ClassVar[str] = ""
    """The Avro full name, which is the record's identity on the log."""


class Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a list in a record holds, where that has fields of its own. Generated likewise."""


class Meta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The first field of every record on the log (`schemas/avro/Meta.v1.avsc`)."""

    event_id: str
    occurred_at: int
    """Microseconds since 1970-01-01T00:00:00Z."""
    producer: str
    sequence: int
    """Counts from 0 for each (producer, topic partition): a reader sees a hole or a repeat."""
    causation_id: str | None = None
    correlation_id: str | None = None


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """A decoded message: who said it, when, and what."""

    meta: Meta
    event: Any


Encode = Callable[[Meta, Any], bytes]
Decode = Callable[[bytes], Envelope]


class Codec(Protocol):
    """Turns messages into bytes and back. Implemented by `schemas.registry.Registry`."""

    def encode(self, meta: Meta, event: Record) -> bytes:
        """The framed bytes of a message. Raises InvalidRecord if a field breaks its schema."""
        ...

    def decode(self, value: bytes) -> Envelope:
        """The message in the bytes. Raises InvalidRecord if they are not one."""
        ...

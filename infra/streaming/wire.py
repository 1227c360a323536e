"""What a handler sees and what the log carries: message, send, origin, headers."""

import hashlib
import uuid
from collections.abc import Callable
from typing import Any, Final, Protocol

import faust
import msgspec

from infra.record import Meta, Record

Header = tuple[str, bytes]
Output = tuple[bytes | None, bytes | None, list[Header]]
"""Key, value and headers of a record to be written. A value of None is a tombstone."""

ORIGIN: Final = "origin"
"""Header of every output: `topic/partition/offset/n` of the record it was derived from."""
PASSED_ON: Final = "traceparent"
"""Header that goes from the input to its outputs (W3C Trace Context)."""

_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_NAMESPACE = hashlib.sha1(uuid.NAMESPACE_URL.bytes, usedforsecurity=False)


class Message(msgspec.Struct, frozen=True, gc=False):
    """A decoded record of a source topic and its place on the log."""

    key: str
    meta: Meta
    event: Any
    topic: str
    partition: int
    offset: int


class Send(Protocol):
    """Queues an output to the agent's sink; it is written once the handler has returned.

    Without a key the output keeps the message's key and partition. A rule answers to its sink; an
    agent that only passes facts on may name another `topic`, because a source topic has one agent
    an app, and several contexts may want to hear of it.
    """

    def __call__(self, event: Record, *, key: str | None = None, topic: str | None = None) -> None:
        """Queue `event`. Raises InvalidRecord if a field breaks its schema."""
        ...


Handler = Callable[[Message, Send], None]
"""A rule of an agent: a plain function over a message, tables and `send`. No await, no I/O."""


def origin_of(topic: str, partition: int, offset: int, index: int | str) -> bytes:
    """The origin of output number `index` of a record. A replay derives the same."""
    return f"{topic}/{partition}/{offset}/{index}".encode()


def event_id_of(origin: bytes) -> str:
    """The event id of an output: uuid5 (RFC 9562 §5.5) of its origin in the URL namespace."""
    digest = _NAMESPACE.copy()
    digest.update(origin)
    text = digest.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def dead_letter_headers(
    topic: str, partition: int, offset: int, error: BaseException, now: int
) -> list[Header]:
    """Why a record was put aside, where it came from, and when (microseconds)."""
    return [
        ("error", f"{type(error).__name__}: {error}"[:500].encode()),
        ("origin-topic", topic.encode()),
        ("origin-partition", str(partition).encode()),
        ("origin-offset", str(offset).encode()),
        ("time", str(now).encode()),
    ]


class RawRecords(faust.Schema):
    """Hands Faust's streams a whole list of raw records as one event, undecoded."""

    def compile(self, app: Any, **_: Any) -> Callable[..., Any]:
        """The decoder that Faust's conductor calls for each delivered list."""
        create = app.create_event

        async def decode(message: Any, **_: Any) -> Any:
            return create(message.key, message.value, message.headers, message)

        return decode

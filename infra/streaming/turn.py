"""One message being handled: its writes and outputs count together or not at all."""

from collections.abc import Callable, Iterable

from infra.errors import InvalidRecord, MillraceError
from infra.record import Codec, Meta, Record
from infra.streaming.journal import PartitionState
from infra.streaming.wire import (
    ORIGIN,
    PASSED_ON,
    Header,
    Message,
    Output,
    event_id_of,
    origin_of,
)

ROW_BYTES = 60
"""What a row costs in the journal beside its value, about."""
OUTPUT_BYTES = 200_000
"""Bytes of an output at most; topics take record batches of 256 KiB."""


class OutsideHandlerError(MillraceError):
    """A table or `send` was used while no message was being handled."""


class Turn:
    """One message being handled: what was written and sent, until it counts or is taken back.

    Handlers are synchronous, so there is one turn at a time in a process.
    """

    def __init__(
        self, codec: Codec, partition_for: Callable[[str, Message, str | None], int]
    ) -> None:
        self._encode = codec.encode
        self._partition_for = partition_for
        self.state: PartitionState | None = None
        self.sink: str | None = None
        self.producer = ""
        self.writes: dict[tuple[str, str], bytes | None] = {}
        self.written_bytes = 0
        """What the writes cost in the journal, about, those that were written over included."""
        self.outputs: list[tuple[str, int, Output]] = []
        self.sequences: dict[tuple[str, str, int], int] = {}
        """Next sequence by (source topic, output topic, output partition), after this turn."""
        self._message: Message | None = None
        self._key = b""
        self._headers: list[Header] = []
        self._index = 0

    def begin(self, state: PartitionState, sink: str | None, producer: str) -> None:
        """Go over to a partition's records, as read by one agent."""
        self.state, self.sink, self.producer = state, sink, producer

    def open(self, message: Message, key: bytes, headers: Iterable[Header] | None) -> None:
        """A message's turn. `key` and `headers` are those of its record."""
        self._message, self._key, self._index = message, key, 0
        self._headers = [header for header in headers if header[0] == PASSED_ON] if headers else []

    def close(self) -> None:
        """Forget what was written and sent: it has been taken over, or taken back."""
        self._message = None
        if self.writes:
            self.writes, self.written_bytes = {}, 0
        if self.outputs:
            self.outputs, self.sequences = [], {}

    def end(self) -> None:
        """Leave the partition."""
        self.state = None

    def write(self, table: str, key: str, value: bytes | None) -> None:
        """Set a row, or delete it with None."""
        self.writes[table, key] = value
        self.written_bytes += ROW_BYTES if value is None else ROW_BYTES + len(value)

    def send(self, event: Record, *, key: str | None = None, topic: str | None = None) -> None:
        """Queue an output to the agent's sink, or to another topic (see `Send`)."""
        sink = topic or self.sink
        if sink is None:
            raise OutsideHandlerError("this agent has no sink")
        self.emit(sink, event, key)

    def emit(self, topic: str, event: Record, key: str | None, index: str | None = None) -> None:
        """Queue an output to any topic. `index` names it in its origin; counted if None."""
        message, state = self._message, self.state
        if message is None or state is None:
            raise OutsideHandlerError("`send` works only while its message is being handled")
        origin = origin_of(
            message.topic, message.partition, message.offset, index if index else self._index
        )
        if index is None:
            self._index += 1
        where = self._partition_for(topic, message, key)
        address = (message.topic, topic, where)
        sequence = self.sequences.get(address)
        if sequence is None:
            sequence = state.sequences.get(address, 0)
        cause = message.meta
        meta = Meta(
            event_id=event_id_of(origin),
            occurred_at=cause.occurred_at,
            producer=self.producer,
            sequence=sequence,
            causation_id=cause.event_id,
            correlation_id=cause.correlation_id or cause.event_id,
        )
        value = self._encode(meta, event)
        if len(value) > OUTPUT_BYTES:
            raise InvalidRecord(f"{len(value)} bytes of {event.FULL_NAME}, must be ≤{OUTPUT_BYTES}")
        self.sequences[address] = sequence + 1
        raw = self._key if key is None else key.encode()
        headers = [(ORIGIN, origin), *self._headers]
        self.outputs.append((topic, where, (raw, value, headers)))

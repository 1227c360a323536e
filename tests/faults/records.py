"""The records of the fault runs and their codec: an order in, a count out."""

import io
import struct
from typing import ClassVar

import fastavro
import msgspec

from infra.errors import InvalidRecord
from infra.kafka import partition_of
from infra.record import Envelope, Meta, Record
from schemas import sources

POISON = 397
"""Every so many orders, one makes the handler raise after it has written to its tables."""
GARBAGE = 499
"""Every so many messages, one is not a record."""


class Order(Record, frozen=True, kw_only=True):
    """An input: a unique number under a key."""

    FULL_NAME: ClassVar[str] = "millrace.faults.Order"
    number: int
    name: str


class Counted(Record, frozen=True, kw_only=True):
    """An output: the order's number, and how many its key has had."""

    FULL_NAME: ClassVar[str] = "millrace.faults.Counted"
    number: int
    name: str
    count: int


def _schema(name: str, *fields: tuple[str, str]) -> sources.Schema:
    meta = next(iter(sources.schemas().values()))["fields"][0]["type"]
    described = [{"name": field, "type": kind} for field, kind in fields]
    return {
        "type": "record",
        "name": name,
        "namespace": "millrace.faults",
        "fields": [{"name": "meta", "type": sources.plain(meta)}, *described],
    }


_KINDS: dict[int, tuple[type[Record], sources.Schema]] = {
    1: (Order, fastavro.parse_schema(_schema("Order", ("number", "long"), ("name", "string")))),
    2: (
        Counted,
        fastavro.parse_schema(
            _schema("Counted", ("number", "long"), ("name", "string"), ("count", "long"))
        ),
    ),
}
_IDS = {record: number for number, (record, _) in _KINDS.items()}
_FRAME = struct.Struct(">bI")


class FaultCodec:
    """Confluent frame and Avro for the two records, as the registry does it for the platform's."""

    def encode(self, meta: Meta, event: Record) -> bytes:
        """The framed bytes."""
        number = _IDS[type(event)]
        out = io.BytesIO()
        out.write(_FRAME.pack(0, number))
        fields = {"meta": msgspec.structs.asdict(meta), **msgspec.structs.asdict(event)}
        fastavro.schemaless_writer(out, _KINDS[number][1], fields)
        return out.getvalue()

    def decode(self, value: bytes) -> Envelope:
        """The message in the bytes. Raises InvalidRecord."""
        try:
            _, number = _FRAME.unpack_from(value)
            record, schema = _KINDS[number]
            source = io.BytesIO(value)
            source.seek(_FRAME.size)
            fields = fastavro.schemaless_reader(source, schema, None)
            assert isinstance(fields, dict)
            return Envelope(Meta(**fields.pop("meta")), record(**fields))
        except (KeyError, EOFError, IndexError, TypeError, ValueError, struct.error) as error:
            raise InvalidRecord(f"{len(value)} bytes do not hold a record: {error!r}") from error


class Source:
    """The messages of a run, each made once: orders, and garbage now and then."""

    def __init__(self, keys: int, partitions: int) -> None:
        self._keys = keys
        self._partitions = partitions
        self._next = [0] * partitions
        self._codec = FaultCodec()

    def message(self, number: int) -> tuple[int, bytes, bytes]:
        """(partition, key, value) of message `number`. Ask in order: sequences count up."""
        name = f"key-{number * 7919 % self._keys:04d}"
        where = partition_of(name.encode(), self._partitions)
        if number % GARBAGE == GARBAGE - 1:
            return where, name.encode(), b"\x00\x00\x00\xff\xffgarbage %d" % number
        sequence = self._next[where]
        self._next[where] += 1
        meta = Meta(
            event_id=f"order-{number}", occurred_at=number, producer="orders", sequence=sequence
        )
        event = Order(number=number, name=name)
        return where, name.encode(), self._codec.encode(meta, event)


def is_poison(event: Order) -> bool:
    """Whether the handler raises on it."""
    return event.number % POISON == POISON - 1

"""The codec of the log: Confluent frame (magic 0, 4-byte schema id, Avro) to and from records."""

import io
import operator
import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import fastavro
import msgspec
from fastavro.read import SchemaResolutionError

from infra.errors import InvalidRecord
from infra.record import Decode, Encode, Envelope, Meta, Record
from schemas import explain, records, sources
from schemas.compiled import WRONG, compiled
from schemas.partial import ReadPart, partial

MAX_BYTES: Final = 1 << 20
"""A message is never larger; what is, is not looked at."""

_FRAME = struct.Struct(">bI")
_MAGIC = 0


class Registry:
    """Encodes every record of `schemas/avro` by its locked id; decodes all versions ever released.

    Timestamps are plain integers (microseconds) on our side; readers that honour logical types
    see the same bytes as timestamps.
    """

    def __init__(self, root: Path = sources.ROOT) -> None:
        self._schemas = sources.versions(root)
        self._ids: dict[type[Record], int] = {}
        self._encoders: dict[type[Record], Encode] = {}
        self._decoders: dict[bytes, Decode] = {}
        """By frame: the five bytes with which a message begins."""
        self._records: dict[bytes, type[Record]] = {}
        today, locked = sources.schemas(root), sources.ids(root)
        for number, schema in self._schemas.items():
            name = sources.full_name(schema)
            record, frame = records.BY_NAME[name], _FRAME.pack(_MAGIC, number)
            self._records[frame] = record
            if number != locked[name]:
                self._decoders[frame] = older(schema, today[name], record)
                continue
            self._ids[record] = number
            self._encoders[record], self._decoders[frame] = compiled(schema, record, frame)

    def encode(self, meta: Meta, event: Record) -> bytes:
        """The framed bytes of a message. Raises InvalidRecord if a field breaks its schema."""
        encode = self._encoders.get(event.__class__)
        if encode is None:
            raise InvalidRecord(f"{type(event).__name__} is not a record of schemas/avro")
        try:
            value = encode(meta, event)
        except WRONG as error:
            raise self._unwritable(meta, event, error) from error
        if len(value) > MAX_BYTES:
            raise InvalidRecord(f"{event.FULL_NAME}: {len(value)} bytes, at most {MAX_BYTES}")
        return value

    def decode(self, value: bytes) -> Envelope:
        """The message in the bytes. Raises InvalidRecord if they are not one."""
        decode = self._decoders.get(value[:5]) if value else None
        if decode is None or len(value) > MAX_BYTES:
            raise self._unknown(value)
        try:
            return decode(value)
        except _UNRESOLVED as error:
            raise self._unreadable(value, error) from error

    def record_of(self, value: bytes) -> type[Record]:
        """What a message is, without decoding it. Raises InvalidRecord if that is unknown."""
        record = self._records.get(value[:5]) if value else None
        if record is None:
            raise self._unknown(value)
        return record

    def part(self, record: type[Record], fields: Sequence[str]) -> ReadPart:
        """A decoder of some fields of a record ("text", "meta.event_id"), as a tuple.

        It reads messages of which `record_of` says that they are that record, and raises
        InvalidRecord; but only for what stands before the last of the fields.
        """
        number = self._ids[record]
        frame = _FRAME.pack(_MAGIC, number)
        read = partial(self._schemas[number], record, len(frame), fields)
        whole = operator.attrgetter(
            *(each if each.startswith("meta.") else f"event.{each}" for each in fields)
        )

        def decode(value: bytes) -> tuple[Any, ...]:
            if value.startswith(frame):
                try:
                    return read(value)
                except WRONG as error:
                    raise self._unreadable(value, error) from error
            found: tuple[Any, ...] = whole(self.decode(value))
            return found

        return decode

    def _unknown(self, value: bytes) -> InvalidRecord:
        if not value or len(value) < _FRAME.size:
            return InvalidRecord("shorter than a Confluent frame (5 bytes)")
        if len(value) > MAX_BYTES:
            return InvalidRecord(f"{len(value)} bytes, at most {MAX_BYTES}")
        magic, number = _FRAME.unpack_from(value)
        if magic != _MAGIC:
            return InvalidRecord(f"byte 0 is {magic}, must be 0 (Confluent frame)")
        return InvalidRecord(f"schema id {number} is not in ids.lock")

    def _unwritable(self, meta: Meta, event: Record, error: Exception) -> InvalidRecord:
        try:
            explain.check_message(self._schemas[self._ids[type(event)]], meta, event)
        except explain.Broken as broken:
            return InvalidRecord(f"{event.FULL_NAME}{broken}")
        return InvalidRecord(f"{event.FULL_NAME}: {error!r}")

    def _unreadable(self, value: bytes, error: Exception) -> InvalidRecord:
        schema = self._schemas[_FRAME.unpack_from(value)[1]]
        name = sources.full_name(schema)
        try:
            explain.check_bytes(schema, value, _FRAME.size)
        except explain.Broken as broken:
            return InvalidRecord(f"{name}{broken}")
        return InvalidRecord(f"{name}: {error!r}")


_UNRESOLVED = (*WRONG, EOFError, SchemaResolutionError)
"""What decoders raise, fastavro's included."""


def older(schema: sources.Schema, today: sources.Schema, record: type[Record]) -> Decode:
    """A decoder of an older version that is still on the log, by Avro's schema resolution.

    It is slow, as such messages are rare: our strict walk first, then fastavro.
    """
    writer: Any = fastavro.parse_schema(sources.plain(schema))
    reader: Any = fastavro.parse_schema(sources.plain(today))

    def decode(buffer: bytes) -> Envelope:
        explain.check_bytes(schema, buffer, _FRAME.size)
        fields: Any = fastavro.schemaless_reader(io.BytesIO(buffer[_FRAME.size :]), writer, reader)
        meta = msgspec.convert(fields.pop("meta"), Meta)
        return Envelope(meta, msgspec.convert(fields, record))

    return decode


@cache
def registry() -> Registry:
    """The registry of this process."""
    return Registry()

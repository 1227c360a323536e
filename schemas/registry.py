"""The codec of the log: Confluent frame (magic 0, 4-byte schema id, Avro) to and from records."""

import io
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import fastavro
import msgspec

from infra.errors import InvalidRecord
from infra.record import Envelope, Meta, Record
from schemas import records, sources

_FRAME = struct.Struct(">bI")
_MAGIC = 0


class _Kind:
    """How one record type is written and read."""

    __slots__ = ("build", "frame", "parsed", "record")

    def __init__(self, schema_id: int, schema: sources.Schema, record: type[Record]) -> None:
        self.frame = _FRAME.pack(_MAGIC, schema_id)
        self.parsed = fastavro.parse_schema(sources.plain(schema))
        self.record = record
        self.build: Callable[[dict[str, Any]], Record] = _builder(record)


class Registry:
    """Encodes and decodes every record of `schemas/avro` by its locked id.

    Timestamps are plain integers (microseconds) on our side; readers that honour logical types
    see the same bytes as timestamps.
    """

    def __init__(self) -> None:
        locked, schemas = sources.ids(), sources.schemas()
        self._by_id: dict[int, _Kind] = {}
        self._by_record: dict[type[Record], _Kind] = {}
        for name, record in records.BY_NAME.items():
            kind = _Kind(locked[name], schemas[name], record)
            self._by_id[locked[name]] = self._by_record[record] = kind

    def encode(self, meta: Meta, event: Record) -> bytes:
        """The framed bytes of a message. Raises InvalidRecord if a field breaks its schema."""
        kind = self._by_record[type(event)]
        fields = msgspec.structs.asdict(event)
        fields["meta"] = msgspec.structs.asdict(meta)
        out = io.BytesIO()
        out.write(kind.frame)
        try:
            fastavro.schemaless_writer(out, kind.parsed, fields)
        except (TypeError, ValueError, AttributeError, struct.error) as error:
            raise InvalidRecord(f"{event.FULL_NAME}: {error}") from error
        return out.getvalue()

    def decode(self, value: bytes) -> Envelope:
        """The message in the bytes. Raises InvalidRecord if they are not one."""
        try:
            magic, schema_id = _FRAME.unpack_from(value)
            if magic != _MAGIC:
                raise InvalidRecord(f"byte 0 is {magic}, must be 0 (Confluent frame)")
            kind = self._by_id[schema_id]
            source = io.BytesIO(value)
            source.seek(_FRAME.size)
            fields: Any = fastavro.schemaless_reader(source, kind.parsed)
            return Envelope(Meta(**fields.pop("meta")), kind.build(fields))
        except InvalidRecord:
            raise
        except KeyError as error:
            raise InvalidRecord(f"schema id {error} is not in ids.lock") from error
        except (EOFError, IndexError, TypeError, ValueError, OverflowError, struct.error) as error:
            raise InvalidRecord(f"{len(value)} bytes do not hold a record: {error!r}") from error


@cache
def registry() -> Registry:
    """The registry of this process."""
    return Registry()


def _builder(record: type[Record]) -> Callable[[dict[str, Any]], Record]:
    nested = any(
        isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
        for field in msgspec.structs.fields(record)
    )
    if nested:
        return lambda fields: msgspec.convert(fields, record)
    return lambda fields: record(**fields)

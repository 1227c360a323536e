"""The codec of the log: Confluent frame (magic 0, 4-byte schema id, Avro) to and from records."""

import io
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import fastavro
import msgspec
from fastavro.read import SchemaResolutionError

from infra.errors import InvalidRecord
from infra.record import Envelope, Meta, Record
from schemas import records, sources

MAX_BYTES: Final = 1 << 20
"""A message is never larger; what is, is not looked at."""

_FRAME = struct.Struct(">bI")
_MAGIC = 0
_INT_MIN, _INT_MAX = -(1 << 31), (1 << 31) - 1
_WRONG = (
    AttributeError, EOFError, IndexError, KeyError, MemoryError, OverflowError,
    SchemaResolutionError, TypeError, ValueError, struct.error,
)  # fmt: skip
"""What fastavro raises on values and bytes that do not fit their schema."""


class _Version:
    """One schema of a record: the one in force, or an older one that is still on the log."""

    __slots__ = ("_build", "_integers", "_ints", "_reader", "_schema", "frame", "name")

    def __init__(
        self, number: int, schema: sources.Schema, today: sources.Schema, record: type[Record]
    ) -> None:
        self.name = record.FULL_NAME
        self.frame = _FRAME.pack(_MAGIC, number)
        self._schema: Any = fastavro.parse_schema(sources.plain(schema))
        self._reader: Any = fastavro.parse_schema(sources.plain(today)) if schema != today else None
        kinds = {each["name"]: _primitive(each["type"]) for each in today["fields"]}
        self._ints = [name for name, kind in kinds.items() if kind == "int"]
        self._integers = [name for name, kind in kinds.items() if kind in ("int", "long")]
        self._build = _builder(record)

    def write(self, fields: dict[str, Any]) -> bytes:
        """The framed bytes. Raises one of _WRONG, or InvalidRecord."""
        out = io.BytesIO()
        out.write(self.frame)
        fastavro.schemaless_writer(out, self._schema, fields)
        for name in self._integers:  # fastavro cuts a fraction off without a word
            if not isinstance(fields[name], int):
                raise InvalidRecord(f"{self.name}.{name}: {fields[name]!r} is not an integer")
        if self._ints:
            self._check_ints(fields)
        return out.getvalue()

    def read(self, value: bytes) -> Envelope:
        """The message in framed bytes. Raises one of _WRONG, or InvalidRecord."""
        source = io.BytesIO(value)
        source.seek(_FRAME.size)
        fields: Any = fastavro.schemaless_reader(source, self._schema, self._reader)
        if source.tell() != len(value):
            raise InvalidRecord(f"{self.name}: {len(value) - source.tell()} bytes after the record")
        if self._ints:
            self._check_ints(fields)
        return Envelope(Meta(**fields.pop("meta")), self._build(fields))

    def unwritable(self, fields: dict[str, Any]) -> str:
        """The first field that cannot be written."""
        return self._first_wrong(
            lambda schema: fastavro.schemaless_writer(io.BytesIO(), schema, fields)
        )

    def unreadable(self, value: bytes) -> str:
        """The first field that cannot be read."""
        source = io.BytesIO(value)
        source.seek(_FRAME.size)
        return self._first_wrong(lambda schema: fastavro.schemaless_reader(source, schema, None))

    def _first_wrong(self, attempt: Callable[[Any], object]) -> str:
        for field in self._schema["fields"]:
            try:
                attempt({**self._schema, "fields": [field]})
            except _WRONG:
                return str(field["name"])
        return "the record"

    def _check_ints(self, fields: dict[str, Any]) -> None:
        # fastavro writes and reads any 64-bit number as an int; other readers of the log do not.
        for name in self._ints:
            if not _INT_MIN <= fields[name] <= _INT_MAX:
                raise InvalidRecord(f"{self.name}.{name}: {fields[name]} does not fit 32 bits")


class Registry:
    """Encodes every record of `schemas/avro` by its locked id; decodes all versions ever released.

    Timestamps are plain integers (microseconds) on our side; readers that honour logical types
    see the same bytes as timestamps.
    """

    def __init__(self, root: Path = sources.ROOT) -> None:
        today, locked = sources.schemas(root), sources.ids(root)
        self._by_id: dict[int, _Version] = {}
        for number, schema in sources.versions(root).items():
            name = sources.full_name(schema)
            self._by_id[number] = _Version(number, schema, today[name], records.BY_NAME[name])
        self._by_record = {
            record: self._by_id[locked[name]] for name, record in records.BY_NAME.items()
        }

    def encode(self, meta: Meta, event: Record) -> bytes:
        """The framed bytes of a message. Raises InvalidRecord if a field breaks its schema."""
        version = self._by_record.get(type(event))
        if version is None:
            raise InvalidRecord(f"{type(event).__name__} is not a record of schemas/avro")
        fields = msgspec.structs.asdict(event)
        fields["meta"] = msgspec.structs.asdict(meta)
        try:
            value = version.write(fields)
        except _WRONG as error:
            field = version.unwritable(fields)
            raise InvalidRecord(f"{version.name}.{field}: {error}") from error
        if len(value) > MAX_BYTES:
            raise InvalidRecord(f"{version.name}: {len(value)} bytes, at most {MAX_BYTES}")
        return value

    def decode(self, value: bytes) -> Envelope:
        """The message in the bytes. Raises InvalidRecord if they are not one."""
        if not value or len(value) < _FRAME.size:
            raise InvalidRecord("shorter than a Confluent frame (5 bytes)")
        if len(value) > MAX_BYTES:
            raise InvalidRecord(f"{len(value)} bytes, at most {MAX_BYTES}")
        magic, number = _FRAME.unpack_from(value)
        if magic != _MAGIC:
            raise InvalidRecord(f"byte 0 is {magic}, must be 0 (Confluent frame)")
        version = self._by_id.get(number)
        if version is None:
            raise InvalidRecord(f"schema id {number} is not in ids.lock")
        try:
            return version.read(value)
        except _WRONG as error:
            field = version.unreadable(value)
            raise InvalidRecord(
                f"{version.name}.{field}: {error or type(error).__name__}"
            ) from error


@cache
def registry() -> Registry:
    """The registry of this process."""
    return Registry()


def _primitive(kind: Any) -> Any:
    return kind["type"] if isinstance(kind, dict) else kind


def _builder(record: type[Record]) -> Callable[[dict[str, Any]], Record]:
    nested = any(
        isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
        for field in msgspec.structs.fields(record)
    )
    if nested:
        return lambda fields: msgspec.convert(fields, record)
    return lambda fields: record(**fields)

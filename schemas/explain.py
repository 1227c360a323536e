"""Which field of a message breaks its schema, and which rule: the slow walk that errors take."""

import struct
from typing import Any, Final

from infra.record import Meta, Record
from schemas import binary
from schemas.sources import Schema

_ERRORS = (IndexError, OverflowError, TypeError, ValueError, struct.error)
_WRITE: Final[dict[str, Any]] = {
    "boolean": binary.write_boolean,
    "int": binary.write_int,
    "long": binary.write_long,
    "float": binary.write_float,
    "double": binary.write_double,
    "string": binary.utf8,
    "bytes": binary.octets,
}
_READ: Final[dict[str, Any]] = {
    "boolean": binary.read_boolean,
    "int": binary.read_int,
    "long": binary.read_long,
    "float": binary.read_float,
    "double": binary.read_double,
    "string": binary.read_string,
    "bytes": binary.read_bytes,
}


class Broken(ValueError):
    """What is wrong, to be put behind the name of the record: `.meta.sequence: 'x' is not…`."""

    def __init__(self, path: str, rule: object) -> None:
        super().__init__(f".{path}: {rule}" if path else f": {rule}")


def check_message(schema: Schema, meta: Meta, event: Record) -> None:
    """Raise Broken for the first field that cannot be written."""
    first, *fields = schema["fields"]
    _check(first["type"], meta, first["name"])
    _check_fields(fields, event, "")


def check_bytes(schema: Schema, buffer: bytes, at: int) -> None:
    """Raise Broken for the first field from `at` on that cannot be read."""
    at = _pass_fields(schema["fields"], buffer, at, "")
    if at != len(buffer):
        raise Broken("", f"{len(buffer) - at} bytes after the record")


def _check(kind: Any, value: Any, path: str) -> None:
    match kind:
        case str():
            try:
                _WRITE[kind](value)
            except _ERRORS as error:
                raise Broken(path, error) from error
        case ["null", other]:
            if value is not None:
                _check(other, value, path)
        case {"type": "enum", "symbols": symbols}:
            if not isinstance(value, str) or value not in symbols:
                raise Broken(path, f"{value!r:.100} is none of {', '.join(symbols)}")
        case {"type": "array", "items": items}:
            if not isinstance(value, list):
                raise Broken(path, f"{value!r:.100} is not a list")
            for place, item in enumerate(value):
                _check(items, item, f"{path}[{place}]")
        case {"type": "record", "fields": fields}:
            _check_fields(fields, value, f"{path}.")
        case {"type": inner}:
            _check(inner, value, path)


def _check_fields(fields: list[Any], value: Any, path: str) -> None:
    for field in fields:
        name = field["name"]
        if not hasattr(value, name):
            raise Broken(f"{path}{name}", f"a {type(value).__name__} has no such field")
        _check(field["type"], getattr(value, name), f"{path}{name}")


def _pass(kind: Any, buffer: bytes, at: int, path: str) -> int:
    """The place behind a value. Raises Broken."""
    match kind:
        case str():
            return _primitive(kind, buffer, at, path)[1]
        case ["null", other]:
            if at < len(buffer) and buffer[at] not in (0, 2):
                raise Broken(path, f"byte {buffer[at]} is no branch of the union")
            branch, at = _primitive("long", buffer, at, path)
            return _pass(other, buffer, at, path) if branch else at
        case {"type": "enum", "symbols": symbols}:
            index, at = _primitive("int", buffer, at, path)
            if not 0 <= index < len(symbols):
                raise Broken(path, f"symbol {index}, there are {len(symbols)}")
            return at
        case {"type": "array", "items": items}:
            return _pass_array(items, buffer, at, path)
        case {"type": "record", "fields": fields}:
            return _pass_fields(fields, buffer, at, f"{path}.")
        case {"type": inner}:
            return _pass(inner, buffer, at, path)
    raise Broken(path, f"no codec for the Avro type {kind!r}")


def _pass_fields(fields: list[Any], buffer: bytes, at: int, path: str) -> int:
    for field in fields:
        at = _pass(field["type"], buffer, at, f"{path}{field['name']}")
    return at


def _pass_array(items: Any, buffer: bytes, at: int, path: str) -> int:
    places = 0

    def read(buffer: bytes, at: int) -> tuple[None, int]:
        nonlocal places
        places += 1
        return None, _pass(items, buffer, at, f"{path}[{places - 1}]")

    try:
        return binary.read_array(buffer, at, read)[1]
    except Broken:
        raise
    except _ERRORS as error:
        raise Broken(path, _rule(error)) from error


def _primitive(kind: str, buffer: bytes, at: int, path: str) -> tuple[Any, int]:
    try:
        value, behind = _READ[kind](buffer, at)
    except _ERRORS as error:
        raise Broken(path, _rule(error)) from error
    return value, behind


def _rule(error: Exception) -> object:
    return "the record ends too early" if isinstance(error, IndexError) else error

"""One encoder and one decoder for each record, compiled from its schema.

A general codec walks the schema for every message. Here the walk happens once and leaves
straight-line Python, which a traceback shows like any other. Only the version in force is compiled;
docs/decisions/0005-compiled-codec.md says why, `python -m schemas.compiled NAME` prints the source.
"""

import linecache
import struct
import sys
from types import NoneType
from typing import Any, Final, NamedTuple, get_args, get_type_hints

from infra.errors import ConfigurationError
from infra.record import Decode, Encode, Envelope, Meta, Record
from schemas import binary, records, sources

WRONG: Final = (
    AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError, struct.error,
)  # fmt: skip
"""What compiled functions raise on values and bytes that do not fit their schema."""


class Codec(NamedTuple):
    """The functions of one record. They raise one of WRONG, which does not say the field."""

    encode: Encode
    decode: Decode


class Value(NamedTuple):
    """A value that the source writes or reads: its Avro type, its local variable, its Python type.

    Variables are named for the path of the value, `meta__event_id`, so that no two are the same:
    field names have no double underscores.
    """

    kind: Any
    name: str
    python: Any


def compiled(schema: sources.Schema, record: type[Record], frame: bytes) -> Codec:
    """Compile a record's codec. Its messages begin with `frame`, which decoding passes over."""
    text, names = source(schema, record, frame)
    file = f"<codec of {record.FULL_NAME}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    exec(compile(text, file, "exec"), names)  # noqa: S102 - made above, of reviewed schemas
    return Codec(names["encode"], names["decode"])


def source(
    schema: sources.Schema, record: type[Record], frame: bytes
) -> tuple[str, dict[str, Any]]:
    """The source of a record's codec, and the names that it uses."""
    meta, *fields = schema["fields"]
    values = [
        Value(meta["type"], "meta", Meta),
        Value({**schema, "fields": fields}, "event", record),
    ]
    writer, reader = _Writer(), Reader()
    text = "\n\n".join((writer.encoder(values, frame), reader.decoder(values, len(frame))))
    return text, {**vars(binary), **writer.names, **reader.names, "Envelope": Envelope}


class _Writer:
    """Source of an encoder: what goes into one f-string, of one character a byte."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        """Tables and classes that the source uses, by name."""
        self._functions: list[str] = []

    def encoder(self, values: list[Value], frame: bytes) -> str:
        """`encode` and the functions that it needs. It writes `frame` and the values."""
        lines, text = [], "".join(f"\\x{byte:02x}" for byte in frame)
        for value in values:
            before, pieces = self._value(value)
            lines += before
            text += pieces
        lines.append(f'return f"{text}".encode("latin-1")')
        return "\n\n".join([*self._functions, function("encode(meta, event)", lines)])

    def _value(self, value: Value) -> tuple[list[str], str]:
        """Lines that make the value ready, and the inside of an f-string that writes it."""
        kind, name, python = value
        match kind:
            case "string" | "bytes":
                return self._sized(kind, name)
            case {"logicalType": "timestamp-micros"}:
                return [], f"{{write_long({name})}}"
            case "int" | "long":
                small = f"{name}.__class__ is int and 0 <= {name} < 8192"
                return [], f"{{SMALL[{name}] if {small} else write_{kind}({name})}}"
            case "boolean" | "float" | "double":
                return [], f"{{write_{kind}({name})}}"
            case ["null", other]:
                lines, text = self._value(Value(other, name, _present(python)))
                lines = [*lines, f'{name} = f"\\x02{text}"']
                null = [f"if {name} is None:", f'    {name} = "\\x00"', "else:"]
                return [*null, *_indented(lines)], f"{{{name}}}"
            case {"type": "enum", "symbols": symbols}:
                table = {symbol: binary.SMALL[index] for index, symbol in enumerate(symbols)}
                self.names[f"{name}__symbols"] = table
                return [], f"{{{name}__symbols[{name}]}}"
            case {"type": "array", "items": items}:
                lines, text = self._value(Value(items, f"{name}__item", *get_args(python)))
                lines.append(f'return f"{text}"')
                self._functions.append(function(f"write_{name}__item({name}__item)", lines))
                return [], f"{{write_array({name}, write_{name}__item)}}"
            case {"type": "record", "fields": fields}:
                return self._record(fields, name, python)
            case {"type": inner}:
                return self._value(Value(inner, name, python))
        raise ConfigurationError(f"{name}: no codec for the Avro type {kind!r}")

    def _sized(self, kind: str, name: str) -> tuple[list[str], str]:
        # Text in ASCII is written as it is: the check costs less than encoding it.
        ready = [f"{name} = octets({name})"]
        if kind == "string":
            plain = f"{name}.__class__ is str and {name}.isascii()"
            ready = [f"if not ({plain}):", f"    {name} = utf8({name})"]
        size = f"{name}__size"
        length = f"SMALL[{size}] if {size} < 8192 else write_long({size})"
        return [*ready, f"{size} = len({name})"], f"{{{length}}}{{{name}}}"

    def _record(self, fields: list[Any], name: str, python: Any) -> tuple[list[str], str]:
        self.names[python.__name__] = python
        lines = [f"if {name}.__class__ is not {python.__name__}:"]
        lines += [f'    raise TypeError("{name} is not of the class {python.__name__}")']
        text = ""
        for value in fields_of(fields, name, python):
            before, pieces = self._value(value)
            lines += [f"{value.name} = {name}.{value.name.rpartition('__')[2]}", *before]
            text += pieces
        return lines, text


class Reader:
    """Source of a decoder: `at` is the place in `buffer` that has been reached."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        """Tables and classes that the source uses, by name."""
        self._functions: list[str] = []

    def decoder(self, values: list[Value], start: int) -> str:
        """`decode` and the functions that it needs. It reads the values from `start` on."""
        lines = self.reading(values, start)
        lines += ["if at != len(buffer):", '    raise ValueError("the record ends elsewhere")']
        lines.append(f"return Envelope({', '.join(value.name for value in values)})")
        return self.source(lines)

    def reading(self, values: list[Value], start: int) -> list[str]:
        """Lines that read the values from `start` on."""
        return [f"at = {start}", *(line for each in values for line in self._value(each))]

    def source(self, lines: list[str]) -> str:
        """`decode` of these lines, and the functions that they need."""
        return "\n\n".join([*self._functions, function("decode(buffer)", lines)])

    def _value(self, value: Value) -> list[str]:
        """Lines that read the value."""
        kind, name, python = value
        match kind:
            case "string" | "bytes":
                return self._sized(kind, name)
            case {"logicalType": "timestamp-micros"}:
                return [f"{name}, at = read_microseconds(buffer, at)"]
            case "int" | "long":
                return self._number(kind, name)
            case "boolean":
                return [f"{name} = BOOLEANS[buffer[at]]", "at += 1"]
            case "float" | "double":
                return [
                    f"({name},) = unpack_{kind}(buffer, at)",
                    f"at += {4 if kind == 'float' else 8}",
                ]
            case ["null", other]:
                lines = ["at += 1", *self._value(Value(other, name, _present(python)))]
                null = ["elif n == 0:", "    at += 1", f"    {name} = None"]
                wrong = ["else:", '    raise ValueError("a branch of a union that there is not")']
                return ["n = buffer[at]", "if n == 2:", *_indented(lines), *null, *wrong]
            case {"type": "enum", "symbols": symbols}:
                self.names[f"{name}__by_index"] = dict(enumerate(symbols))
                return ["n, at = read_int(buffer, at)", f"{name} = {name}__by_index[n]"]
            case {"type": "array", "items": items}:
                lines = self._value(Value(items, f"{name}__item", *get_args(python)))
                lines.append(f"return {name}__item, at")
                self._functions.append(function(f"read_{name}__item(buffer, at)", lines))
                some = f"    {name}, at = read_array(buffer, at, read_{name}__item)"
                return ["if buffer[at]:", some, "else:", f"    {name} = []", "    at += 1"]
            case {"type": "record", "fields": fields}:
                return self._record(fields, name, python)
            case {"type": inner}:
                return self._value(Value(inner, name, python))
        raise ConfigurationError(f"{name}: no codec for the Avro type {kind!r}")

    def _sized(self, kind: str, name: str) -> list[str]:
        text = ".decode()" if kind == "string" else ""
        return [
            "n = SPAN[buffer[at]]",
            "if n:",
            "    end = at + n",
            f"    {name} = buffer[at + 1 : end]{text}",
            "    at = end",
            "else:",
            f"    {name}, at = read_{kind}(buffer, at)",
        ]

    def _number(self, kind: str, name: str) -> list[str]:
        return [
            "n = buffer[at]",
            "if n < 128:",
            f"    {name} = ZIGZAG[n]",
            "    at += 1",
            "else:",
            f"    {name}, at = read_{kind}(buffer, at)",
        ]

    def _record(self, fields: list[Any], name: str, python: Any) -> list[str]:
        self.names[python.__name__] = python
        values = fields_of(fields, name, python)
        arguments = ", ".join(f"{each.name.rpartition('__')[2]}={each.name}" for each in values)
        lines = [line for each in values for line in self._value(each)]
        return [*lines, f"{name} = {python.__name__}({arguments})"]


def fields_of(fields: list[Any], name: str, python: Any) -> list[Value]:
    """The values of a record's fields."""
    hints = get_type_hints(python)
    return [
        Value(field["type"], f"{name}__{field['name']}", hints[field["name"]]) for field in fields
    ]


def _present(python: Any) -> Any:
    """The type without None."""
    (present,) = (each for each in get_args(python) if each is not NoneType)
    return present


def function(head: str, lines: list[str]) -> str:
    """Source of a function."""
    return "\n".join([f"def {head}:", *_indented(lines)]) + "\n"


def _indented(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


if __name__ == "__main__":
    name = sys.argv[1]
    sys.stdout.write(source(sources.schemas()[name], records.BY_NAME[name], b"\0\0\0\0\0")[0])

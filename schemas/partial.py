"""Decoders of some fields of a record, for who reads many and needs little of each.

They are compiled like those of whole records (`schemas.compiled`). Texts and numbers that nobody
asked for are passed over; nothing is looked at behind the last field that somebody did ask for.
"""

from collections.abc import Callable, Sequence
from typing import Any

from infra.record import Meta, Record
from schemas import binary, sources
from schemas.compiled import Reader, Value, fields_of

ReadPart = Callable[[bytes], tuple[Any, ...]]


def partial(
    schema: sources.Schema, record: type[Record], start: int, wanted: Sequence[str]
) -> ReadPart:
    """Compile a decoder of fields ("text", "meta.event_id"), which it returns in that order.

    Values of its messages begin at `start`. It raises one of `schemas.compiled.WRONG`.
    """
    meta, *fields = schema["fields"]
    values = [
        *fields_of(meta["type"]["fields"], "meta", Meta),
        *fields_of(fields, "event", record),
    ]
    names = [_variable(each) for each in wanted]
    last = max(number for number, value in enumerate(values) if value.name in names)
    reader = _PartReader(names)
    lines = reader.reading(values[: last + 1], start)
    lines += ["if at > len(buffer):", '    raise ValueError("the record ends too early")']
    lines.append(f"return {', '.join(names)},")
    known: dict[str, Any] = {**vars(binary), **reader.names}
    text = reader.source(lines)
    exec(compile(text, f"<part of {record.FULL_NAME}>", "exec"), known)  # noqa: S102 - made above
    decode: ReadPart = known["decode"]
    return decode


class _PartReader(Reader):
    """Source of a decoder that passes over texts and numbers which nobody asked for."""

    def __init__(self, wanted: Sequence[str]) -> None:
        super().__init__()
        self._wanted = wanted

    def _value(self, value: Value) -> list[str]:
        # Items of a list are always read: a function returns them.
        asked = value.name in self._wanted or "__item" in value.name
        match value.kind:
            case _ if asked:
                return super()._value(value)
            case "string" | "bytes":
                return ["at += SPAN[buffer[at]] or span(buffer, at)"]
            case "int" | "long":
                return ["while buffer[at] > 127:", "    at += 1", "at += 1"]
        return super()._value(value)


def _variable(field: str) -> str:
    """The variable of a field (`schemas.compiled.Value`)."""
    return field.replace(".", "__") if field.startswith("meta.") else f"event__{field}"

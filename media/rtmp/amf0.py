"""AMF0, the encoding of RTMP commands and metadata (Adobe AMF 0 specification, 2007)."""

import struct
from collections.abc import Iterable, Mapping
from typing import Any

from media.rtmp.limits import Limits, violation

_NUMBER = struct.Struct(">d")
_SHORT = struct.Struct(">H")
_LONG = struct.Struct(">I")
_OBJECT_END = b"\x00\x00\x09"


def encode(*values: Any) -> bytes:
    """The bytes of values: numbers, booleans, strings, None, mappings and iterables of these."""
    return b"".join(_encoded(value) for value in values)


def _encoded(value: Any) -> bytes:
    match value:
        case None:
            return b"\x05"
        case bool():
            return b"\x01\x01" if value else b"\x01\x00"
        case int() | float():
            return b"\x00" + _NUMBER.pack(value)
        case str():
            text = value.encode()
            if len(text) > 0xFFFF:
                return b"\x0c" + _LONG.pack(len(text)) + text
            return b"\x02" + _SHORT.pack(len(text)) + text
        case Mapping():
            fields = [_name(name) + _encoded(field) for name, field in value.items()]
            return b"\x03" + b"".join(fields) + _OBJECT_END
        case Iterable():
            items = [_encoded(item) for item in value]
            return b"\x0a" + _LONG.pack(len(items)) + b"".join(items)
    raise TypeError(f"AMF0 has no {type(value).__name__}")


def _name(name: str) -> bytes:
    text = name.encode()
    return _SHORT.pack(len(text)) + text


def decode(data: bytes, limits: Limits | None = None) -> list[Any]:
    """The values in the bytes. Raises Refused (protocol_error) if they are not AMF0.

    Objects, typed objects and ECMA arrays become dicts; undefined and unsupported become None;
    a date becomes its milliseconds since 1970 as a float.
    """
    reader = _Reader(data, limits or Limits())
    values = []
    try:
        while reader.position < len(data):
            values.append(reader.value(0))
    except (struct.error, IndexError):
        raise violation("AMF0 data ends within a value") from None
    return values


class _Reader:
    """A position in AMF0 bytes."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.position = 0
        self._data = data
        self._depth = limits.max_amf_depth
        self._left = limits.max_amf_values

    def value(self, depth: int) -> Any:
        """The value at the position, which moves behind it."""
        if depth > self._depth:
            raise violation(f"AMF0 value nested deeper than {self._depth}")
        self._left -= 1
        if self._left < 0:
            raise violation("AMF0 data holds too many values")
        marker = self._data[self.position]
        self.position += 1
        match marker:
            case 0x00:
                return self._unpack(_NUMBER)
            case 0x01:
                return bool(self._take(1)[0])
            case 0x02:
                return self._text(_SHORT)
            case 0x0C | 0x0F:  # long string, XML document
                return self._text(_LONG)
            case 0x03:
                return self._object(depth)
            case 0x08:  # ECMA array: its count is a hint only (section 2.10)
                self._take(4)
                return self._object(depth)
            case 0x10:
                self._text(_SHORT)
                return self._object(depth)
            case 0x0A:
                return [self.value(depth + 1) for _ in range(self._count())]
            case 0x05 | 0x06 | 0x0D:
                return None
            case 0x0B:
                time = self._unpack(_NUMBER)
                self._take(2)
                return time
        raise violation(f"AMF0 type {marker:#04x} is not supported")

    def _count(self) -> int:
        count: int = self._unpack(_LONG)
        if count > self._left:
            raise violation("AMF0 data holds too many values")
        return count

    def _object(self, depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        while True:
            name = self._text(_SHORT)
            if self._data[self.position] == 0x09:
                if name:
                    raise violation("AMF0 object ends behind a field's name")
                self.position += 1
                return fields
            fields[name] = self.value(depth + 1)

    def _text(self, size: struct.Struct) -> str:
        return self._take(self._unpack(size)).decode("utf-8", "replace")

    def _unpack(self, form: struct.Struct) -> Any:
        return form.unpack(self._take(form.size))[0]

    def _take(self, count: int) -> bytes:
        start, self.position = self.position, self.position + count
        if self.position > len(self._data):
            raise violation("AMF0 data ends within a value")
        return self._data[start : self.position]

"""Avro's binary encoding, value by value: tables and helpers that compiled codecs call.

What is written is text of one character a byte (latin-1): building one text and encoding it once
is twice as fast as joining bytes. Numbers are variable-length zig-zag, seven bits a byte, lowest
first (https://avro.apache.org/docs/1.12.0/specification/#binary-encoding, "Primitive Types").
Readers take the whole buffer and a place in it, and return the value and the place behind it.
Where the buffer ends too early a slice comes out short without a word; `at` is then beyond the end,
where the next read or the check at the end of the record fails.
"""

import struct
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")
Reader = Callable[[bytes, int], tuple[T, int]]

LONG_BYTES: Final = 10
"""Bytes of a long at most: 64 bits, seven a byte."""
INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1
LONG_MIN, LONG_MAX = -(1 << 63), (1 << 63) - 1

_LAST = [chr(byte) for byte in range(128)]
_MORE = [chr(byte | 128) for byte in range(128)]
_TWO_MORE: Final = tuple(low + high for high in _MORE for low in _MORE)
"""14 bits as two bytes after which more come."""
_TWO_LAST: Final = (*_LAST, *(low + high for high in _LAST[1:] for low in _MORE))
"""14 bits as the last one or two bytes."""
_LOW: Final = _TWO_MORE[::2]
"""The lowest 13 bits of a number that is not negative (zig-zag doubles it)."""

SMALL: Final = _TWO_LAST[::2]
"""Numbers, lengths and counts from 0 to 8191, as they are written."""
SPAN: Final = tuple(1 + (byte >> 1) if byte < 128 and not byte & 1 else 0 for byte in range(256))
"""Bytes that a short string takes with its length, by first byte; 0 if it is not short."""
ZIGZAG: Final = tuple((byte >> 1) ^ -(byte & 1) for byte in range(128))
"""The number that one byte stands for."""
BOOLEANS: Final = (False, True)

_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")
pack_double = _DOUBLE.pack
unpack_float, unpack_double = _FLOAT.unpack_from, _DOUBLE.unpack_from


def varint(number: int) -> str:
    """A number of at most 64 bits that is already zig-zag."""
    out = ""
    while number > 127:
        out += _MORE[number & 127]
        number >>= 7
    return out + _LAST[number]


def write_long(value: int) -> str:
    """A long. Raises TypeError or OverflowError."""
    if value.__class__ is int:
        if 0 <= value < 1 << 27:
            return _LOW[value & 8191] + _TWO_LAST[value >> 13] if value > 8191 else SMALL[value]
        if 1 << 41 <= value < 1 << 55:  # microseconds of our days
            return (
                f"{_LOW[value & 8191]}{_TWO_MORE[value >> 13 & 16383]}"
                f"{_TWO_MORE[value >> 27 & 16383]}{_TWO_LAST[value >> 41]}"
            )
    elif not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r:.100} is not an integer")
    if not LONG_MIN <= value <= LONG_MAX:
        raise OverflowError(f"{value} does not fit 64 bits")
    return varint((value << 1) ^ (value >> 63))


def write_int(value: int) -> str:
    """An int. Raises TypeError or OverflowError."""
    written = write_long(value)
    if not INT_MIN <= value <= INT_MAX:
        raise OverflowError(f"{value} does not fit 32 bits")
    return written


def write_boolean(value: bool) -> str:
    """A boolean. Raises TypeError."""
    if value is True:
        return "\1"
    if value is False:
        return "\0"
    raise TypeError(f"{value!r:.100} is not a boolean")


def write_float(value: float) -> str:
    """A float, 4 bytes little-endian. Raises TypeError or OverflowError."""
    return _FLOAT.pack(_number(value)).decode("latin-1")


def write_double(value: float) -> str:
    """A double, 8 bytes little-endian. Raises TypeError or OverflowError."""
    if value.__class__ is not float:
        value = _number(value)
    return pack_double(value).decode("latin-1")


def _number(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (float, int)):
        raise TypeError(f"{value!r:.100} is not a number")
    return value


def utf8(value: str) -> str:
    """The UTF-8 of any text, without its length. Raises TypeError or UnicodeEncodeError."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.100} is not a string")
    return str.encode(value).decode("latin-1")


def octets(value: bytes) -> str:
    """Bytes, without their length. Raises TypeError."""
    if not isinstance(value, bytes):
        raise TypeError(f"{value!r:.100} is not bytes")
    return value.decode("latin-1")


def write_array(values: list[T], write: Callable[[T], str]) -> str:
    """An array: one block of all items, then an empty one. Raises TypeError."""
    if not isinstance(values, list):
        raise TypeError(f"{values!r:.100} is not a list")
    if not values:
        return "\0"
    return f"{write_long(len(values))}{''.join([write(value) for value in values])}\0"


def read_long(buffer: bytes, at: int) -> tuple[int, int]:
    """A long. Raises IndexError or ValueError."""
    first = buffer[at]
    if not first & 1:  # Not negative: half of the zig-zag number, less the bits that say "more".
        if first < 128:
            return first >> 1, at + 1
        second = buffer[at + 1]
        number = (first >> 1) + (second << 6)
        if second < 128:
            return number - 0x40, at + 2
        third = buffer[at + 2]
        number += third << 13
        if third < 128:
            return number - 0x2040, at + 3
        fourth = buffer[at + 3]
        number += fourth << 20
        if fourth < 128:
            return number - 0x10_2040, at + 4
        fifth = buffer[at + 4]
        if fifth < 128:
            return number + (fifth << 27) - 0x810_2040, at + 5
    return _read_long(buffer, at)


def _read_long(buffer: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 7 * LONG_BYTES, 7):
        byte = buffer[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            if number >> 64:
                raise ValueError("a number of more than 64 bits")
            return (number >> 1) ^ -(number & 1), at
    raise ValueError(f"a number of more than {LONG_BYTES} bytes")


def read_int(buffer: bytes, at: int) -> tuple[int, int]:
    """An int. Raises IndexError or ValueError."""
    value, at = read_long(buffer, at)
    if not INT_MIN <= value <= INT_MAX:
        raise ValueError(f"{value} does not fit 32 bits")
    return value, at


class _Seconds(dict[bytes, int]):
    """Upper five of the eight bytes of a timestamp, which change once a second, and their worth.

    Worth 0 if the number does not end there. Bounded: it starts anew when it is full.
    """

    def __missing__(self, upper: bytes) -> int:
        if len(upper) < 5 or upper[4] > 127 or not all(byte > 127 for byte in upper[:4]):
            return 0
        number, _ = _read_long(b"\x80" + upper, 0)
        if len(self) >= 1024:
            self.clear()
        self[upper] = worth = (number << 14) - 0x10_2040
        return worth


_SECONDS: Final = _Seconds()


def read_microseconds(buffer: bytes, at: int) -> tuple[int, int]:
    """A long that is microseconds since 1970, quicker from 1979 to 3111 (numbers of 8 bytes)."""
    worth = _SECONDS[buffer[at + 3 : at + 8]]
    if worth:
        first, second, third = buffer[at], buffer[at + 1], buffer[at + 2]
        if first & second & third & 128 and not first & 1:
            return worth + (first >> 1) + (second << 6) + (third << 13), at + 8
    return read_long(buffer, at)


def read_boolean(buffer: bytes, at: int) -> tuple[bool, int]:
    """A boolean: a byte 0 or 1. Raises IndexError or ValueError."""
    if buffer[at] > 1:
        raise ValueError(f"byte {buffer[at]}, must be 0 or 1")
    return BOOLEANS[buffer[at]], at + 1


def read_float(buffer: bytes, at: int) -> tuple[float, int]:
    """A float. Raises IndexError."""
    return _read_fixed(_FLOAT, buffer, at)


def read_double(buffer: bytes, at: int) -> tuple[float, int]:
    """A double. Raises IndexError."""
    return _read_fixed(_DOUBLE, buffer, at)


def _read_fixed(layout: struct.Struct, buffer: bytes, at: int) -> tuple[float, int]:
    if at + layout.size > len(buffer):
        raise IndexError("a number that ends too early")
    return layout.unpack_from(buffer, at)[0], at + layout.size


def read_string(buffer: bytes, at: int) -> tuple[str, int]:
    """A string of any length. Raises IndexError or ValueError."""
    value, at = read_bytes(buffer, at)
    return value.decode(), at


def read_bytes(buffer: bytes, at: int) -> tuple[bytes, int]:
    """Bytes of any length. Raises IndexError or ValueError."""
    length, at = read_long(buffer, at)
    if not 0 <= length <= len(buffer) - at:
        raise ValueError(f"a length of {length}, {len(buffer) - at} bytes are left")
    return buffer[at : at + length], at + length


def span(buffer: bytes, at: int) -> int:
    """Bytes that a string of any length takes with its length. Raises IndexError or ValueError."""
    length, begins = read_long(buffer, at)
    if not 0 <= length <= len(buffer) - begins:
        raise ValueError(f"a length of {length}, {len(buffer) - begins} bytes are left")
    return begins + length - at


def read_array(buffer: bytes, at: int, read: Reader[T]) -> tuple[list[T], int]:
    """An array: blocks of items, of which the last is empty. Raises IndexError or ValueError.

    A block with a negative count tells its size in bytes, which must be true. An item takes a byte
    at least, so that a count cannot be larger than what is left.
    """
    items: list[T] = []
    while True:
        size = None
        count, at = read_long(buffer, at)
        if count == 0:
            return items, at
        if count < 0:
            size, at = read_long(buffer, at)
        if not 0 < abs(count) <= len(buffer) - at:
            raise ValueError(f"a block of {count} items, {len(buffer) - at} bytes are left")
        began = at
        for _ in range(abs(count)):
            item, at = read(buffer, at)
            items.append(item)
        if size is not None and at - began != size:
            raise ValueError(f"a block of {size} bytes that takes {at - began}")

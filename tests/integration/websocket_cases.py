"""What the Autobahn test suite sends to a server, group by group, and what has to come back.

Numbers are those of the suite. Groups 1 to 7, 9 and 10; binary messages, which are echoed there,
are refused with 1003 here. Groups 12 and 13 are about compression, which is never negotiated.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.integration.websocket_client import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Received,
    client_frame,
    close,
)

PROTOCOL_ERROR, UNSUPPORTED, NOT_UTF8 = 1002, 1003, 1007
WHOLE = 1 << 30
"""All frames in one piece."""


class Case(NamedTuple):
    """Frames that a client sends, and what it gets before the close."""

    number: str
    sends: list[bytes]
    gets: list[Received]
    ends: int = 1000
    """The code of the server's close; the client closes with 1000 where nothing was wrong."""
    chop: int = 0
    """Bytes sent at a time; 0 for each frame by itself."""


def text(payload: bytes) -> bytes:
    return client_frame(TEXT, payload)


def ping(payload: bytes = b"") -> bytes:
    return client_frame(PING, payload)


def echo(payload: bytes) -> Received:
    return Received(TEXT, payload)


def pong(payload: bytes = b"") -> Received:
    return Received(PONG, payload)


def first(payload: bytes, opcode: int = TEXT) -> bytes:
    return client_frame(opcode, payload, final=False)


def middle(payload: bytes) -> bytes:
    return client_frame(CONTINUATION, payload, final=False)


def last(payload: bytes) -> bytes:
    return client_frame(CONTINUATION, payload)


def fragments(payload: bytes, size: int) -> list[bytes]:
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    return [first(pieces[0]), *map(middle, pieces[1:-1]), last(pieces[-1])]


def framing() -> Iterator[Case]:
    sizes = [0, 125, 126, 127, 128, 65535, 65536]
    for number, size in enumerate(sizes, 1):
        yield Case(f"1.1.{number}", [text(b"*" * size)], [echo(b"*" * size)])
        binary = client_frame(BINARY, b"\xfe" * size)
        yield Case(f"1.2.{number}", [binary], [], UNSUPPORTED)
    yield Case("1.1.8", [text(b"*" * 65536)], [echo(b"*" * 65536)], chop=997)
    yield Case("1.2.8", [client_frame(BINARY, b"\xfe" * 65536)], [], UNSUPPORTED, chop=997)


def pings() -> Iterator[Case]:
    odd = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
    yield Case("2.1", [ping()], [pong()])
    yield Case("2.2", [ping(b"Hello, world!")], [pong(b"Hello, world!")])
    yield Case("2.3", [ping(odd)], [pong(odd)])
    yield Case("2.4", [ping(b"\xfe" * 125)], [pong(b"\xfe" * 125)])
    yield Case("2.5", [ping(b"\xfe" * 126)], [], PROTOCOL_ERROR)
    yield Case("2.6", [ping(b"\xfe" * 125)], [pong(b"\xfe" * 125)], chop=1)
    yield Case("2.7", [client_frame(PONG)], [])
    yield Case("2.8", [client_frame(PONG, b"unasked")], [])
    yield Case("2.9", [client_frame(PONG, b"unasked"), ping(b"asked")], [pong(b"asked")])
    ten = [b"payload-%d" % number for number in range(10)]
    yield Case("2.10", [*map(ping, ten)], [*map(pong, ten)])
    yield Case("2.11", [*map(ping, ten)], [*map(pong, ten)], chop=1)


def reserved_bits() -> Iterator[Case]:
    hello, answer = text(b"Hello, world!"), echo(b"Hello, world!")

    def wrong(opcode: int, reserved: int) -> bytes:
        return client_frame(opcode, b"Hello, world!", reserved=reserved)

    yield Case("3.1", [wrong(TEXT, 1)], [], PROTOCOL_ERROR)
    for number, chop in (("3.2", WHOLE), ("3.3", 0)):
        sends = [hello, wrong(TEXT, 2), ping()]
        yield Case(number, sends, [answer], PROTOCOL_ERROR, chop)
    yield Case("3.4", [hello, wrong(TEXT, 3), ping()], [answer], PROTOCOL_ERROR, chop=1)
    yield Case("3.5", [wrong(BINARY, 5)], [], PROTOCOL_ERROR)
    yield Case("3.6", [wrong(PING, 6)], [], PROTOCOL_ERROR)
    yield Case("3.7", [wrong(CLOSE, 7)], [], PROTOCOL_ERROR)


def opcodes() -> Iterator[Case]:
    hello, answer = text(b"Hello, world!"), echo(b"Hello, world!")
    for group, codes in ((1, range(3, 8)), (2, range(11, 16))):
        one, two, three, four, five = codes
        number = f"4.{group}"
        yield Case(f"{number}.1", [client_frame(one)], [], PROTOCOL_ERROR)
        yield Case(f"{number}.2", [client_frame(two, b"reserved")], [], PROTOCOL_ERROR)
        sends = [hello, client_frame(three), ping()]
        yield Case(f"{number}.3", sends, [answer], PROTOCOL_ERROR)
        sends = [hello, client_frame(four, b"reserved"), ping()]
        yield Case(f"{number}.4", sends, [answer], PROTOCOL_ERROR)
        sends = [hello, client_frame(five, b"reserved"), ping()]
        yield Case(f"{number}.5", sends, [answer], PROTOCOL_ERROR, chop=1)


def fragmentation() -> Iterator[Case]:
    chops = (WHOLE, 0, 1)
    yield Case("5.1", [first(b"1", PING), last(b"2")], [], PROTOCOL_ERROR)
    yield Case("5.2", [first(b"1", PONG), last(b"2")], [], PROTOCOL_ERROR)
    pair = [first(b"fragment1"), last(b"fragment2")]
    got = echo(b"fragment1fragment2")
    for number, chop in zip((3, 4, 5), chops, strict=True):
        yield Case(f"5.{number}", pair, [got], chop=chop)
    between = [pair[0], ping(b"between"), pair[1]]
    for number, chop in zip((6, 7, 8), chops, strict=True):
        yield Case(f"5.{number}", between, [pong(b"between"), got], chop=chop)
    for number, piece in ((9, last(b"nothing to go on with")), (12, middle(b"nothing"))):
        for more, chop in enumerate(chops):
            sends = [piece, text(b"Hello, world!")]
            yield Case(f"5.{number + more}", sends, [], PROTOCOL_ERROR, chop)
    sends = [*pair, middle(b"fragment3"), last(b"fragment4")]
    yield Case("5.15", sends, [got], PROTOCOL_ERROR)
    twice = [middle(b"fragment1"), first(b"fragment2"), last(b"fragment3")] * 2
    yield Case("5.16", twice, [], PROTOCOL_ERROR)
    twice = [last(b"fragment1"), first(b"fragment2"), last(b"fragment3")] * 2
    yield Case("5.17", twice, [], PROTOCOL_ERROR)
    yield Case("5.18", [first(b"fragment1"), text(b"fragment2")], [], PROTOCOL_ERROR)
    five = [first(b"fragment1"), middle(b"fragment2"), ping(b"one"), middle(b"fragment3")]
    five += [ping(b"two"), middle(b"fragment4"), last(b"fragment5")]
    joined = b"".join(b"fragment%d" % number for number in range(1, 6))
    for number, chop in ((19, 0), (20, 1)):
        gets = [pong(b"one"), pong(b"two"), echo(joined)]
        yield Case(f"5.{number}", five, gets, chop=chop)


GREEK = "κόσμε".encode()
VALID = "Hello-µ@ßöäüàá-UTF-8!!".encode()
BROKEN = GREEK + b"\xed\xa0\x80" + b"edited"


def utf8() -> Iterator[Case]:
    yield Case("6.1.1", [text(b"")], [echo(b"")])
    yield Case("6.1.2", [first(b""), middle(b""), last(b"")], [echo(b"")])
    yield Case("6.1.3", [first(b""), middle(b"middle"), last(b"")], [echo(b"middle")])
    yield Case("6.2.1", [text(VALID)], [echo(VALID)])
    yield Case("6.2.2", [first(VALID[:9]), last(VALID[9:])], [echo(VALID)])
    yield Case("6.2.3", fragments(VALID, 1), [echo(VALID)])
    yield Case("6.2.4", fragments(GREEK, 1), [echo(GREEK)])
    yield Case("6.3.1", [text(BROKEN)], [], NOT_UTF8)
    yield Case("6.3.2", fragments(BROKEN, 1), [], NOT_UTF8)
    early = [first(GREEK), middle(b"\xf4\x90\x80\x80"), last(b"edited")]
    yield Case("6.4.1", early, [], NOT_UTF8)
    early = [first(GREEK + b"\xf4"), middle(b"\x90"), last(b"\x80\x80edited")]
    yield Case("6.4.2", early, [], NOT_UTF8)
    yield Case("6.4.3", [text(GREEK + b"\xf4\x90\x80\x80edited")], [], NOT_UTF8, chop=7)
    yield Case("6.4.4", [text(GREEK + b"\xf4\x90\x80\x80edited")], [], NOT_UTF8, chop=1)
    for group, number, payload, valid in sequences():
        gets, ends = ([echo(payload)], 1000) if valid else ([], NOT_UTF8)
        yield Case(f"6.{group}.{number}", [text(payload)], gets, ends)


def sequences() -> Iterator[tuple[int, int, bytes, bool]]:
    """Markus Kuhn's stress test of decoders: group, number, octets, whether they are UTF-8."""
    for number in range(1, len(GREEK) + 1):
        valid = GREEK[:number].decode(errors="ignore").encode() == GREEK[:number]
        yield 6, number, GREEK[:number], valid
    groups: list[tuple[int, bool, list[bytes]]] = [
        (7, True, [b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"]),
        (8, False, [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"]),
        (9, True, [b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"]),
        (10, False, [b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"]),
        (11, True, [b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf"]),
        (11, False, [b"\xf4\x90\x80\x80"]),
        (12, False, [b"\x80", b"\xbf", *(b"\x80\xbf" * count for count in range(1, 4))]),
        (12, False, [bytes(range(0x80, 0xC0))]),
        (13, False, [lonely(0xC0, 0xE0), lonely(0xE0, 0xF0), lonely(0xF0, 0xF8)]),
        (13, False, [lonely(0xF8, 0xFC), lonely(0xFC, 0xFE)]),
        (14, False, INCOMPLETE),
        (15, False, [b"".join(INCOMPLETE)]),
        (16, False, [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"]),
        (17, False, [b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf"]),
        (17, False, [b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf"]),
        (18, False, [b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf"]),
        (18, False, [b"\xf8\x87\xbf\xbf\xbf", b"\xfc\x83\xbf\xbf\xbf\xbf"]),
        (19, False, [b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80"]),
        (19, False, [b"\xf8\x80\x80\x80\x80", b"\xfc\x80\x80\x80\x80\x80"]),
        (20, False, [surrogate(each) for each in SURROGATES]),
        (21, False, [surrogate(high) + surrogate(low) for high, low in PAIRS]),
        (22, True, [chr(each).encode() for each in NONCHARACTERS]),
        (23, True, [chr(each).encode() for each in range(0xFFF9, 0xFFFE)]),
    ]
    counts: dict[int, int] = {}
    for group, valid, payloads in groups:
        for payload in payloads:
            counts[group] = counts.get(group, 0) + 1
            yield group, counts[group], payload, valid


def lonely(start: int, end: int) -> bytes:
    """First octets of sequences, each followed by a space."""
    return b"".join(bytes((each, 0x20)) for each in range(start, end))


def surrogate(point: int) -> bytes:
    return chr(point).encode(errors="surrogatepass")


INCOMPLETE = [
    *(b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80", b"\xfc\x80\x80\x80\x80"),
    *(b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf", b"\xfb\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf"),
]
SURROGATES = [0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF]
PAIRS = [(high, low) for high in (0xD800, 0xDB7F, 0xDB80, 0xDBFF) for low in (0xDC00, 0xDFFF)]
NONCHARACTERS = [plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF)]


def closing() -> Iterator[Case]:
    hello, answer = text(b"Hello World!"), echo(b"Hello World!")
    yield Case("7.1.1", [hello, close()], [answer])
    yield Case("7.1.2", [close(), close()], [])
    yield Case("7.1.3", [close(), ping()], [])
    yield Case("7.1.4", [close(), hello], [])
    yield Case("7.1.5", [first(b"fragment1"), close(), last(b"fragment2")], [])
    large = b"BAsd7&jh23" * 26_214
    yield Case("7.1.6", [text(large), close(), ping()], [echo(large)])
    yield Case("7.3.1", [close(None)], [], 0)
    yield Case("7.3.2", [client_frame(CLOSE, b"a")], [], PROTOCOL_ERROR)
    yield Case("7.3.3", [close(1000)], [])
    yield Case("7.3.4", [close(1000, b"Hello World!")], [])
    yield Case("7.3.5", [close(1000, b"*" * 123)], [])
    yield Case("7.3.6", [close(1000, b"*" * 124)], [], PROTOCOL_ERROR)
    yield Case("7.5.1", [close(1000, BROKEN)], [], NOT_UTF8)
    valid = [*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999]
    for number, code in enumerate(valid, 1):
        yield Case(f"7.7.{number}", [close(code)], [], code)
    invalid = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]
    for number, code in enumerate(invalid, 1):
        yield Case(f"7.9.{number}", [close(code)], [], PROTOCOL_ERROR)


def large() -> Iterator[Case]:
    sizes = [1 << 16, 1 << 18, 1 << 20, 1 << 22]
    for number, size in enumerate(sizes, 1):
        payload = b"*" * size
        yield Case(f"9.1.{number}", [text(payload)], [echo(payload)], chop=WHOLE)
    mebibyte = b"*" * (1 << 20)
    for number, power in enumerate(range(6, 20, 2), 1):
        yield Case(f"9.3.{number}", fragments(mebibyte, 1 << power), [echo(mebibyte)])
    for number, power in enumerate(range(6, 12), 1):
        yield Case(f"9.5.{number}", [text(mebibyte)], [echo(mebibyte)], chop=1 << power)
    for number, size in enumerate((0, 16, 64, 256, 1024, 4096), 1):
        payload = b"*" * size
        yield Case(f"9.7.{number}", [text(payload)] * 200, [echo(payload)] * 200)
    payload = b"*" * 65536
    yield Case("10.1.1", fragments(payload, 1300), [echo(payload)])


def cases() -> list[Case]:
    groups = (framing, pings, reserved_bits, opcodes, fragmentation, utf8, closing, large)
    return [case for group in groups for case in group()]

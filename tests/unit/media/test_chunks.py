import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import Refused
from media.rtmp.chunks import ChunkReader, Message, write_message
from media.rtmp.limits import Limits


def header(form: int, *, time: int = 0, length: int = 0, kind: int = 8, chunk: int = 4) -> bytes:
    """A chunk header with its extended timestamp, and stream id 1."""
    short = min(time, 0xFFFFFF)
    extended = time.to_bytes(4, "big") if time >= 0xFFFFFF else b""
    parts = [bytes((form << 6 | chunk,))]
    if form < 3:
        parts.append(short.to_bytes(3, "big"))
    if form < 2:
        parts.append(length.to_bytes(3, "big") + bytes((kind,)))
    if form < 1:
        parts.append((1).to_bytes(4, "little"))
    return b"".join(parts) + extended


def read(data: bytes) -> list[Message]:
    return ChunkReader(Limits()).feed(data)


def times(data: bytes) -> list[int]:
    return [message.timestamp for message in read(data)]


PAYLOADS = st.tuples(
    st.sampled_from([8, 9, 18, 20]),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=600),
    st.integers(2, 63),
)


@given(
    st.lists(PAYLOADS, max_size=8),
    st.sampled_from([128, 129, 400, 4096]),
    st.lists(st.integers(1, 200), max_size=40),
)
def test_messages_survive_any_chunk_size_and_any_cut(
    messages: list[tuple[int, int, bytes, int]], chunk_size: int, cuts: list[int]
) -> None:
    data = write_message(1, chunk_size.to_bytes(4, "big"), chunk_stream=2)
    for kind, time, payload, chunk in messages:
        data += write_message(
            kind, payload, chunk_stream=chunk, stream_id=1, timestamp=time, chunk_size=chunk_size
        )
    reader, found, at = ChunkReader(Limits()), [], 0
    for cut in [*cuts, len(data)]:
        found += reader.feed(data[at : at + cut])
        at += cut
    expected = [Message(kind, time, 1, payload) for kind, time, payload, _ in messages]
    assert found == expected
    assert reader.held == 0


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # type 1 and 2 add deltas; type 3 repeats the last
        (
            header(0, time=1000, length=1)
            + b"a"
            + header(1, time=20, length=1)
            + b"b"
            + header(2, time=30)
            + b"c"
            + header(3)
            + b"d",
            [1000, 1020, 1050, 1080],
        ),
        # type 3 after type 0: the delta is the timestamp itself (5.3.1.2.4)
        (header(0, time=40, length=1) + b"a" + header(3) + b"b", [40, 80]),
        # extended from 0xFFFFFF on (5.3.1.3)
        (header(0, time=0xFFFFFE, length=1) + b"a", [0xFFFFFE]),
        (header(0, time=0xFFFFFF, length=1) + b"a", [0xFFFFFF]),
        (header(0, time=0x1000000, length=1) + b"a", [0x1000000]),
        (header(0, time=0xFFFFFFFF, length=1) + b"a", [0xFFFFFFFF]),
        # a delta may be extended, too
        (header(0, length=1) + b"a" + header(1, time=0x1234567, length=1) + b"b", [0, 0x1234567]),
        # type 3 that begins a message carries the extended delta again
        (
            header(0, length=1)
            + b"a"
            + header(2, time=0x1000000)
            + b"b"
            + header(3)
            + (0x1000000).to_bytes(4, "big")
            + b"c",
            [0, 0x1000000, 0x2000000],
        ),
        # after an extended header, one with a small delta is not extended
        (
            header(0, time=0x1000000, length=1)
            + b"a"
            + header(2, time=5)
            + b"b"
            + header(3)
            + b"c",
            [0x1000000, 0x1000005, 0x100000A],
        ),
        # the sum wraps at 2³²
        (header(0, time=0xFFFFFFFF, length=1) + b"a" + header(2, time=11) + b"b", [0xFFFFFFFF, 10]),
    ],
)
def test_timestamps(data: bytes, expected: list[int]) -> None:
    assert times(data) == expected


def test_continuations_repeat_the_extended_timestamp() -> None:
    payload = bytes(range(256)) * 2
    data = write_message(9, payload, chunk_stream=6, timestamp=0x1000000)
    assert len(data) == 12 + 4 + 3 * 5 + 512
    assert read(data) == [Message(9, 0x1000000, 0, payload)]


def test_continuations_of_old_encoders_do_not() -> None:
    payload = bytes(range(256)) * 2
    pieces = [payload[at : at + 128] for at in range(0, 512, 128)]
    data = header(0, time=0x1000000, length=512) + header(3).join(pieces)
    assert read(data) == [Message(8, 0x1000000, 1, payload)]


def test_chunk_streams_interleave_and_have_wide_numbers() -> None:
    first, second = b"a" * 200, b"b" * 200
    wide = [b"\x00\x10", b"\x01\x10\x02"]  # chunk streams 80 and 592 (5.3.1.1)
    rest = header(0, length=200)[1:]
    data = wide[0] + rest + first[:128] + wide[1] + rest + second[:128]
    data += b"\xc0\x10" + first[128:] + b"\xc1\x10\x02" + second[128:]
    assert [message.payload for message in read(data)] == [first, second]


def test_abort_drops_the_unfinished_message() -> None:
    data = header(0, length=200) + b"a" * 128
    data += write_message(2, (4).to_bytes(4, "big"), chunk_stream=2)
    data += header(0, time=7, length=1) + b"b"
    assert read(data) == [Message(8, 7, 1, b"b")]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (write_message(1, (127).to_bytes(4, "big"), chunk_stream=2), "chunk size is 127"),
        (write_message(1, (1 << 25).to_bytes(4, "big"), chunk_stream=2), "chunk size is"),
        (write_message(1, b"\0", chunk_stream=2), "Set Chunk Size has 1 bytes"),
        (header(0, length=(8 << 20) + 1), "has 8388609 bytes, may have 8388608"),
        (header(0, length=(64 << 10) + 1, kind=20), "has 65537 bytes, may have 65536"),
        (header(3), "begins with a type 3 header"),
        (header(2), "begins with a type 2 header"),
        (header(0, length=200) + bytes(128) + header(0, length=1), "before the one before it"),
        (
            b"".join(header(0, length=0, chunk=n) for n in range(2, 64))
            + b"\x00\x00"
            + header(0)[1:]
            + b"\x00\x01"
            + header(0)[1:]
            + b"\x00\x02"
            + header(0)[1:],
            "more than 64 chunk streams",
        ),
        (
            b"".join(header(0, length=8 << 20, chunk=n) + bytes(128) for n in (4, 5)),
            "too many unfinished",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(Refused, match=rule):
        read(data)

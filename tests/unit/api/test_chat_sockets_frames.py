"""Reading and writing WebSocket frames, and requests for them."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.chat.sockets.frames import (
    Closed,
    Code,
    Event,
    Failed,
    Ping,
    Pong,
    Reader,
    Text,
    close_frame,
    frame,
    ping_frame,
)
from api.chat.sockets.handshake import Refusal, Upgrade, accepted, read_upgrade, refused

LARGEST = 300


def masked(first: int, payload: bytes, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    size = len(payload)
    head = bytes((first, 0x80 | size)) if size < 126 else bytes((first, 0xFE, *size.to_bytes(2)))
    return head + mask + bytes(octet ^ mask[at % 4] for at, octet in enumerate(payload))


FRAMES = st.one_of(
    st.text(max_size=80).map(lambda text: masked(0x81, text.encode())),
    st.text(max_size=80).map(lambda text: masked(0x01, text.encode())),
    st.text(max_size=80).map(lambda text: masked(0x80, text.encode())),
    st.binary(max_size=125).map(lambda payload: masked(0x89, payload)),
    st.binary(max_size=125).map(lambda payload: masked(0x8A, payload)),
    st.builds(masked, st.integers(0, 255), st.binary(max_size=400)),
    st.binary(max_size=40),
)
STREAMS = st.lists(FRAMES, max_size=12).map(b"".join)


def events(pieces: list[bytes]) -> list[Event]:
    reader = Reader(LARGEST)
    return [event for piece in pieces for event in reader.feed(piece)]


def split(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


@given(stream=STREAMS, cuts=st.lists(st.integers(0, 10_000), max_size=20))
def test_any_bytes_in_any_pieces_give_the_same_events(stream: bytes, cuts: list[int]):
    whole = events([stream])
    assert events(split(stream, cuts)) == whole
    assert events([bytes((octet,)) for octet in stream]) == whole


@given(stream=STREAMS)
@example(stream=masked(0x88, b"") + masked(0x81, b"late"))
def test_nothing_comes_after_the_end(stream: bytes):
    found = events([stream, masked(0x81, b"more"), masked(0x89, b"")])
    ends = [at for at, event in enumerate(found) if isinstance(event, Closed | Failed)]
    assert len(ends) <= 1
    assert ends in ([], [len(found) - 1])
    assert all(len(event.text.encode()) <= LARGEST for event in found if isinstance(event, Text))


@given(text=st.text(max_size=75), cuts=st.lists(st.integers(0, 300), max_size=6))
def test_a_message_may_come_in_fragments_cut_anywhere(text: str, cuts: list[int]):
    pieces = split(text.encode(), cuts)
    sent = [masked(0x01 if at == 0 else 0x00, piece) for at, piece in enumerate(pieces)]
    sent[-1] = bytes((sent[-1][0] | 0x80,)) + sent[-1][1:]
    assert events([b"".join(sent)]) == [Text(text)]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (masked(0x82, b"\0"), Code.UNSUPPORTED),
        (masked(0x81, b"x" * 301), Code.TOO_BIG),
        (masked(0x01, b"x" * 200) + masked(0x80, b"x" * 101), Code.TOO_BIG),
        (b"\x81\xff\x00\x00\x7f\xff\xff\xff\xff\xff", Code.TOO_BIG),
        (masked(0x81, b"\xff"), Code.NOT_UTF8),
        (masked(0x01, b"\xc3") + masked(0x80, b""), Code.NOT_UTF8),
        (b"\x81\x01x", Code.PROTOCOL_ERROR),
    ],
)
def test_a_broken_rule_has_its_code(sent: bytes, code: Code):
    (failed,) = events([sent])
    assert isinstance(failed, Failed)
    assert failed.code == code


def test_control_frames_come_between_fragments():
    sent = masked(0x01, b"a") + masked(0x89, b"?") + masked(0x8A, b"!") + masked(0x80, b"b")
    assert events([sent]) == [Ping(b"?"), Pong(b"!"), Text("ab")]


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_frame_has_the_shortest_length(size: int, head: bytes):
    assert frame(b"x" * size) == head + b"x" * size


def test_a_reason_fits_into_a_control_frame_as_utf8():
    cut = close_frame(1008, "é" * 100)
    assert len(cut) <= 127
    assert cut[4:].decode() == "é" * 61
    assert close_frame(Code.NO_STATUS) == b"\x88\x00"
    assert ping_frame(b"x") == b"\x89\x01x"


REQUEST = {
    "Host": "chat.example",
    "Upgrade": "WebSocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def head(line: str = "GET /chat HTTP/1.1", **changed: str | None) -> bytes:
    headers = REQUEST | {name.replace("_", "-"): value for name, value in changed.items()}
    said = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([line, *said]).encode()


def test_an_upgrade_says_what_was_asked_for():
    asked = head(
        "GET /chat%20room?token=a%26b&since=7&since=9&empty= HTTP/1.1",
        Origin="https://example.org",
        Sec_WebSocket_Protocol="irc, json",
    )
    upgrade = read_upgrade(asked, "192.0.2.7")
    assert isinstance(upgrade, Upgrade)
    assert (upgrade.peer, upgrade.path) == ("192.0.2.7", "/chat room")
    assert upgrade.query == {"token": "a&b", "since": "9", "empty": ""}
    assert upgrade.origin == "https://example.org"
    assert list(upgrade.subprotocols) == ["irc", "json"]
    assert upgrade.headers["host"] == "chat.example"


def test_the_answer_is_that_of_the_rfc():
    """RFC 6455, section 1.3."""
    upgrade = read_upgrade(head(), "")
    assert isinstance(upgrade, Upgrade)
    lines = accepted(upgrade, "irc").decode().split("\r\n")
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in lines
    assert "Sec-WebSocket-Protocol: irc" in lines
    assert lines[-2:] == ["", ""]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (head("POST / HTTP/1.1"), 405),
        (head("GET / HTTP/1.0"), 400),
        (head("GET http://x/ HTTP/1.1"), 400),
        (head("nonsense"), 400),
        (head(Host=None), 400),
        (head(Upgrade=None), 426),
        (head(Connection="close"), 426),
        (head(Sec_WebSocket_Version="8"), 426),
        (head(Sec_WebSocket_Key=None), 400),
        (head(Sec_WebSocket_Key="c2hvcnQ="), 400),
        (head() + b"\r\nno colon", 400),
        (head() + b"\r\nSpace : in name", 400),
        (head() + b"\r\nX: a\nb", 400),
        (head("GET /?" + "&".join("a=1" for _ in range(40)) + " HTTP/1.1"), 400),
    ],
)
def test_what_is_no_upgrade_is_refused(asked: bytes, status: int):
    refusal = read_upgrade(asked, "")
    assert isinstance(refusal, Refusal)
    assert refusal.status == status
    answer = refused(refusal)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert (b"Sec-WebSocket-Version: 13" in answer) == (status == 426)


@given(asked=st.one_of(st.binary(max_size=300), st.binary(max_size=60).map(lambda b: head() + b)))
def test_any_bytes_are_an_upgrade_or_refused(asked: bytes):
    assert isinstance(read_upgrade(asked, ""), Upgrade | Refusal)

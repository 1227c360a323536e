import hashlib
import hmac
import random
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import Refused
from media.flv import Tag
from media.rtmp import amf0, handshake
from media.rtmp.chunks import ChunkReader, write_message
from media.rtmp.connection import Connection, Event, PublishEnded, PublishRequested
from media.rtmp.limits import Limits
from tests import rtmp_publisher as client

TAGS = [
    Tag(18, 0, amf0.encode("onMetaData", {"encoder": "test", "width": 640})),
    Tag(9, 0, b"\x17\x00\0\0\0config"),
    Tag(8, 0, b"\xaf\x00\x12\x10"),
    Tag(9, 40, b"\x17\x01\0\0\0" + b"frame" * 2000),
    Tag(8, 46, b"\xaf\x01sound"),
]
STREAM = client.opening("live_id_secret") + b"".join(map(client.media, TAGS)) + client.closing()


def open_connection(limits: Limits | None = None) -> tuple[Connection, list[Event]]:
    connection = Connection(limits or Limits())
    events = connection.receive(client.opening("live_id_secret?x=1"), 0.0)
    connection.outgoing()
    return connection, events


def answers(out: bytes) -> list[tuple[int, Any]]:
    reader = ChunkReader(Limits())
    return [
        (message.kind, amf0.decode(message.payload) if message.kind == 20 else message.payload)
        for message in reader.feed(out)
    ]


def test_a_whole_broadcast_in_any_pieces() -> None:
    for size in (1, 7, 1000, len(STREAM)):
        connection, events = Connection(Limits()), []
        for at in range(0, len(STREAM), size):
            events += connection.receive(STREAM[at : at + size], 0.0)
        request = PublishRequested("live", "live_id_secret", "FMLE/3.0 (test)")
        assert events == [request, *TAGS, PublishEnded()]
        assert connection.held == 0


def test_the_handshake_echoes_a_plain_greeting() -> None:
    connection = Connection(Limits())
    noise = bytes(range(256)) * 6
    connection.receive(b"\x03" + bytes(8) + noise[:1528], 0.0)
    out = connection.outgoing()
    assert out[0] == 3
    assert len(out) == 1 + 2 * 1536
    assert out[1537:] == bytes(8) + noise[:1528]


@pytest.mark.parametrize("layout", [8, 772])
def test_a_signed_greeting_gets_a_signed_answer(layout: int) -> None:
    c1 = bytearray(bytes(4) + bytes((124, 2, 0, 9)) + random.Random(1).randbytes(1528))
    at = sum(c1[layout : layout + 4]) % 728 + layout + 4
    key = b"Genuine Adobe Flash Player 001"
    digest = hmac.digest(key, bytes(c1[:at] + c1[at + 32 :]), "sha256")
    c1[at : at + 32] = digest
    out = handshake.reply(b"\x03" + bytes(c1))
    s1, s2 = out[1:1537], out[1537:]
    at = sum(s1[layout : layout + 4]) % 728 + layout + 4
    server = b"Genuine Adobe Flash Media Server 001"
    assert s1[at : at + 32] == hmac.digest(server, s1[:at] + s1[at + 32 :], "sha256")
    assert s2[-32:] != hashlib.sha256(s2[:-32]).digest()
    assert s2[:1504] != bytes(c1[:1504])


def test_connect_is_answered_as_encoders_expect() -> None:
    connection = Connection(Limits())
    connection.receive(client.GREETING + client.FAREWELL_OF_HANDSHAKE, 0.0)
    connection.outgoing()
    connection.receive(client.command("connect", 1, {"app": "live"}), 0.0)
    connection.receive(client.command("createStream", 4, None), 0.0)
    connection.receive(client.command("FCPublish", 5, None, "k"), 0.0)
    connection.receive(client.command("_checkbw", 6, None), 0.0)
    found = answers(connection.outgoing())
    assert [kind for kind, _ in found] == [5, 6, 20, 20, 20, 20]
    assert found[2][1][0] == "_result"
    assert found[2][1][3]["code"] == "NetConnection.Connect.Success"
    assert found[3][1] == ["_result", 4.0, None, 1.0]
    assert [values[:2] for _, values in found[4:]] == [["_result", 5.0], ["_result", 6.0]]


def test_accept_and_refuse_are_told() -> None:
    connection, _ = open_connection()
    connection.accept()
    connection.refuse("Because.")
    *_, accepted, refused = answers(connection.outgoing())
    assert accepted[1][3]["code"] == "NetStream.Publish.Start"
    assert refused[1][3]["code"] == "NetStream.Publish.BadName"
    assert refused[1][3]["level"] == "error"
    assert refused[1][3]["description"] == "Because."


def test_a_connection_over_a_limit_is_told_at_connect() -> None:
    connection = Connection(
        Limits(), refusal=Refused("too_many_connections", "The server is full.")
    )
    with pytest.raises(Refused, match="full"):
        connection.receive(client.opening("k"), 0.0)
    out = connection.outgoing()[1 + 2 * 1536 :]
    ((_, values),) = answers(out)
    assert values[0] == "_error"
    assert values[3]["code"] == "NetConnection.Connect.Rejected"
    assert values[3]["description"] == "The server is full."


def test_pings_are_answered_and_bytes_acknowledged() -> None:
    connection, _ = open_connection()
    connection.receive(write_message(4, struct.pack(">HI", 6, 77), chunk_stream=2), 0.0)
    assert answers(connection.outgoing()) == [(4, struct.pack(">HI", 7, 77))]
    connection.receive(write_message(5, struct.pack(">I", 20_000), chunk_stream=2), 0.0)
    for _ in range(10):
        connection.receive(client.media(Tag(9, 0, b"\x27\x01" + bytes(5000))), 0.0)
    found = answers(connection.outgoing())
    assert [kind for kind, _ in found] == [3, 3]
    assert int.from_bytes(found[0][1], "big") > 20_000


def test_a_publisher_that_names_no_window_gets_no_acknowledgements() -> None:
    connection, _ = open_connection()
    for _ in range(100):
        connection.receive(client.media(Tag(9, 0, b"\x27\x01" + bytes(50_000))), 0.0)
    assert connection.waiting == 0


def test_timestamps_pass_the_wrap() -> None:
    connection, _ = open_connection()
    around = [0xFFFFFF00, 0xFFFFFFF0, 0x10, 0xFFFFFFF8, 0x30]
    events: list[Event] = []
    for at in around:
        events += connection.receive(client.media(Tag(8, at, b"\xaf\x01x")), 0.0)
    found = [event.timestamp for event in events if isinstance(event, Tag)]
    assert found == [0xFFFFFF00, 0xFFFFFFF0, 0x100000010, 0xFFFFFFF8, 0x100000030]


def test_amf3_commands_and_aggregates_are_read() -> None:
    connection, _ = open_connection()
    payload = b"\x00" + amf0.encode("getStreamLength", 9, None)
    connection.receive(write_message(17, payload, chunk_stream=3, chunk_size=4096), 0.0)
    assert answers(connection.outgoing())[0][1][:2] == ["_result", 9.0]
    body = b"".join(
        bytes((kind,))
        + len(data).to_bytes(3, "big")
        + at.to_bytes(3, "big")
        + bytes(4)
        + data
        + (len(data) + 11).to_bytes(4, "big")
        for kind, at, data in ((9, 500, b"\x27\x01aaaa"), (8, 510, b"\xaf\x01b"))
    )
    message = write_message(22, body, chunk_stream=6, timestamp=1000, chunk_size=4096)
    events = connection.receive(message, 0.0)
    assert events == [Tag(9, 1000, b"\x27\x01aaaa"), Tag(8, 1010, b"\xaf\x01b")]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"GET / HTTP/1.1\r\n", "handshake version is 71"),
        (client.GREETING + bytes(1536) + client.command("publish", 1, None, "k"), "before `conn"),
        (client.opening("k") + client.command("publish", 9, None, "k", chunk_size=4096), "twice"),
        (client.opening("k") + client.command("connect", 9, {}, chunk_size=4096), "twice"),
        (client.opening("k") + client.command("play", 9, None, "k", chunk_size=4096), "to play"),
        (client.opening("k") + client.command("x", 0) * 60, "commands a second"),
        (client.opening("k") + client.media(Tag(8, 0, b"")) * 60, "commands a second"),
        (client.opening("k") + client.command(5.0), "begins with its name"),
    ],
)
def test_what_breaks_a_rule_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(Refused, match=rule) as caught:
        Connection(Limits()).receive(data, 0.0)
    assert caught.value.reason == "protocol_error"


def survives(pieces: list[bytes]) -> None:
    """Any bytes are understood or refused, and little is held."""
    limits = Limits(max_message_size=1 << 16, max_command_size=1 << 12)
    connection = Connection(limits)
    try:
        for piece in pieces:
            connection.receive(piece, 0.0)
            assert connection.held <= (1 << 16) + (1 << 12) + 2 * 1536 + 32
            assert len(connection.outgoing()) < 64_000
    except Refused:
        return


@given(st.lists(st.binary(max_size=4000), max_size=6))
def test_random_bytes_are_understood_or_refused(pieces: list[bytes]) -> None:
    survives(pieces)
    survives([client.GREETING, client.FAREWELL_OF_HANDSHAKE, *pieces])
    survives([client.opening("k"), *pieces])


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(3073, len(STREAM) - 1), st.binary(max_size=6)), max_size=8),
    st.integers(1, 5000),
)
def test_a_damaged_broadcast_is_understood_or_refused(
    damages: list[tuple[int, bytes]], size: int
) -> None:
    damaged = bytearray(STREAM)
    for at, data in damages:
        damaged[at : at + len(data)] = data
    survives([bytes(damaged[at : at + size]) for at in range(0, len(damaged), size)])

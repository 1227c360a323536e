"""The edge's WebSockets against what the Autobahn suite checks, on both event loops."""

import struct
from collections.abc import Iterator

import pytest

from api.chat.sockets import Limits
from tests.integration.websocket_cases import Case, cases
from tests.integration.websocket_client import CLOSE, Client, Received, client_frame, close, request
from tests.integration.websocket_server import LOOPS, Running, running

ROOMY = Limits(message=1 << 23, buffer=1 << 24, backlog=1 << 25)
CASES = cases()


@pytest.fixture(scope="module", params=sorted(LOOPS))
def server(request: pytest.FixtureRequest) -> Iterator[Running]:
    with running(request.param, ROOMY) as made:
        yield made


def test_the_cases_are_those_of_the_suite():
    numbers = [case.number for case in CASES]
    assert len(numbers) == len(set(numbers)) > 250
    assert {number.split(".")[0] for number in numbers} == {*"1234567", "9", "10"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_a_case_of_the_suite(server: Running, case: Case):
    sends = [*case.sends, close()] if case.ends == 1000 else case.sends
    with Client(server.port) as client:
        client.upgrade()
        for piece in [b"".join(sends)] if case.chop else sends:
            client.send(piece, case.chop)
        *before, last = client.rest()
    assert before == case.gets
    assert last.opcode == CLOSE
    assert int.from_bytes(last.payload[:2], "big") == case.ends
    last.payload[2:].decode()


@pytest.mark.parametrize("compression", ["permessage-deflate", "permessage-deflate; x=1, foo"])
def test_no_extension_is_ever_negotiated(server: Running, compression: str):
    """Groups 12 and 13: a client that offers compression is served without."""
    with Client(server.port) as client:
        head = client.upgrade(request(Sec_WebSocket_Extensions=compression))
        assert b"101" in head.split(b"\r\n")[0]
        assert b"extensions" not in head.lower()


def test_a_frame_without_a_mask_ends_the_connection(server: Running):
    with Client(server.port) as client:
        client.upgrade()
        client.send(client_frame(1, b"bare", mask=None))
        assert client.rest()[-1].payload[:2] == struct.pack("!H", 1002)


@pytest.mark.parametrize(
    "head",
    [
        b"\x81\xfe\x00\x7d",  # 125 in two bytes
        b"\x81\xff" + (65535).to_bytes(8, "big"),
        b"\x81\xff" + (1 << 63).to_bytes(8, "big"),
    ],
)
def test_a_length_has_one_form(server: Running, head: bytes):
    with Client(server.port) as client:
        client.upgrade()
        client.send(head)
        assert client.rest()[-1].payload[:2] == struct.pack("!H", 1002)


def test_frames_may_come_right_behind_the_request(server: Running):
    with Client(server.port) as client:
        client.send(request() + client_frame(1, b"early") + close())
        assert b" 101 " in client.head()
        assert client.rest() == [Received(1, b"early"), Received(CLOSE, struct.pack("!H", 1000))]

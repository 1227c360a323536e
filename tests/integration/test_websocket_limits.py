"""What a client may not do to the edge's WebSockets, and how they end, on both event loops."""

import struct
import time
from collections.abc import Iterator

import pytest

from api.chat.sockets import Limits, Refusal, Upgrade, frame
from tests.integration.websocket_client import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    Client,
    Received,
    client_frame,
    close,
    request,
)
from tests.integration.websocket_server import LOOPS, Running, running

SHORT = Limits(
    connections=2,
    handshakes=3,
    handshake=0.5,
    head=2048,
    message=1000,
    buffer=100_000,
    backlog=400_000,
    ping=0.5,
    closing=0.5,
)


@pytest.fixture(params=sorted(LOOPS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(kind: str) -> Iterator[Running]:
    with running(kind, SHORT) as made:
        yield made


def code_of(received: Received) -> int:
    assert received.opcode == CLOSE
    return int(struct.unpack("!H", received.payload[:2])[0])


def until(server: Running, *happened: object) -> None:
    deadline = time.monotonic() + 10
    while happened not in server.echo.happened:
        assert time.monotonic() < deadline, (happened, server.echo.happened)
        time.sleep(0.01)


def test_one_too_many_is_told_to_try_later(server: Running):
    with Client(server.port) as one, Client(server.port) as two, Client(server.port) as three:
        for client in (one, two, three):
            assert b" 101 " in client.upgrade()
        assert code_of(three.rest()[-1]) == 1013
        one.send(close())
        one.rest()
        with Client(server.port) as four:
            four.upgrade()
            four.send(client_frame(TEXT, b"in"))
            assert four.frame() == Received(TEXT, b"in")
    assert [each[0] for each in server.echo.happened].count("open") == 3


def test_a_message_of_too_many_bytes(server: Running):
    with Client(server.port) as client:
        client.upgrade()
        client.send(client_frame(TEXT, b"x" * 1000))
        assert client.frame() == Received(TEXT, b"x" * 1000)
        client.send(client_frame(TEXT, b"x" * 1001) + client_frame(TEXT, b"more") * 1000)
        assert code_of(client.rest()[-1]) == 1009
    until(server, "close", 1009)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", request()[:-1]])
def test_a_request_that_does_not_end_is_not_waited_for(server: Running, sent: bytes):
    with Client(server.port) as client:
        began = time.monotonic()
        client.send(sent)
        assert client.raw() == b""
        assert time.monotonic() - began < 5


def test_a_request_that_is_too_long(server: Running):
    with Client(server.port) as client:
        client.send(request(Cookie="x" * 3000))
        assert b" 431 " in client.head()


def test_the_longest_waiting_makes_room_for_who_connects(server: Running):
    clients = [Client(server.port) for _ in range(4)]
    assert clients[0].raw() == b""
    assert b" 101 " in clients[3].upgrade()
    for client in clients:
        with client:
            pass


def test_admission_sees_the_upgrade_and_may_refuse_it(kind: str):
    def own_pages(upgrade: Upgrade) -> Refusal | None:
        assert upgrade.peer == "127.0.0.1"
        return None if upgrade.origin == "https://own" else Refusal(403, "not from there")

    with running(kind, admit=own_pages, subprotocols=("irc", "v2")) as server:
        with Client(server.port) as client:
            client.send(request(Origin="https://other"))
            assert b" 403 " in client.head()
            assert client.raw() == b"not from there\n"
        with Client(server.port) as client:
            asked = request(Origin="https://own", Sec_WebSocket_Protocol="v3, v2, irc")
            assert b"Sec-WebSocket-Protocol: v2" in client.upgrade(asked)
            until(server, "open", "/")
            assert [each.subprotocol for each in server.echo.opened] == ["v2"]


def test_who_answers_no_ping_is_cut_off_and_who_does_is_not(server: Running):
    with Client(server.port) as silent, Client(server.port) as alive:
        silent.upgrade()
        alive.upgrade()
        for _ in range(4):
            assert alive.frame() == Received(PING, b"")
            alive.send(client_frame(PONG))
        alive.send(close())
        assert code_of(alive.rest()[-1]) == 1000
        assert {each.opcode for each in silent.rest()} == {PING}
    until(server, "close", 1006)


def test_who_does_not_answer_a_close_is_cut_off(server: Running):
    with Client(server.port) as client:
        client.upgrade(request("/here"))
        until(server, "open", "/here")
        server.call(server.echo.opened[0].close, 4000, "go")
        assert client.rest() == [Received(CLOSE, struct.pack("!H", 4000) + b"go")]
        until(server, "close", 4000)


def test_nothing_is_sent_after_a_close(server: Running):
    with Client(server.port) as client:
        client.upgrade(request("/here"))
        until(server, "open", "/here")

        def last_words() -> None:
            connection = server.echo.opened[0]
            connection.send(frame(b"before"))
            connection.close()
            connection.send(frame(b"after"))
            assert not connection.open

        server.call(last_words)
        client.send(close())
        assert [each.opcode for each in client.rest()] == [TEXT, CLOSE]


def test_who_just_goes_is_noticed(server: Running):
    with Client(server.port) as client:
        client.upgrade()
    until(server, "close", 1006)


def test_a_fault_of_the_handler_ends_only_that_connection(server: Running):
    with Client(server.port) as client, Client(server.port) as other:
        client.upgrade()
        other.upgrade()
        client.send(client_frame(TEXT, b"fail"))
        assert code_of(client.frame() or Received(0, b"")) == 1011
        other.send(client_frame(TEXT, b"fine"))
        assert other.frame() == Received(TEXT, b"fine")


def test_a_slow_client_is_told_about_then_drained_and_flows_again(kind: str):
    limits = Limits(buffer=50_000, backlog=1 << 26)
    with running(kind, limits) as server, Client(server.port, 32_768) as client:
        client.upgrade(request("/slow"))
        until(server, "open", "/slow")
        connection = server.echo.opened[0]
        message, sent = frame(b"x" * 10_000), 0
        while server.call(lambda: connection.flowing):
            server.call(connection.send, message)
            sent += 1
            assert sent < 10_000
        assert ("lagging",) in server.echo.happened
        assert server.call(lambda: connection.buffered) > limits.buffer
        server.call(connection.send, frame(b"last"))
        for _ in range(sent):
            assert client.frame() == Received(TEXT, b"x" * 10_000)
        assert client.frame() == Received(TEXT, b"last")
        until(server, "drain", 0)
        assert not connection.flowing
        server.call(connection.resume)
        assert connection.flowing
        server.call(connection.send, frame(b"again"))
        assert client.frame() == Received(TEXT, b"again")


def test_who_never_reads_is_cut_off(kind: str):
    limits = Limits(buffer=50_000, backlog=300_000)
    with running(kind, limits) as server, Client(server.port, 32_768) as client:
        client.upgrade()
        # pongs that nobody reads
        for _ in range(200):
            client.send(client_frame(PING, b"x" * 125) * 1000)
        until(server, "close", 1006)


def test_a_restart_closes_all_spread_over_time(kind: str):
    with running(kind) as server:
        clients = [Client(server.port) for _ in range(5)]
        for client in clients:
            client.upgrade()
        began = time.monotonic()
        pending = server.start(server.server.close(over=0.5))
        for client in clients:
            received = client.frame()
            assert received is not None
            assert code_of(received) == 1012
            with client:
                client.send(close(1012))
                assert client.rest() == []
        pending.result(10)
        assert 0.3 < time.monotonic() - began < 5
        assert len(server.server) == 0

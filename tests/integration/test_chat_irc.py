"""IRC over TCP and WebSocket at a real edge, line by line."""

import asyncio
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from api.chat.irc.lines import Line, read
from api.chat.sockets import Limits
from infra.names import id_of
from infra.tls import server_context
from schemas.records.chat import ChatSettingsChanged, MessageRejected
from tests.certificates import certificate
from tests.integration.chat_rig import Rig, RunningEdge, sent
from tests.waiting import until

CAPABILITIES = "twitch.tv/tags twitch.tv/commands"


@pytest.fixture
async def rig(kafka: str, redis_url: str, unique: str) -> AsyncIterator[Rig]:
    async with Rig(kafka, redis_url, unique) as found:
        yield found


@pytest.fixture
async def edge(rig: Rig) -> AsyncIterator[RunningEdge]:
    async with rig.fanout(), rig.edge() as found:
        yield found


class Talker:
    """A client that says lines over TCP, and keeps those that it hears."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def hears(self, command: str, seconds: float = 20) -> Line:
        """The next line with a command; those before it are forgotten."""
        async with asyncio.timeout(seconds):
            while (line := await self.next()) is not None:
                if line.command == command:
                    return line
        raise AssertionError(f"the connection ended before {command}")

    async def next(self) -> Line | None:
        raw = await self._reader.readline()
        return read(raw.decode().removesuffix("\r\n")) if raw else None

    async def ends(self, seconds: float = 20) -> list[Line]:
        """The lines until the end of the connection."""
        found = []
        async with asyncio.timeout(seconds):
            while (line := await self.next()) is not None:
                found.append(line)
        return found

    def leave(self) -> None:
        self._writer.close()


async def talker(edge: RunningEdge) -> Talker:
    return Talker(*await asyncio.open_connection("127.0.0.1", edge.irc_port))


async def joined(
    edge: RunningEdge, login: str, channel: str = "ada", capabilities: str = CAPABILITIES
) -> Talker:
    found = await talker(edge)
    if capabilities:
        found.say(f"CAP REQ :{capabilities}")
    found.say(f"PASS oauth:{login}", f"NICK {login}", f"JOIN #{channel}")
    await found.hears("366")
    if "commands" in capabilities:
        await found.hears("ROOMSTATE")
    return found


def settings(**more: Any) -> ChatSettingsChanged:
    fields: dict[str, Any] = {
        "channel_id": id_of("ada"),
        "slow_seconds": 0,
        "followers_only_minutes": -1,
        "subscribers_only": False,
        "emote_only": False,
        "unique_chat": False,
        "links": "everybody",
        "permitted_domains": [],
        "chat_delay_seconds": 0,
        "cause": "moderator",
        "by_id": id_of("ada"),
        "by_login": "ada",
    }
    return ChatSettingsChanged(**(fields | more))


async def test_a_client_registers_joins_and_parts(edge: RunningEdge) -> None:
    client = await talker(edge)
    client.say("CAP LS 302", f"CAP REQ :{CAPABILITIES}", "CAP REQ :twitch.tv/tags batch")
    assert "twitch.tv/membership" in (await client.hears("CAP")).said(2)
    assert (await client.hears("CAP")).said(1) == "ACK"
    assert (await client.hears("CAP")).said(1) == "NAK"
    client.say("JOIN #ada")
    assert (await client.hears("451")).said(0) == "*"
    client.say("PASS oauth:bob", "NICK whoever", "JOIN #ada,#cleo,#nobody")
    for number in ("001", "002", "003", "004", "375", "372", "376"):
        assert (await client.hears(number)).params == ("bob",)
    state = await client.hears("GLOBALUSERSTATE")
    assert (state.tags["display-name"], state.tags["user-id"]) == ("Bob", id_of("bob"))
    for channel in ("#ada", "#cleo"):
        line = await client.hears("JOIN")
        assert (line.source, line.params) == ("bob!bob@bob.tmi.twitch.tv", (channel,))
        line = await client.hears("353")
        assert (line.params, line.text) == (("bob", "=", channel), "bob")
        assert (await client.hears("366")).params == ("bob", channel)
        assert (await client.hears("USERSTATE")).tags["mod"] == "0"
        room = await client.hears("ROOMSTATE")
        assert room.params == (channel,)
        assert room.tags == {
            "emote-only": "0",
            "followers-only": "-1",
            "r9k": "0",
            "room-id": id_of(channel[1:]),
            "slow": "0",
            "subs-only": "0",
        }
    wrong = await client.hears("NOTICE")
    assert (wrong.params, wrong.tags["msg-id"]) == (("#nobody",), "msg_channel_suspended")
    client.say("PART #ada")
    assert (await client.hears("PART")).params == ("#ada",)
    client.say("PING :now")
    assert (await client.hears("PONG")).said(1) == "now"
    client.say("QUIT")
    assert await client.ends() == []


async def test_what_is_said_comes_to_all_but_who_said_it(rig: Rig, edge: RunningEdge) -> None:
    bob, cleo = await joined(edge, "bob"), await joined(edge, "cleo")
    web = await edge.joins("ada")
    bob.say("@client-nonce=n7 PRIVMSG #ada :hello there", "PRIVMSG #ada :\x01ACTION waves\x01")
    first, second = await cleo.hears("PRIVMSG"), await cleo.hears("PRIVMSG")
    assert (first.source, first.text) == ("bob!bob@bob.tmi.twitch.tv", "hello there")
    assert first.tags["room-id"] == id_of("ada")
    assert second.text == "\x01ACTION waves\x01"
    assert await web.texts(2) == ["hello there", "waves"]
    state = await bob.hears("USERSTATE")
    assert (state.tags["client-nonce"], state.tags["id"]) == ("n7", first.tags["id"])
    assert "client-nonce" not in (await bob.hears("USERSTATE")).tags
    cleo.say(f"@reply-parent-msg-id={first.tags['id']} PRIVMSG #ada :hi")
    answer = await bob.hears("PRIVMSG")  # the first that it hears: not its own
    assert (answer.text, answer.tags["reply-parent-msg-id"]) == ("hi", first.tags["id"])
    assert rig.agent.commands[-1].reply_login == "bob"


async def test_clients_are_told_what_their_capabilities_are_for(
    rig: Rig, edge: RunningEdge
) -> None:
    plain = await joined(edge, "bob", capabilities="")
    tags = await joined(edge, "cleo", capabilities="twitch.tv/tags")
    await rig.say(settings(slow_seconds=5))
    await rig.say(sent("ada", "one"))
    for client, has_tags in ((plain, False), (tags, True)):
        line = await client.next()
        assert line is not None
        assert (line.command, line.text, bool(line.tags)) == ("PRIVMSG", "one", has_tags)
    plain.say(f"CAP REQ :{CAPABILITIES}")
    await plain.hears("CAP")
    await rig.say(settings(slow_seconds=5, emote_only=True))
    line = await plain.next()
    assert line is not None
    assert (line.command, line.tags) == ("ROOMSTATE", {"emote-only": "1", "room-id": id_of("ada")})
    assert (await plain.hears("NOTICE")).tags["msg-id"] == "emote_only_on"


async def test_who_speaks_in_vain_is_told_why(rig: Rig, edge: RunningEdge) -> None:
    bob = await joined(edge, "bob")
    rig.agent.verdict = lambda said, message_id: MessageRejected(
        channel_id=said.channel_id,
        message_id=message_id,
        user_id=said.user_id,
        login=said.login,
        text=said.text,
        reason="slow-mode",
        detail="wait for 7 s",
        retry_after_seconds=7,
        rules="chat-1",
    )
    bob.say("PRIVMSG #ada :hello", "PRIVMSG #cleo :hello", "PRIVMSG #ada :/timeout cleo 10")
    bob.say("WHO #ada", "WHISPER cleo :psst", f"PRIVMSG #ada :{'a' * 4000}")
    found = [await bob.hears("NOTICE") for _ in range(5)]
    codes = {each.tags.get("msg-id", ""): each for each in found}
    assert codes["msg_slowmode"].text == "wait for 7 s"
    assert codes["msg_room_not_found"].params == ("#cleo",)
    assert codes["unavailable_command"].params == ("#ada",)
    assert "whisper_restricted" in codes
    assert codes[""].text is not None
    assert "at most 2560 bytes" in codes[""].text


async def test_who_says_more_than_is_allowed_is_told_so(rig: Rig, edge: RunningEdge) -> None:
    bob = await joined(edge, "bob")
    bob.say(*(f"PRIVMSG #ada :number {number}" for number in range(21)))
    assert (await bob.hears("NOTICE")).tags["msg-id"] == "msg_ratelimit"
    assert len(rig.agent.commands) == 20
    flooding = await joined(edge, "cleo")
    flooding.say(*["PING"] * 200)
    last = (await flooding.ends())[-1]
    assert (last.command, last.text) == ("NOTICE", "You say too much at once.")


async def test_who_is_nobody_reads_and_who_lies_goes(rig: Rig, edge: RunningEdge) -> None:
    guest = await talker(edge)
    guest.say("NICK justinfan123", "JOIN #ada", "PRIVMSG #ada :me too")
    assert (
        await guest.hears("JOIN")
    ).source == "justinfan123!justinfan123@justinfan123.tmi.twitch.tv"
    await guest.hears("366")
    await rig.say(sent("ada", "hello all"))
    assert (await guest.hears("PRIVMSG")).text == "hello all"
    assert rig.agent.commands == []
    rig.tokens.ended.add("dan")
    for said, text in (
        (["PASS oauth:dan", "NICK dan"], "Login authentication failed"),
        (["PASS dan", "NICK dan"], "Improperly formatted auth"),
        (["NICK dan"], "Improperly formatted auth"),
    ):
        liar = await talker(edge)
        liar.say(*said, "JOIN #ada")
        (line,) = await liar.ends()
        assert (line.command, line.params, line.text) == ("NOTICE", ("*",), text)


async def test_lines_may_come_in_any_pieces_and_are_never_longer_than_allowed(
    edge: RunningEdge,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.irc_port)
    for byte in b"\n\nNICK justinfan1\r\nPING :a\nPING :b\r\n":
        writer.write(bytes([byte]))
        await writer.drain()
    client = Talker(reader, writer)
    assert [(await client.hears("PONG")).said(1) for _ in range(2)] == ["a", "b"]
    writer.write(b"\xff\xfe\x00 \xf0\n")
    assert (await client.hears("NOTICE")).params == ("*",)
    writer.write(b"a" * 20_000)
    assert [each.command for each in await client.ends()] == ["417"]


async def test_there_is_room_for_so_many(rig: Rig) -> None:
    async with rig.fanout(), rig.edge(limits=Limits(connections=2)) as edge:
        first, second = await joined(edge, "ada"), await joined(edge, "bob")
        third = await talker(edge)
        assert [each.command for each in await third.ends()] == ["ERROR"]
        web = await edge.visit()
        assert (await web.hears("closed"))["code"] == 1013
        second.leave()
        await until(lambda: len(edge.lines) == 1, 10)
        await joined(edge, "cleo")
        first.leave()


async def test_an_address_has_so_many_connections_over_all_protocols(rig: Rig) -> None:
    async with rig.fanout(), rig.edge(per_address=2) as edge:
        web, line = await edge.joins("ada"), await joined(edge, "bob")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await edge.visit()
        assert refused.value.status == 429
        ended = await (await talker(edge)).ends()
        assert [(each.command, each.text) for each in ended] == [
            ("ERROR", "Your address has too many connections")
        ]
        await web.leave()
        await until(lambda: len(edge.edge) == 1, 10)
        another = await joined(edge, "cleo")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await edge.visit()
        for each in (line, another):
            each.leave()
        await until(lambda: len(edge.edge) == 0, 10)
        await edge.joins("ada")


async def test_the_same_over_tls(rig: Rig, tmp_path: Path) -> None:
    made = certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(made.chain))
    tls = server_context(made.chain, made.key)
    async with rig.fanout(), rig.edge(tls=tls) as edge:
        port = edge.irc_tls_port
        plain = Talker(*await asyncio.open_connection("127.0.0.1", port))
        plain.say("NICK justinfan1")
        assert await plain.ends() == []
        secret = Talker(*await asyncio.open_connection("127.0.0.1", port, ssl=trusting))
        secret.say(f"CAP REQ :{CAPABILITIES}", "PASS oauth:bob", "NICK bob", "JOIN #ada")
        await secret.hears("ROOMSTATE")
        listener = await edge.joins("ada")
        secret.say("PRIVMSG #ada :under the seal")
        assert await listener.texts(1) == ["under the seal"]
        for number in range(300):
            await rig.say(sent("ada", f"{number} {'x' * 400}", "cleo"))
        heard = [await secret.hears("PRIVMSG") for _ in range(300)]
        assert [int((line.text or "").split()[0]) for line in heard] == list(range(300))
    assert [line.command for line in await secret.ends()] == ["RECONNECT"]


@asynccontextmanager
async def over_websocket(edge: RunningEdge) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with AsyncExitStack() as closing:
        session = await closing.enter_async_context(aiohttp.ClientSession())
        url = f"ws://127.0.0.1:{edge.server.port}/"
        yield await closing.enter_async_context(session.ws_connect(url, protocols=["irc"]))


async def test_the_same_over_a_websocket(rig: Rig, edge: RunningEdge) -> None:
    async with over_websocket(edge) as socket:
        assert socket.protocol == "irc"
        await socket.send_str(f"CAP REQ :{CAPABILITIES}\r\nPASS oauth:bob\r\nNICK bob\r\nJOIN #ada")
        heard = ""
        while "ROOMSTATE" not in heard:
            heard += await socket.receive_str(timeout=20)
        commands = [read(line).command for line in heard.split("\r\n") if line]
        assert commands[0] == "CAP"
        assert commands[-4:] == ["353", "366", "USERSTATE", "ROOMSTATE"]
        await rig.say(sent("ada", "hello \U0001f30a"))
        text = await socket.receive_str(timeout=20)
        assert text.endswith("\r\n")
        assert read(text.removesuffix("\r\n")).text == "hello \U0001f30a"


async def test_an_edge_that_stops_says_so(rig: Rig) -> None:
    async with rig.fanout():
        async with rig.edge() as edge:
            client = await joined(edge, "bob")
        assert [each.command for each in await client.ends()] == ["RECONNECT"]


async def test_who_is_slow_misses_nothing(rig: Rig) -> None:
    async with rig.fanout(), rig.edge(limits=Limits(buffer=4_096)) as edge:
        slow, other = await joined(edge, "bob"), await joined(edge, "cleo")
        count = 400
        for number in range(count):
            await rig.say(sent("ada", f"{number} {'x' * 400}", message_id=str(uuid.uuid4())))
        for _ in range(count):
            await other.hears("PRIVMSG")
        heard = [await slow.hears("PRIVMSG") for _ in range(count)]
        assert [int((line.text or "").split()[0]) for line in heard] == list(range(count))

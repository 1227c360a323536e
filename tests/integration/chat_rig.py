"""A chat edge and its fan-out in this process, over real Kafka and Redis; the rest is played."""

import asyncio
import json
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from api.access import Principal
from api.chat.addresses import Addresses
from api.chat.channels import Channels
from api.chat.desk import Desk
from api.chat.edge import Edge, Talk
from api.chat.facts import Facts
from api.chat.irc.client import Irc
from api.chat.irc.tcp import LineServer
from api.chat.presence import Presence
from api.chat.rates import Rates
from api.chat.sockets import Limits, Server
from api.chat.speaking import Speaking
from api.errors import Unauthorized
from infra.clock import SystemClock
from infra.errors import Unavailable
from infra.kafka import Delivery, EventProducer
from infra.names import id_of
from infra.record import Meta, Record
from infra.redis_link import RedisLink
from schemas.records.chat import MessageSent, SendMessage
from schemas.registry import registry
from tests.functional.gateway import MemoryViews
from tests.integration.broker import delete_topics
from topologies.chat_fanout import ChatFanout

SCOPES = frozenset({"chat:read", "chat:edit"})


def sent(channel: str, text: str, by: str = "ada", **more: Any) -> MessageSent:
    fields: dict[str, Any] = {
        "channel_id": id_of(channel),
        "message_id": str(uuid.uuid4()),
        "user_id": id_of(by),
        "login": by,
        "display_name": by.title(),
        "colour": "",
        "badges": [],
        "text": text,
        "kind": "text",
        "announcement_colour": "",
        "emotes": [],
        "reply_to": "",
        "reply_user_id": "",
        "reply_login": "",
        "reply_display_name": "",
        "reply_text": "",
        "thread_id": "",
        "approved_by": "",
        "rules": "chat-1",
    }
    return MessageSent(**(fields | more))


def from_connection(connection: str) -> Meta:
    return Meta(
        event_id=str(uuid.uuid4()),
        occurred_at=0,
        producer="",
        sequence=0,
        correlation_id=connection,
    )


class Tokens:
    """A token is `<login>`, or `<login>~` for one without scopes; whoever is in `ended` is out."""

    def __init__(self) -> None:
        self.ended: set[str] = set()

    async def admit(self, token: str) -> Any:
        login = token.rstrip("~")
        if not login or login in self.ended:
            raise Unauthorized("invalid_token", "the token is not one of ours")
        scopes = SCOPES if token == login else frozenset()
        principal = Principal(id_of(login), "test", scopes)
        return type("Checked", (), {"principal": principal, "login": login})()

    async def stays(self, checked: Any) -> bool:
        return checked.login not in self.ended


class Agent:
    """Takes commands as the log would, and says everything that is to be said."""

    def __init__(self, say: Callable[..., Any]) -> None:
        self._say = say
        self.commands: list[SendMessage] = []
        self.is_away = False
        self.verdict: Callable[[SendMessage, str], Record] = lambda said, message_id: sent(
            said.login,
            said.text,
            said.login,
            channel_id=said.channel_id,
            message_id=message_id,
            kind=said.kind,
            reply_to=said.reply_to,
            reply_text=said.reply_text,
        )

    async def post(
        self,
        topic: str,
        key: str,
        event: Record,
        *,
        cause: Meta | None = None,
        event_id: str | None = None,
    ) -> "asyncio.Future[Delivery]":
        if self.is_away:
            raise Unavailable("Kafka is away")
        assert isinstance(event, SendMessage)
        assert cause is not None
        assert event_id is not None
        self.commands.append(event)
        record = self.verdict(event, event_id)
        return asyncio.ensure_future(self._say(record, cause.event_id))


class Viewer:
    """A client of the edge: keeps what it hears."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        """All events that it was told, those of `joined` included."""
        self._reading = asyncio.create_task(self._read())
        self._news = asyncio.Event()

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send_json({"type": kind, **fields})

    async def hears(self, kind: str, seconds: float = 20, **fields: Any) -> dict[str, Any]:
        """The next message of a type, with these fields; it is forgotten then."""
        async with asyncio.timeout(seconds):
            while True:
                for message in self.heard:
                    if message["type"] == kind and fields.items() <= message.items():
                        self.heard.remove(message)
                        return message
                self._news.clear()
                await self._news.wait()

    async def texts(self, count: int, seconds: float = 20) -> list[str]:
        """What was said, as soon as so many messages are known."""
        async with asyncio.timeout(seconds):
            while len(found := self.said()) < count:
                self._news.clear()
                await self._news.wait()
        return found

    def said(self) -> list[str]:
        return [each["text"] for each in self.events if each["kind"] == "MessageSent"]

    @property
    def offset(self) -> int:
        return max((each["offset"] for each in self.events), default=-1)

    async def leave(self) -> None:
        await self.socket.close()
        await self._reading

    async def _read(self) -> None:
        async for message in self.socket:
            found = json.loads(message.data)
            self.heard.append(found)
            if found["type"] == "joined":
                self.events += found["messages"]
            if found["type"] == "events":
                self.events += found["events"]
            self._news.set()
        self.heard.append({"type": "closed", "code": self.socket.close_code})
        self._news.set()


class Rig:
    """Channels are `ada`, `bob` …: each user has one."""

    def __init__(self, kafka: str, redis: str, unique: str) -> None:
        self.kafka, self.redis = kafka, redis
        self.topic = f"test-{unique}-chat-events"
        self.prefix = f"test-{unique}"
        self.views = MemoryViews()
        self.tokens = Tokens()
        self.agent = Agent(self.say)
        self.dead: list[Any] = []
        for login in ("ada", "bob", "cleo", "dan"):
            self.views.channel(id_of(login), login)
            self.views.put("users", id_of(login), login=login, display_name=login.title(), roles="")
        self._producer: EventProducer
        self._closing = AsyncExitStack()
        self._session: aiohttp.ClientSession

    async def put(self, record: Any, error: Exception, reader: str) -> None:
        self.dead.append(record)

    async def say(self, record: Record, connection: str = "", event_id: str | None = None) -> Any:
        cause = from_connection(connection) if connection else None
        key: str = record.channel_id  # type: ignore[attr-defined]
        return await self._producer.send(self.topic, key, record, cause=cause, event_id=event_id)

    async def say_all(self, records: list[MessageSent]) -> None:
        for record in records:
            await self._producer.post(self.topic, record.channel_id, record)

    @asynccontextmanager
    async def fanout(self, redis: str = "", **more: Any) -> AsyncIterator[ChatFanout]:
        link = RedisLink(redis or self.redis)
        copying = ChatFanout(
            self.kafka, link, registry(), self, topic=self.topic, prefix=self.prefix, **more
        )
        running = asyncio.create_task(copying.run())
        try:
            yield copying
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await link.close()

    @asynccontextmanager
    async def edge(
        self,
        redis: str = "",
        limits: Limits | None = None,
        *,
        per_address: int = 1000,
        tls: ssl.SSLContext | None = None,
    ) -> AsyncIterator["RunningEdge"]:
        clock, url = SystemClock(), redis or self.redis
        hearing, asking = RedisLink(url), RedisLink(url)
        facts = Facts(self.views, clock)
        limits = limits or Limits()
        edge = Edge(
            lambda silent: Desk(
                doorman=self.tokens,  # type: ignore[arg-type]
                facts=facts,
                channels=Channels(
                    hearing, facts.settings, clock, silent=silent, prefix=self.prefix
                ),
                speaking=Speaking(self.agent, clock),
                presence=Presence(asking, clock, prefix=self.prefix),
                rates=Rates(clock),
                clock=clock,
                buffer=limits.buffer,
            )
        )
        irc = Irc(edge.desk)
        addresses = Addresses(per_address)
        talk = Talk(edge, addresses, {"/": irc.client})
        server = Server(talk, limits, admit=talk.admit, subprotocols=("irc",), count=edge.__len__)
        lines = LineServer(edge, irc, limits, addresses)
        async with edge.running():
            await server.start("127.0.0.1", 0)
            ports = [await lines.start("127.0.0.1", 0, each) for each in (None, tls)]
            try:
                yield RunningEdge(edge, server, lines, ports, self._session)
            finally:
                edge.say_goodbye(0)
                await asyncio.gather(server.close(over=0), lines.close(over=0))
        await hearing.close()
        await asking.close()

    async def __aenter__(self) -> "Rig":
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        await admin.create_topics([NewTopic(self.topic, 2, 1)])
        await admin.close()
        self._producer = EventProducer(
            self.kafka, registry(), role="test", partitions=lambda topic: 2
        )
        await self._closing.enter_async_context(self._producer)
        self._session = await self._closing.enter_async_context(aiohttp.ClientSession())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()
        await delete_topics(self.kafka, self.topic)


class RunningEdge:
    def __init__(
        self,
        edge: Edge,
        server: Server,
        lines: LineServer,
        ports: Sequence[int],
        session: aiohttp.ClientSession,
    ) -> None:
        self.edge, self.server, self.lines, self._session = edge, server, lines, session
        self.irc_port, self.irc_tls_port = ports

    async def visit(self, token: str = "") -> Viewer:
        url = f"ws://127.0.0.1:{self.server.port}/chat"
        viewer = Viewer(await self._session.ws_connect(url, max_msg_size=0, autoping=True))
        if token:
            await viewer.say("hello", token=token)
            await viewer.hears("welcome")
        return viewer

    async def joins(self, channel: str, token: str = "", **more: Any) -> Viewer:
        viewer = await self.visit(token)
        await viewer.say("join", channel=channel, **more)
        await viewer.hears("joined", channel=channel)
        return viewer

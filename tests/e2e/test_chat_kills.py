"""Whoever dies: what was said is delivered once and stored once, in order."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from api.commands import uuid7
from benchmarks.chat import message
from infra.clock import SystemClock
from infra.errors import Unavailable
from infra.kafka import EventProducer
from infra.names import id_of
from infra.record import Meta
from schemas import sources
from schemas.registry import registry
from tests.e2e.accounts import join
from tests.e2e.whole import Platform, running
from tests.functional.oauth_rig import Browser
from tests.waiting import until

pytestmark = [pytest.mark.alone, pytest.mark.timeout(400)]

CHANNEL = "storm"
RATE = 500
SECONDS = 14
KILLED = ("redis", "chat-edge", "gateway", "chat-fanout", "worker-chat", "kafka")
"""Edges go while messages flow, and nothing flows once the last two are gone."""
PAUSE = SECONDS / (len(KILLED) + 1)
PATIENCE = 120.0
AGAIN = 0.2
"""Seconds until a client connects again."""
SPEAKS = 0.35
"""Seconds between two messages over the edge: its rate for who moderates."""
SPOKEN = SECONDS / SPEAKS / 4
"""Messages over the edge at least; while everything starts again, it takes few."""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Of its own: the servers of all die here, and what is left to do would keep others waiting."""
    with running(tmp_path_factory.mktemp("platform")) as platform:
        yield platform


class Writer:
    """Says things in the channel, as an edge writes them, each by another user."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self.taken: dict[str, int] = {}
        """Number by id of the messages that the log took."""
        self._waiting: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        connection = Meta(event_id=str(uuid.uuid4()), occurred_at=0, producer="test", sequence=0)
        async with EventProducer(
            self._bootstrap, registry(), role="test", partitions=sources.partitions
        ) as producer:
            loop = asyncio.get_running_loop()
            began = loop.time()
            for number in range(RATE * SECONDS):
                await asyncio.sleep(max(0.0, began + number / RATE - loop.time()))
                name = str(uuid7(SystemClock().now()))
                said = message(id_of(CHANNEL), number, f"n {number}")
                try:
                    sent = await producer.post(
                        "chat-commands", said.channel_id, said, event_id=name, cause=connection
                    )
                except Unavailable:
                    continue
                task = asyncio.create_task(self._note(sent, name, number))
                self._waiting.add(task)
                task.add_done_callback(self._waiting.discard)
            await asyncio.gather(*self._waiting)

    async def _note(self, sent: "asyncio.Future[Any]", name: str, number: int) -> None:
        try:
            await sent
        except Unavailable:
            return  # nobody was told that it was taken
        self.taken[name] = number


class Client:
    """Is in the channel, and goes on where it was when the connection is lost."""

    def __init__(self, platform: Platform, token: str = "") -> None:
        self._url = f"ws://127.0.0.1:{platform.settings['MILLRACE_CHAT_EDGE_PORT']}/chat"
        self._token = token
        self.heard: list[tuple[int, str]] = []
        """Offset and id of each message, as they came."""
        self.acknowledged: list[str] = []
        """Ids of the messages that it said and was told are sent."""
        self.lives = 0
        """Times that it came in."""
        self.gaps: list[Any] = []
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Client"]:
        task = asyncio.create_task(self._run())
        try:
            await until(lambda: self.lives)
            yield self
        finally:
            task.cancel()

    async def speak(self) -> None:
        """Say things, until cancelled; what is lost on the way is not said again."""
        number = 0
        while True:
            if self._socket is not None and not self._socket.closed:
                number += 1
                said = {"channel_id": id_of(CHANNEL), "text": f"over the edge {number}"}
                await self._socket.send_json({"type": "say", "nonce": str(number), **said})
            await asyncio.sleep(SPEAKS)

    async def hears(self, names: set[str]) -> None:
        """Wait until it has heard all of these."""

        def lacks() -> set[str]:
            return names - {name for _, name in self.heard}

        await until(
            lambda: not lacks(), PATIENCE, lambda: f"lacks {len(lacks())}, gaps {self.gaps}"
        )

    async def _run(self) -> None:
        async with aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.ws_connect(self._url, max_msg_size=0) as socket:
                        await self._read(socket)
                except (aiohttp.ClientError, OSError):
                    pass
                self._socket = None
                await asyncio.sleep(AGAIN)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        since = self.heard[-1][0] if self.heard else None
        await socket.send_json({"type": "hello", "token": self._token})
        await socket.send_json({"type": "join", "channel": CHANNEL, "since": since})
        async for frame in socket:
            said = frame.json()
            match said["type"]:
                case "joined":
                    self.lives += 1
                    self._socket = socket
                case "gap":
                    self.gaps.append(said)
                case "verdict" if said["outcome"] == "sent":
                    self.acknowledged.append(said["message_id"])
                case "error" if not said["nonce"] and said["reason"] != "chat-away":
                    return  # it was not let in
                case "reconnect":
                    return
            for event in said.get("messages", []) + said.get("events", []):
                if event["kind"] == "MessageSent":
                    self.heard.append((event["offset"], event["message_id"]))


async def test_every_message_that_was_taken_is_delivered_and_stored_once_in_order(
    platform: Platform, sessions: Callable[[], Browser]
) -> None:
    owner = sessions()
    await join(owner, CHANNEL)
    writer = Writer(platform.settings["MILLRACE_KAFKA_BOOTSTRAP"])
    speaker, reader = Client(platform, await _ticket(owner)), Client(platform)
    async with speaker.running(), reader.running():
        speaking = asyncio.create_task(speaker.speak())
        writing = asyncio.create_task(writer.run())
        for name in KILLED:
            await asyncio.sleep(PAUSE)
            platform.process(name).kill()
        await writing
        await until(lambda: len(speaker.acknowledged) > SPOKEN, PATIENCE)
        speaking.cancel()
        taken = writer.taken.keys() | set(speaker.acknowledged)
        for client in (reader, speaker):
            await client.hears(taken)
    assert len(writer.taken) > RATE * SECONDS / 2
    for client in (reader, speaker):
        offsets = [offset for offset, _ in client.heard]
        assert client.gaps == []
        assert offsets == sorted(set(offsets))
        assert client.lives > 1
    heard = [name for _, name in reader.heard]
    assert len(heard) == len(set(heard))
    numbers = [writer.taken[name] for name in heard if name in writer.taken]
    assert numbers == sorted(numbers)
    assert sorted(await _stored(platform, len(heard))) == sorted(heard)


async def _ticket(owner: Browser) -> str:
    """What the page of who is signed in says hello with."""
    answer = await owner.get("/session/chat/ticket")
    assert answer.status == 200, owner.text
    return str((await answer.json())["data"]["token"])


async def _stored(platform: Platform, count: int) -> list[str]:
    """Ids of the messages of the history, once there are as many, or after some time."""
    found: list[str] = []

    async def all_there() -> bool:
        found[:] = await _history(platform)
        return len(found) >= count

    await until(all_there, PATIENCE, lambda: f"{len(found)} of {count}")
    return found


async def _history(platform: Platform) -> list[str]:
    """Ids of the messages that the API has."""
    address = f"{platform.gateway}/v1/channels/{id_of(CHANNEL)}/chat"
    found: list[str] = []
    cursor = ""
    async with aiohttp.ClientSession() as http:
        while True:
            query = {"limit": "100", **({"cursor": cursor} if cursor else {})}
            async with http.get(address, params=query) as response:
                page = await response.json()
                assert response.status == 200, page
            found += [each["message_id"] for each in page["data"]]
            if not (cursor := page.get("cursor") or ""):
                return found

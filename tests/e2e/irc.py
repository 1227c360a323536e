"""npm's tmi.js, unmodified, and a client of TCP that knows no more than lines."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.e2e.whole import Platform
from web import build

SCRIPT = Path(__file__).with_name("tmi_client.mjs")
Event = list[Any]


class Tmi:
    """A client of tmi.js in a process of its own, and all that it has told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.events: list[Event] = []
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    def do(self, method: str, *arguments: Any) -> None:
        """Call a method of the client."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([method, *arguments]).encode() + b"\n")

    async def tells(
        self, name: str, wanted: Callable[[Event], bool] = lambda event: True, seconds: float = 15
    ) -> Event:
        """The next event of a name that is as wanted; it is forgotten then."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for event in self.events:
                        if event[0] == name and wanted(event):
                            self.events.remove(event)
                            return event[1:]
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {name}, but {self.events[-20:]}") from None

    async def end(self) -> None:
        self._process.terminate()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.startswith(b"["):  # the rest is the client's own log
                try:
                    self.events.append(json.loads(line))
                except ValueError:
                    continue
                self._news.set()


async def over_tcp(platform: Platform, *lines: str, until: str) -> list[str]:
    """What a client hears that says lines over TCP, until a line with a text in it."""
    port = int(platform.settings["MILLRACE_CHAT_EDGE_IRC_PORT"])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("".join(f"{line}\r\n" for line in lines).encode())
    heard: list[str] = []
    try:
        async with asyncio.timeout(15):
            while not heard or until not in heard[-1]:
                line = await reader.readline()
                assert line, f"the connection ended after {heard}"
                heard.append(line.decode().removesuffix("\r\n"))
    except TimeoutError:
        raise AssertionError(f"no {until} in {heard}") from None
    finally:
        writer.close()
    return heard


@asynccontextmanager
async def tmi(platform: Platform, channel: str, **identity: str) -> AsyncIterator[Tmi]:
    """A client that wants to be in a channel. Without `username` and `password`: anonymous."""
    build.install()
    options = {
        "options": {"skipUpdatingEmotesets": True},
        "connection": {
            "server": "127.0.0.1",
            "port": int(platform.settings["MILLRACE_CHAT_EDGE_PORT"]),
            "secure": False,
            "reconnect": True,
            "reconnectInterval": 1000,
            "maxReconnectAttempts": 20,
        },
        "identity": identity,
        "channels": [channel],
    }
    process = await asyncio.create_subprocess_exec(
        *("node", str(SCRIPT), str(build.PACKAGES), json.dumps(options)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    client = Tmi(process)
    try:
        yield client
    finally:
        await client.end()

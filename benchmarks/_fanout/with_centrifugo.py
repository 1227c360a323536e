"""Centrifugo (Go): the binary that the environment's CENTRIFUGO names.

It has no window of its own: what a window holds is published in one call of its HTTP API, and it
joins what waits for a client. This process only publishes, on the core of the load.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import aiohttp
import uvloop

from benchmarks._fanout.messages import SERVER_CORE
from benchmarks._fanout.pace import Settings, Windows, serve

_CONFIG = {
    "client": {"insecure": True, "ping_interval": "300s", "pong_timeout": "100s"},
    "channel": {"without_namespace": {"allow_subscribe_for_client": True}},
    "http_api": {"insecure": True},
    "log": {"level": "error"},
}


class Centrifugo:
    """A channel is a channel."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self._settings, self._session = settings, session
        self.pid = 0
        self.publish = Windows(settings, self._write).publish
        self._child: asyncio.subprocess.Process | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """See Contender."""
        config = Path(tempfile.mkdtemp()) / "config.json"
        server = {"http_server": {"port": self._settings.port, "address": "127.0.0.1"}}
        config.write_text(json.dumps(_CONFIG | server))
        command = ["taskset", "-c", str(SERVER_CORE), os.environ["CENTRIFUGO"], "--config", config]
        self._child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL)
        self.pid = self._child.pid
        for _ in range(100):
            try:
                await self._call([])
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)
            else:
                return
        raise SystemExit("centrifugo does not listen")

    def _write(self, channel: int, payloads: list[bytes]) -> None:
        commands = [
            {"publish": {"channel": str(channel), "data": self._data(payload)}}
            for payload in payloads
        ]
        call = asyncio.ensure_future(self._call(commands))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    def _data(self, payload: bytes) -> object:
        if self._settings.packed:
            return [json.loads(line) for line in payload.split(b"\n")]
        return json.loads(payload)

    async def _call(self, commands: list[object]) -> None:
        address = f"http://127.0.0.1:{self._settings.port}/api/batch"
        try:
            async with self._session.post(address, json={"commands": commands}) as response:
                await response.read()
        except aiohttp.ServerDisconnectedError:
            print("centrifugo is gone", file=sys.stderr)


async def main() -> None:
    """Serve."""
    settings = Settings.given()
    async with aiohttp.ClientSession() as session:
        contender = Centrifugo(settings, session)
        await serve(contender, settings.channels)


if __name__ == "__main__":
    uvloop.run(main())

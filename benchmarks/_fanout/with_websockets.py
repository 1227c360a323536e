"""`websockets`: its `broadcast`, no compression, no pings of its own."""

import os

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.asyncio.server import serve as listen

from benchmarks._fanout.pace import Settings, Windows, serve


class Websockets:
    """A channel is a set of connections."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self.pid = settings, os.getpid()
        self._channels: list[set[ServerConnection]] = [set() for _ in range(settings.channels)]
        self.publish = Windows(settings, self._write).publish

    async def start(self) -> None:
        """See Contender."""
        await listen(
            self._listener,
            "127.0.0.1",
            self._settings.port,
            compression=None,
            ping_interval=None,
            backlog=4096,
        )

    async def _listener(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        channel = self._channels[int(connection.request.path[1:])]
        channel.add(connection)
        await connection.wait_closed()
        channel.discard(connection)

    def _write(self, channel: int, payloads: list[bytes]) -> None:
        for payload in payloads:
            broadcast(self._channels[channel], payload.decode())


async def main() -> None:
    """Serve."""
    settings = Settings.given()
    await serve(Websockets(settings), settings.channels)


if __name__ == "__main__":
    uvloop.run(main())

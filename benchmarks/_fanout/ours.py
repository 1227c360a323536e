"""Ours: `api.chat.sockets`."""

import os

import uvloop

from api.chat.sockets import Broadcaster, Connection, Group, Limits, Server, frame
from benchmarks._fanout.pace import Settings, Windows, serve


class Ours:
    """A channel is a path; each message is framed once."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self.pid = settings, os.getpid()
        self._groups = [Group() for _ in range(settings.channels)]
        window = 0.0 if settings.packed else settings.window
        self._broadcaster = Broadcaster(window, window)
        self._windows = Windows(settings, self._write_packed)

    async def start(self) -> None:
        """See Contender."""
        await Server(self, Limits(connections=20_000)).start("127.0.0.1", self._settings.port)

    def publish(self, channel: int, payload: bytes) -> None:
        """See Contender."""
        if self._settings.packed:
            self._windows.publish(channel, payload)
        else:
            self._broadcaster.broadcast(self._groups[channel], frame(payload))

    def _write_packed(self, channel: int, payloads: list[bytes]) -> None:
        for payload in payloads:
            self._broadcaster.broadcast(self._groups[channel], frame(payload))

    def on_open(self, connection: Connection) -> None:
        """Listen to the channel of the path."""
        self._groups[int(connection.upgrade.path[1:])].add(connection)

    def on_close(self, connection: Connection, code: int) -> None:
        """Listen no more."""
        self._groups[int(connection.upgrade.path[1:])].discard(connection)

    def on_text(self, connection: Connection, text: str) -> None:
        """Listeners say nothing."""

    def on_lagging(self, connection: Connection) -> None:
        """Nobody resumes here: a contender that needs this has failed."""
        print("a listener lags behind", flush=True)

    def on_drain(self, connection: Connection) -> None:
        """See on_lagging."""
        connection.resume()


async def main() -> None:
    """Serve."""
    settings = Settings.given()
    await serve(Ours(settings), settings.channels)


if __name__ == "__main__":
    uvloop.run(main())

"""picows: each connection is sent to by itself, as its own broadcast example does."""

import os

import picows
import uvloop

from benchmarks._fanout.pace import Settings, Windows, serve


class Listener(picows.WSListener):
    """Joins the channel of its path."""

    def __init__(self, channel: dict[picows.WSTransport, None]) -> None:
        super().__init__()
        self._channel = channel

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Listen."""
        self._channel[transport] = None

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """Listen no more."""
        self._channel.pop(transport, None)


class Picows:
    """A channel is a set of transports."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self.pid = settings, os.getpid()
        self._channels: list[dict[picows.WSTransport, None]] = [
            {} for _ in range(settings.channels)
        ]
        self.publish = Windows(settings, self._write).publish

    async def start(self) -> None:
        """See Contender."""
        server = await picows.ws_create_server(
            lambda request: Listener(self._channels[int(request.path[1:])]),
            "127.0.0.1",
            self._settings.port,
            backlog=4096,
        )
        await server.start_serving()

    def _write(self, channel: int, payloads: list[bytes]) -> None:
        text = picows.WSMsgType.TEXT
        for transport in self._channels[channel]:
            for payload in payloads:
                transport.send(text, payload)


async def main() -> None:
    """Serve."""
    settings = Settings.given()
    await serve(Picows(settings), settings.channels)


if __name__ == "__main__":
    uvloop.run(main())

"""socketify (uWebSockets): its topics; uWebSockets joins what is published in one turn."""

import os

from socketify import App, OpCode

from benchmarks._fanout.pace import Settings, Windows, serve


class Socketify:
    """A channel is a topic."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self.pid = settings, os.getpid()
        self.app = App()
        self.publish = Windows(settings, self._write).publish

    async def start(self) -> None:
        """See Contender."""
        behaviour = {
            "compression": 0,
            "max_backpressure": 1 << 20,
            "idle_timeout": 600,
            "upgrade": self._upgrade,
            "open": lambda socket: socket.subscribe(socket.get_user_data()["channel"]),
        }
        self.app.ws("/*", behaviour)
        self.app.listen(self._settings.port, lambda _: None)

    def _upgrade(self, response, request, context) -> None:
        response.upgrade(
            request.get_header("sec-websocket-key"),
            request.get_header("sec-websocket-protocol"),
            request.get_header("sec-websocket-extensions"),
            context,
            {"channel": request.get_url()[1:]},
        )

    def _write(self, channel: int, payloads: list[bytes]) -> None:
        for payload in payloads:
            self.app.publish(str(channel), payload, OpCode.TEXT)


async def main(contender: Socketify, settings: Settings) -> None:
    """Serve."""
    await serve(contender, settings.channels)


if __name__ == "__main__":
    given = Settings.given()
    made = Socketify(given)
    made.app.loop.run_until_complete(main(made, given))

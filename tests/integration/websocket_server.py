"""A server of `api.chat.sockets` in a thread of its own, on the event loop that a test names."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import uvloop

from api.chat.sockets import Connection, Limits, Refusal, Server, Upgrade, frame

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


class Echo:
    """Sends back what it is sent, and keeps what happened."""

    def __init__(self) -> None:
        self.happened: list[tuple[Any, ...]] = []
        self.opened: list[Connection] = []

    def on_open(self, connection: Connection) -> None:
        self.opened.append(connection)
        self.happened.append(("open", connection.upgrade.path))

    def on_text(self, connection: Connection, text: str) -> None:
        if text == "fail":
            raise RuntimeError("a fault in the handler")
        connection.send(frame(text.encode()))

    def on_lagging(self, connection: Connection) -> None:
        self.happened.append(("lagging",))

    def on_drain(self, connection: Connection) -> None:
        self.happened.append(("drain", connection.buffered))

    def on_close(self, connection: Connection, code: int) -> None:
        self.happened.append(("close", code))


class Running:
    """A server, and its loop to do something in."""

    def __init__(self, loop: asyncio.AbstractEventLoop, server: Server, echo: Echo) -> None:
        self.loop, self.server, self.echo = loop, server, echo
        self.port = server.port

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """In the server's thread; what it gives."""

        async def called() -> Any:
            found = function(*arguments)
            return await found if asyncio.iscoroutine(found) else found

        return self.start(called()).result(20)

    def start(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Let it do something meanwhile."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)


@contextmanager
def running(
    kind: str,
    limits: Limits | None = None,
    admit: Callable[[Upgrade], Refusal | None] | None = None,
    subprotocols: tuple[str, ...] = (),
    tls: Any = None,
) -> Iterator[Running]:
    """Serve until the end of the block."""
    loop, echo = LOOPS[kind](), Echo()
    more = {"admit": admit} if admit else {}
    server = Server(echo, limits, subprotocols=subprotocols, **more)
    loop.run_until_complete(server.start("127.0.0.1", 0, tls))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        made = Running(loop, server, echo)
        yield made
        made.call(server.close)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()

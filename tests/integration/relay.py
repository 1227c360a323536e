"""What stands between a client and Redis, for tests of lines that break."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Relay:
    """Stands between a client and Redis, and may hold what comes back, or cut the line."""

    def __init__(self, url: str) -> None:
        host, _, rest = url.removeprefix("redis://").partition(":")
        port, _, self.database = rest.partition("/")
        self._to = host, int(port)
        self.held: dict[asyncio.StreamWriter, bytes] | None = None
        self.accepted = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        yield f"redis://127.0.0.1:{port}/{self.database}"
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()

    def hold(self) -> None:
        self.held = {}

    def release(self) -> None:
        """In one piece."""
        held, self.held = self.held or {}, None
        for writer, data in held.items():
            writer.write(data)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        back, there = await asyncio.open_connection(*self._to)
        self._writers += [writer, there]
        for source, target, held in ((reader, there, False), (back, writer, True)):
            task = asyncio.create_task(self._copy(source, target, held))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _copy(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, held: bool
    ) -> None:
        try:
            while data := await source.read(65536):
                if held and self.held is not None:
                    self.held[target] = self.held.get(target, b"") + data
                else:
                    target.write(data)
        except ConnectionError:
            pass
        target.close()

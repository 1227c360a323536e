"""The RTMP server: listens, and runs a handler for each publication."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import structlog

from media.rtmp.admission import Admission
from media.rtmp.limits import Limits
from media.rtmp.link import Link
from media.rtmp.publication import Publication, Refusal

log = structlog.get_logger()

Handler = Callable[[Publication], Awaitable[None]]


class RtmpServer:
    """Listens for publishers. Each one that asks to publish runs `handle` in a task of its own.

    `refused` hears of connections that were turned away before that.
    """

    def __init__(
        self,
        limits: Limits,
        handle: Handler,
        refused: Callable[[Refusal], None],
    ) -> None:
        self.limits = limits
        self.refused = refused
        self.admission = Admission(limits)
        self._handle = handle
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """Open connections."""
        return self.admission.count

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Accept connections on a port, over TLS where a context is given. Returns the port."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Link(self, tls), host, port, backlog=512)
        self._servers.append(server)
        found: int = server.sockets[0].getsockname()[1]
        return found

    def stop_listening(self) -> None:
        """Take no more connections; open ones go on."""
        for server in self._servers:
            server.close()

    async def close(self) -> None:
        """Stop listening, drop every connection and wait for the handlers."""
        self.stop_listening()
        for guest in self.admission.guests():
            guest.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for guest in self.admission.guests():
            guest.abort()

    def start(self, publication: Publication) -> None:
        """Run the handler of a publication."""
        task = asyncio.ensure_future(self._run(publication))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, publication: Publication) -> None:
        try:
            await self._handle(publication)
        except Exception:
            log.exception("handling a publisher failed", address=publication.address)
            publication.end("unknown", "The server failed to take this broadcast.")

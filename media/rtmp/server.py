"""The RTMP server: sockets, deadlines and bounds around `Connection`."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, cast

import msgspec
import structlog

from infra.clock import Clock
from infra.errors import Refused
from media.flv import Tag
from media.rtmp.connection import Connection, PublishEnded, PublishRequested
from media.rtmp.limits import Limits

log = structlog.get_logger()

Protocol = Literal["rtmp", "rtmps"]
_FAREWELL: Final = 2.0
"""Seconds that a publisher has to read a refusal and hang up."""
_PENDING: Final = 1 << 20
"""Bytes of media held before `accept`; the publisher has not been told to begin."""


class Ended(msgspec.Struct, frozen=True):
    """How a publication ended: a stop reason of `PublishStopped` and its plain words."""

    reason: str
    detail: str


class Refusal(msgspec.Struct, frozen=True):
    """A connection that was turned away before it published."""

    reason: str
    detail: str
    address: str


class Publication:
    """A publisher's request to go on air and, once accepted, its media."""

    def __init__(self, link: "_Link", request: PublishRequested) -> None:
        self.key = request.key
        self.encoder = request.encoder
        self.address = link.address
        self.protocol: Protocol = link.server_protocol
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        """Done when no more media will come."""
        self._link = link

    def accept(self, take: Callable[[list[Tag]], None]) -> None:
        """Let the publisher begin. `take` gets its tags, in order, as soon as they have come."""
        self._link.accept(take)

    def end(self, reason: str, detail: str) -> None:
        """Turn the publisher away, before or after `accept`, with plain words."""
        self._link.turn_away(reason, detail)

    def pause(self) -> None:
        """Take nothing more from the network until `resume`."""
        self._link.pause()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._link.resume()


Handler = Callable[[Publication], Awaitable[None]]


class RtmpServer:
    """Listens for publishers. Each one that asks to publish runs `handle` in a task of its own.

    `refused` hears of connections that were turned away before that.
    """

    def __init__(
        self,
        limits: Limits,
        clock: Clock,
        handle: Handler,
        refused: Callable[[Refusal], None],
    ) -> None:
        self.limits = limits
        self.clock = clock
        self.refused = refused
        self._handle = handle
        self._servers: list[asyncio.Server] = []
        self._links: set[_Link] = set()
        self._addresses: Counter[str] = Counter()
        self._half_open: dict[_Link, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """Open connections."""
        return len(self._links)

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Accept connections on a port, over TLS where a context is given. Returns the port."""
        protocol: Protocol = "rtmps" if tls else "rtmp"
        server = await asyncio.get_running_loop().create_server(
            lambda: _Link(self, protocol),
            host,
            port,
            ssl=tls,
            ssl_handshake_timeout=self.limits.handshake_deadline if tls else None,
            backlog=512,
        )
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
        for link in list(self._links):
            link.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for link in list(self._links):
            link.abort()

    def admit(self, link: "_Link") -> Refused | None:
        """Count a new connection; the reason if it may not publish.

        One that is over a limit still gets to say `connect`, so that it can be told why, as long
        as there is room among the half-open; above that the oldest half-open one is dropped.
        """
        self._links.add(link)
        self._addresses[link.address] += 1
        if len(self._half_open) >= self.limits.max_half_open:
            oldest = next(iter(self._half_open))
            oldest.half_open("too many connections wait to publish; this was the oldest")
        self._half_open[link] = None
        if self._addresses[link.address] > self.limits.max_connections_per_address:
            return Refused("too_many_connections", "Too many connections from your address.")
        if len(self._links) > self.limits.max_connections:
            return Refused("too_many_connections", "The server is full; please try again later.")
        return None

    def publishing(self, link: "_Link") -> None:
        """A connection came as far as `publish`: it is no longer half-open."""
        self._half_open.pop(link, None)

    def forget(self, link: "_Link") -> None:
        """A connection is gone."""
        self._links.discard(link)
        self._half_open.pop(link, None)
        self._addresses[link.address] -= 1
        if not self._addresses[link.address]:
            del self._addresses[link.address]

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


class _Link(asyncio.Protocol):
    """One socket."""

    def __init__(self, server: RtmpServer, protocol: Protocol) -> None:
        self.server_protocol: Protocol = protocol
        self.address = ""
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._publication: Publication | None = None
        self._take: Callable[[list[Tag]], None] | None = None
        self._early: list[Tag] = []
        self._early_bytes = 0
        self._heard = 0.0
        self._paused = False
        self._leaving = False

    # -- asyncio.Protocol ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer: Any = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else "unknown"
        self._heard = self._loop.time()
        self._connection = Connection(self._server.limits, refusal=self._server.admit(self))
        deadline = self._server.limits.handshake_deadline
        self._timer = self._loop.call_later(deadline, self._handshake_late)

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        if self._leaving:
            return
        try:
            events = self._connection.receive(data, self._heard)
        except Refused as refusal:
            self.turn_away(refusal.reason, str(refusal), status=self._publication is not None)
            return
        if events:
            self._dispatch(events)
        self._send()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._timer.cancel()
        self._server.forget(self)
        self._finish("connection_lost", "The connection broke before the publisher said goodbye.")

    # -- publishing ------------------------------------------------------------------------------

    def accept(self, take: Callable[[list[Tag]], None]) -> None:
        """Tell the publisher to begin and hand over what came early."""
        if self._leaving:
            return
        self._take = take
        self._connection.accept()
        self._send()
        early, self._early = self._early, []
        if early:
            take(early)
        self.resume()

    def turn_away(self, reason: str, detail: str, *, status: bool = True) -> None:
        """Say why, and hang up as soon as the publisher has, or a moment later."""
        if self._leaving:
            return
        if self._publication is None:
            self._server.refused(Refusal(reason, detail, self.address))
        elif status:
            self._connection.refuse(detail)
        self._send()
        self._leave(reason, detail)

    def half_open(self, detail: str) -> None:
        """Drop a connection that did not come to publish."""
        if not self._leaving:
            self._server.refused(Refusal("handshake_timeout", detail, self.address))
        self._leaving = True
        self._server.publishing(self)
        self.abort()

    def stop(self) -> None:
        """Hang up because the server stops."""
        if self._publication is None:
            self.abort()
        else:
            self.turn_away("ingest_stopping", "The server is stopping; please connect again.")

    def pause(self) -> None:
        """Stop reading."""
        if not self._paused and not self._leaving:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again; the time in between does not count as idle."""
        if self._paused and not self._leaving:
            self._paused = False
            self._heard = self._loop.time()
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close without a word."""
        self._transport.abort()

    def _dispatch(self, events: list[Any]) -> None:
        tags = []
        for event in events:
            if type(event) is Tag:
                tags.append(event)
                continue
            self._media(tags)
            tags = []
            if type(event) is PublishRequested:
                self._request(event)
            elif type(event) is PublishEnded:
                self._send()
                self._leave("publisher_left", "The publisher ended the broadcast.")
        self._media(tags)

    def _media(self, tags: list[Tag]) -> None:
        if not tags or self._leaving:
            return
        if self._take is not None:
            self._take(tags)
            return
        self._early += tags
        self._early_bytes += sum(len(tag.data) for tag in tags)
        if self._early_bytes > _PENDING:
            self.pause()

    def _request(self, request: PublishRequested) -> None:
        if self._publication is not None:
            return
        self._timer.cancel()
        self._timer = self._loop.call_later(self._server.limits.idle_timeout, self._check_idle)
        self._server.publishing(self)
        self._publication = Publication(self, request)
        self._server.start(self._publication)

    def _send(self) -> None:
        out = self._connection.outgoing()
        if not out:
            return
        self._transport.write(out)
        if self._transport.get_write_buffer_size() > self._server.limits.max_unread_replies:
            self._leaving = True
            self._finish("protocol_error", "The publisher does not read what the server answers.")
            self.abort()

    # -- endings ---------------------------------------------------------------------------------

    def _handshake_late(self) -> None:
        deadline = self._server.limits.handshake_deadline
        self.half_open(f"did not begin to publish within {deadline:g} s")

    def _check_idle(self) -> None:
        limit = self._server.limits.idle_timeout
        silent = self._loop.time() - self._heard
        if self._paused or silent < limit:
            wait = limit if self._paused else limit - silent
            self._timer = self._loop.call_later(wait, self._check_idle)
            return
        self.turn_away("idle", f"Nothing was received for {limit:g} s.")

    def _leave(self, reason: str, detail: str) -> None:
        self._leaving = True
        self._finish(reason, detail)
        if self._paused:  # what still comes is read and dropped, so that a goodbye is seen
            self._transport.resume_reading()
        self._timer.cancel()
        self._timer = self._loop.call_later(_FAREWELL, self.abort)

    def _finish(self, reason: str, detail: str) -> None:
        publication = self._publication
        if publication is not None and not publication.ended.done():
            publication.ended.set_result(Ended(reason, detail))

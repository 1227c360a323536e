"""One socket of a publisher: deadlines and bounds around `Connection`."""

import asyncio
import ssl
import typing
from collections.abc import Callable
from typing import Any, Final, cast

import structlog

from infra.errors import Refused
from media.flv import Tag
from media.rtmp.admission import Admission
from media.rtmp.connection import Connection, PublishEnded, PublishRequested
from media.rtmp.limits import Limits
from media.rtmp.publication import Ended, Protocol, Publication, Refusal
from media.rtmp.unread import rest, unread

log = structlog.get_logger()

_FAREWELL: Final = 2.0
"""Seconds that a publisher has to read a refusal and hang up."""
_PENDING: Final = 1 << 20
"""Bytes of media held before `accept`; the publisher has not been told to begin."""
_POSTPONED: Final = 1000
"""Replies that wait, at most, until everything is read."""


class Host(typing.Protocol):
    """What a socket belongs to. Implemented by `media.rtmp.server.RtmpServer`."""

    limits: Limits
    admission: Admission
    refused: Callable[[Refusal], None]

    def start(self, publication: Publication) -> None:
        """Run the handler of a publication."""
        ...


class Link(asyncio.Protocol):
    """One socket. Over TLS where a context is given; its handshake counts like RTMP's.

    What a publisher sent before it hung up is kept, though the server may read it later, as when it
    is busy or lets the publisher wait. A write could spoil that: one that reaches a publisher who
    has hung up is answered with a reset, on which the publisher's kernel throws away what it has
    not delivered, and the next write fails, on which the loop closes the socket without reading
    what was. So replies are written when everything that came has been read, and what is unread
    when a plain connection breaks all the same is read then. Over TLS that cannot be: there a
    publisher that hangs up in the instant of a write loses what it sent in that instant.
    """

    def __init__(self, host: Host, tls: ssl.SSLContext | None) -> None:
        self.address = ""
        self._host, self._tls = host, tls
        self._loop = asyncio.get_running_loop()
        self._publication: Publication | None = None
        self._take: Callable[[list[Tag]], None] | None = None
        self._early: list[Tag] = []
        self._early_bytes = 0
        self._heard = 0.0
        self._paused = False
        self._leaving = False
        self._securing: asyncio.Task[None] | None = None
        self._ahead: list[bytes] = []
        """What came before the TLS handshake began, or between its end and our notice of it."""

    # -- asyncio.Protocol ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it, and give it little time."""
        self._transport = cast(asyncio.Transport, transport)
        peer: Any = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else "unknown"
        self._heard = self._loop.time()
        limits, refusal = self._host.limits, self._host.admission.admit(self)
        self._connection = Connection(limits, refusal=refusal)
        self._timer = self._loop.call_later(limits.handshake_deadline, self._handshake_late)
        if self._tls is not None:
            self._transport.pause_reading()
            self._securing = self._loop.create_task(self._secure(self._tls))

    async def _secure(self, tls: ssl.SSLContext) -> None:
        """The TLS handshake; the timer of the RTMP handshake, which runs already, ends it."""
        secure = None
        limit = self._host.limits.handshake_deadline
        handshake = self._loop.create_task(
            self._loop.start_tls(
                self._transport, self, tls, server_side=True, ssl_handshake_timeout=limit
            )
        )
        try:
            await asyncio.sleep(0)  # by now TLS is the transport's protocol in our place
            await asyncio.sleep(0)  # and by now it knows that it is connected
            self._hand_on()
            secure = await handshake
        except OSError as error:  # ssl.SSLError is one
            log.info("TLS handshake failed", address=self.address, error=str(error))
        finally:
            if secure is None:  # nobody else says that the connection is lost
                handshake.cancel()
                self._transport.abort()
                self.connection_lost(None)
        if secure is not None:
            self._transport, self._securing = secure, None
            for data in self._ahead:
                self.data_received(data)
            self._ahead.clear()

    def _hand_on(self) -> None:
        """Give TLS what came to us: uvloop reads at once, though told in `connection_made` not to.

        Nothing is read between the two waits before this and the end of it, so order is kept.
        """
        early, self._ahead = self._ahead, []
        if self._transport.is_closing():
            return
        protocol = cast(asyncio.BufferedProtocol, self._transport.get_protocol())
        for data in early:
            memoryview(protocol.get_buffer(len(data)))[: len(data)] = data
            protocol.buffer_updated(len(data))

    def data_received(self, data: bytes) -> None:
        """Read what has come and answer."""
        if self._securing is not None:
            self._ahead.append(data)
            return
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
        self._reply()

    def eof_received(self) -> bool:
        """Close: publishers do not close half of a connection."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The end; said twice if it comes during the TLS handshake."""
        if self._publication is not None and self._tls is None and not self._leaving:
            for data in rest(self._transport):
                self.data_received(data)
        self._timer.cancel()
        self._host.admission.forget(self)
        self._finish("connection_lost", "The connection broke before the publisher said goodbye.")

    # -- publishing ------------------------------------------------------------------------------

    def accept(self, take: Callable[[list[Tag]], None]) -> None:
        """Tell the publisher to begin and hand over what came early."""
        if self._leaving:
            return
        self._take = take
        self._connection.accept()
        self._reply()
        early, self._early = self._early, []
        if early:
            take(early)
        self.resume()

    def turn_away(self, reason: str, detail: str, *, status: bool = True) -> None:
        """Say why, and hang up as soon as the publisher has, or a moment later."""
        if self._leaving:
            return
        if self._publication is None:
            self._host.refused(Refusal(reason, detail, self.address))
        elif status:
            self._connection.refuse(detail)
        self._send()
        self._leave(reason, detail)

    def half_open(self, detail: str) -> None:
        """Drop a connection that did not come to publish."""
        if not self._leaving:
            self._host.refused(Refusal("handshake_timeout", detail, self.address))
        self._leaving = True
        self._host.admission.publishing(self)
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
        if self._securing is not None:
            self._securing.cancel()
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
        self._timer = self._loop.call_later(self._host.limits.idle_timeout, self._check_idle)
        self._host.admission.publishing(self)
        protocol: Protocol = "rtmp" if self._tls is None else "rtmps"
        self._publication = Publication(self, request, self.address, protocol)
        self._host.start(self._publication)

    def _reply(self) -> None:
        """Write what waits to be written, but not before what waits to be read."""
        waiting = self._connection.waiting
        if waiting and (waiting > _POSTPONED or not unread(self._transport)):
            self._send()

    def _send(self) -> None:
        out = self._connection.outgoing()
        if not out or self._transport.is_closing():
            return
        self._transport.write(out)
        if self._transport.get_write_buffer_size() > self._host.limits.max_unread_replies:
            self._leaving = True
            self._finish("protocol_error", "The publisher does not read what the server answers.")
            self.abort()

    # -- endings ---------------------------------------------------------------------------------

    def _handshake_late(self) -> None:
        deadline = self._host.limits.handshake_deadline
        self.half_open(f"did not begin to publish within {deadline:g} s")

    def _check_idle(self) -> None:
        limit = self._host.limits.idle_timeout
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

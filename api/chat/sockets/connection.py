"""One WebSocket, from the request that opens it to its end."""

import asyncio
from enum import Enum, auto
from typing import Any, Protocol

import structlog

from api.chat.sockets.frames import (
    Closed,
    Code,
    Event,
    Failed,
    Ping,
    Reader,
    Text,
    close_frame,
    ping_frame,
    pong_frame,
)
from api.chat.sockets.handshake import Refusal, Upgrade, accepted, read_upgrade, refused
from api.chat.sockets.limits import Limits
from api.chat.sockets.outlet import Outlet

log = structlog.get_logger()
_PING = ping_frame()
_END = b"\r\n\r\n"


class Handler(Protocol):
    """What an edge does with its connections."""

    def on_open(self, connection: "Connection") -> None:
        """The upgrade was accepted; `connection.upgrade` says what was asked for."""
        ...

    def on_text(self, connection: "Connection", text: str) -> None:
        """A whole message came."""
        ...

    def on_lagging(self, connection: "Connection") -> None:
        """Too much waits for the client: groups pass it over until `connection.resume()`."""
        ...

    def on_drain(self, connection: "Connection") -> None:
        """All that waited was taken."""
        ...

    def on_close(self, connection: "Connection", code: int) -> None:
        """It is gone: the code that the client gave or got; 1006 where it just went."""
        ...


class Doorkeeper(Protocol):
    """What a connection asks of its server."""

    limits: Limits
    handler: Handler

    def arrived(self, connection: "Connection") -> None:
        """Connected; its request is awaited."""
        ...

    def opening(self, upgrade: Upgrade) -> tuple[str | None, Refusal | Code | None]:
        """The subprotocol spoken, and whether it is refused before, or closed after opening."""
        ...

    def opened(self, connection: "Connection") -> None:
        """It counts from now on."""
        ...

    def closing(self, connection: "Connection") -> None:
        """A close was sent; the answer is awaited."""
        ...

    def gone(self, connection: "Connection") -> None:
        """It is no more."""
        ...


class _State(Enum):
    HANDSHAKE = auto()
    OPEN = auto()
    CLOSING = auto()
    """The last frame, or a refusal, was sent; the client's end is awaited."""
    GONE = auto()


class Connection(Outlet):
    """A client that speaks WebSocket."""

    __slots__ = (
        "_code",
        "_head",
        "_known",
        "_reader",
        "_server",
        "_state",
        "heard",
        "session",
        "subprotocol",
        "upgrade",
    )

    def __init__(self, server: Doorkeeper) -> None:
        super().__init__(server.limits)
        self.upgrade: Upgrade
        """What the client asked for."""
        self.subprotocol: str | None = None
        """The one that is spoken."""
        self.session: Any = None
        """Whatever the handler keeps beside it."""
        self.heard = True
        """Whether anything came since it was last asked."""
        self._server = server
        self._state = _State.HANDSHAKE
        self._head = b""
        self._reader = Reader(server.limits.message)
        self._known = False
        """Whether the handler saw it open, and not yet closed."""
        self._code = int(Code.ABNORMAL)

    @property
    def open(self) -> bool:
        """Whether messages are sent and taken."""
        return self._state is _State.OPEN and not self._ended

    def close(self, code: int = Code.NORMAL, reason: str = "") -> None:
        """Close, after what was sent before. The client has `Limits.closing` seconds to answer."""
        if self.open:
            self._code = code
            self.send(close_frame(code, reason))
            self._mute()
            self._last_sent()

    def keep_alive(self) -> None:
        """Ping, or cut off who was silent since the last one. The server calls it."""
        if not self.heard:
            self.abort()
        self.heard = False
        self.send(_PING)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._server.arrived(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self.heard = True
        if self._state is _State.HANDSHAKE:
            self._read_head(data)
        else:
            for event in self._reader.feed(data):
                self._take(event)

    def eof_received(self) -> bool:
        """The client sends nothing more: neither do we."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        super().connection_lost(exc)
        self._state = _State.GONE
        self._server.gone(self)
        if self._known:
            self._known = False
            self._guarded(self._server.handler.on_close, self, self._code)

    def lagging(self) -> None:
        """See Outlet."""
        if self._known:
            self._guarded(self._server.handler.on_lagging, self)

    def drained(self) -> None:
        """See Outlet."""
        if self._known:
            self._guarded(self._server.handler.on_drain, self)

    def _read_head(self, data: bytes) -> None:
        searched = max(0, len(self._head) - len(_END) + 1)
        self._head += data
        end = self._head.find(_END, searched)
        if (end if end >= 0 else len(self._head)) > self._limits.head:
            self._refuse(Refusal(431, "the request is too long"))
        elif end >= 0:
            head, rest = self._head[:end], self._head[end + len(_END) :]
            self._head = b""
            self._open(head, rest)

    def _open(self, head: bytes, rest: bytes) -> None:
        upgrade = read_upgrade(head, self.peer)
        if isinstance(upgrade, Refusal):
            self._refuse(upgrade)
            return
        self.upgrade = upgrade
        self.subprotocol, refusal = self._server.opening(upgrade)
        if isinstance(refusal, Refusal):
            self._refuse(refusal)
            return
        self._state = _State.OPEN
        self.send(accepted(upgrade, self.subprotocol))
        if refusal is not None:
            self.close(refusal, "full")
            return
        self._known = True
        self._server.opened(self)
        self._guarded(self._server.handler.on_open, self)
        if rest:
            self.data_received(rest)

    def _refuse(self, refusal: Refusal) -> None:
        self._last_sent()
        self.end(refused(refusal))

    def _take(self, event: Event) -> None:
        if isinstance(event, Text):
            if self.open:
                self._guarded(self._server.handler.on_text, self, event.text)
        elif isinstance(event, Ping):
            if self.open:
                self.send(pong_frame(event.payload))
        elif isinstance(event, Closed):
            self._finish(event.code, "")
        elif isinstance(event, Failed):
            self._finish(event.code, event.reason)

    def _finish(self, code: int, reason: str) -> None:
        """Answer the client's close, or say what it did wrong, and end the stream."""
        if self.open:
            self._code = code
            self._last_sent()
            self.end(close_frame(code, reason))
        else:
            self.end()

    def _last_sent(self) -> None:
        self._state = _State.CLOSING
        self._server.closing(self)

    def _guarded(self, call: Any, *arguments: Any) -> None:
        """An error in the handler ends this connection, and none but this."""
        try:
            call(*arguments)
        except Exception as error:
            log.error("a chat connection's handler failed", exc_info=error)
            self.close(Code.INTERNAL, "something went wrong here")

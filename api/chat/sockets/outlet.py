"""One client at the end of a TCP connection, as a group writes to it."""

import asyncio
import os
from typing import Final, cast

from api.chat.sockets.limits import Limits

_NO_FILE: Final = -1


class Changes:
    """How often any outlet began or ceased to take writes to its socket, in this process."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


CHANGES: Final = Changes()


class Outlet(asyncio.Protocol):
    """Writes, and knows how much the client is behind. A subclass reads, and says what to do.

    What nothing waits before is written to the socket itself: an event loop's transport would take
    it, queue it, and write it a little later, which costs as much again as the rest of ours. The
    transport has what the kernel did not take, and all that comes while it has something.
    """

    __slots__ = (
        "_ended",
        "_file",
        "_limits",
        "_straight",
        "_transport",
        "flowing",
        "peer",
    )

    def __init__(self, limits: Limits) -> None:
        self.flowing = True
        """False from when too much waits for the client until `resume`."""
        CHANGES.count += 1
        self.peer = ""
        """The address at the other end."""
        self._limits = limits
        self._transport: asyncio.Transport | None = None
        self._file = _NO_FILE
        """The socket's, while it is there; none under TLS, where it carries other bytes."""
        self._straight = False
        """Whether nothing waits in the transport, so that the socket may be written to."""
        self._ended = False
        """Whether the last was sent."""

    def lagging(self) -> None:
        """Too much waits for the client."""

    def drained(self) -> None:
        """All that waited was taken."""

    @property
    def buffered(self) -> int:
        """Bytes that the kernel did not take yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    @property
    def file(self) -> int | None:
        """What a group may write to itself until `CHANGES`; what is not taken goes to `left`."""
        return self._file if self._straight and self.flowing else None

    def send(self, data: bytes) -> None:
        """Write in order; nothing happens once the connection is ending or gone."""
        if not self._straight and not self._straightened():
            self._queue(data)
            return
        try:
            taken = os.write(self._file, data)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.abort()
            return
        if taken < len(data):
            self.left(data[taken:])

    def left(self, rest: bytes) -> None:
        """The kernel did not take this; it is written before all that comes."""
        self._straight = False
        CHANGES.count += 1
        self._queue(rest)

    def resume(self) -> None:
        """Let groups write to it again."""
        self.flowing = True
        CHANGES.count += 1

    def end(self, last: bytes = b"") -> None:
        """Send nothing after this: once it is taken, the client sees the end of the stream.

        What the client still sends is read until it ends its own: closing before would make the
        kernel drop what is under way to it.
        """
        if last:
            self.send(last)
        self._mute()
        if self._transport is not None and not self._transport.is_closing():
            if self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()

    def abort(self) -> None:
        """Cut the connection off; what waits is lost."""
        self._mute()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._limits.buffer, low=0)
        peername = transport.get_extra_info("peername")
        self.peer = peername[0] if isinstance(peername, tuple) else ""
        if transport.get_extra_info("sslcontext") is None:
            self._file = transport.get_extra_info("socket").fileno()
            self._straight = True
            CHANGES.count += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol. The file is closed after this, and its number may come again."""
        self._mute()
        self._transport, self._file = None, _NO_FILE

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        if self.flowing:
            self.flowing = False
            CHANGES.count += 1
            self.lagging()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self.drained()

    def _mute(self) -> None:
        """Send nothing more."""
        self._ended, self._straight = True, False
        CHANGES.count += 1

    def _straightened(self) -> bool:
        """Whether the transport has nothing any more."""
        transport = self._transport
        if self._ended or self._file == _NO_FILE or transport is None or transport.is_closing():
            return False
        self._straight = transport.get_write_buffer_size() == 0
        CHANGES.count += self._straight
        return self._straight

    def _queue(self, data: bytes) -> None:
        transport = self._transport
        if self._ended or transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > self._limits.backlog:
            self.abort()

"""What the kernel has received of a publisher and nobody has read."""

import asyncio
import fcntl
import os
import sys
import termios
from collections.abc import Iterator
from typing import Final

_READ: Final = 256 << 10


def unread(transport: asyncio.Transport) -> int:
    """How many bytes wait to be read; over TLS, before they are decrypted."""
    if transport.is_closing():
        return 0
    descriptor = transport.get_extra_info("socket").fileno()
    count = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    return int.from_bytes(count, sys.byteorder)


def rest(transport: asyncio.Transport) -> Iterator[bytes]:
    """All that waits to be read of a plain connection that broke; within `connection_lost` only.

    The loop reads nothing from then on, and closes the socket when `connection_lost` returns.
    Nothing comes any more, so it is no more than the kernel buffers.
    """
    descriptor = transport.get_extra_info("socket").fileno()
    while True:
        try:
            data = os.read(descriptor, _READ)
        except OSError:  # nothing more is there, or what broke the connection
            return
        if not data:
            return
        yield data

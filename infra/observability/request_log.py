"""A line for each request, at a cost that allows for one: written together, ten times a second."""

import asyncio
import atexit
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
import structlog

from infra.clock import rfc3339
from infra.observability import logs

FLUSH_SECONDS: Final = 0.1
MOST_LINES: Final = 500
"""Lines that wait at most."""

_log = structlog.get_logger()


class _Line(msgspec.Struct, gc=False):
    """As structlog renders its lines, key by key."""

    method: str
    path: str
    status: int
    milliseconds: float
    request_id: str
    timestamp: str
    role: str
    event: str = "request"
    level: str = "info"


class RequestLog:
    """Logs requests: as JSON lines in batches, or on a terminal as everything else is logged."""

    def __init__(self, write: Callable[[bytes], Any] | None = None) -> None:
        self._write = write or _to_standard_error
        self._lines: list[_Line] = []
        self._encoder = msgspec.json.Encoder()
        atexit.register(self.flush)

    def add(self, method: str, path: str, status: int, seconds: float, request_id: str) -> None:
        """Log one, and how long it took."""
        shape, milliseconds = logs.shape(), round(seconds * 1000, 1)
        if shape.pretty:
            _log.info(
                "request",
                method=method,
                path=path,
                status=status,
                milliseconds=milliseconds,
                request_id=request_id,
            )
            return
        if not shape.info:
            return
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        now = rfc3339(time.time_ns() // 1_000_000)
        self._lines.append(_Line(method, path, status, milliseconds, request_id, now, shape.role))
        if len(self._lines) >= MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._lines:
            lines, self._lines = self._lines, []
            self._write(self._encoder.encode_lines(lines))


def _to_standard_error(data: bytes) -> None:
    sys.stderr.buffer.write(data)
    sys.stderr.buffer.flush()

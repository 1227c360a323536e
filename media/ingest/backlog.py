"""What a session has spooled and packaging has not taken yet."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from media import flv
from media.flv import Tag
from media.spool.spool import Spool
from media.spool.writer import SpoolWriter

RECENT: Final = 2 << 20
"""Bytes in memory at most, but for one read from the network; what is beyond is on disk only."""
_MARK_EVERY: Final = 1_000_000
"""Microseconds between the arrival times that are kept of what is on disk only."""


class Backlog:
    """Gives packaging what was spooled, in order: from memory while packaging keeps up, else from
    the spool by offset, until it has caught up.
    """

    def __init__(self, spool: Spool, session_id: str, writer: SpoolWriter) -> None:
        self._spool, self._session_id, self._writer = spool, session_id, writer
        self._recent: deque[tuple[list[Tag], int, int, int]] = deque()
        self._recent_bytes = 0
        self._taken = writer.size
        self._time: int | None = None
        self.behind = False
        """Whether some of it is on disk only."""
        self._marks: deque[tuple[int, int]] = deque()
        self._arrived_at = 0
        self._added = asyncio.Event()

    @property
    def size(self) -> int:
        """Bytes that packaging has not been given."""
        return self._writer.size - self._taken

    @property
    def held(self) -> int:
        """Bytes of it in memory."""
        return self._recent_bytes

    def add(self, tags: list[Tag], arrived_at: int, size: int) -> None:
        """Tell of tags that have just been spooled; `size` is that of their bodies."""
        end, self._arrived_at = self._writer.size, arrived_at
        if not self.behind:
            self._recent.append((tags, arrived_at, size, end))
            self._recent_bytes += size
            self.behind = self._recent_bytes > RECENT
        elif not self._marks or arrived_at - self._marks[-1][1] >= _MARK_EVERY:
            self._marks.append((end, arrived_at))
        self._added.set()

    def end(self) -> None:
        """Tell that the spool has ended."""
        self._added.set()

    async def batches(self) -> AsyncIterator[tuple[list[Tag], int]]:
        """Tags with the time of their arrival in microseconds, until the spool's end.

        Raises Gone if what comes next was deleted.
        """
        while True:
            while self._recent:
                tags, arrived_at, size, end = self._recent.popleft()
                self._recent_bytes -= size
                self._note(tags, end)
                yield tags, arrived_at
            if self._taken < self._writer.size:
                async for tags, end in self._spool.tags(
                    self._session_id, self._taken, self._writer.size, self._time
                ):
                    self._note(tags, end)
                    yield tags, self._arrival(end)
                continue
            self.behind = False
            self._marks.clear()
            if self._writer.ended:
                return
            self._added.clear()
            await self._added.wait()

    def _note(self, tags: list[Tag], end: int) -> None:
        self._taken = end
        if tags[-1].kind != flv.DATA:
            self._time = tags[-1].timestamp

    def _arrival(self, end: int) -> int:
        """When what ends at an offset had come, a second later at most."""
        while self._marks and self._marks[0][0] < end:
            self._marks.popleft()
        return self._marks[0][1] if self._marks else self._arrived_at

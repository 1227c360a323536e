"""Rows as they were, for those who cannot wait long: `as_of` with a bound on what it may cost."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

from infra.errors import InvalidRecord, Unavailable
from infra.kafka import LogReader
from infra.record import Codec
from sinks.asof import offsets_at
from sinks.fold import Fold, LogPass, partitions_of
from sinks.retention import FOR_GOOD, Lifetimes
from sinks.rows import Columns, Key
from sinks.view import View
from sinks.views import view_named

MOST_MESSAGES: Final = 50_000
SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 1.5
"""For Kafka to say how much there is to fold, and before that for a turn."""
AT_ONCE: Final = 2
"""Folds at the same time, in one process; others wait their turn."""


class TooMuch(InvalidRecord):
    """More of the log would have to be read than one question may cost."""


class ViewHistory:
    """Folds the log for one row, up to a time."""

    def __init__(
        self,
        bootstrap: str,
        codec: Codec,
        *,
        lifetimes: Lifetimes = FOR_GOOD,
        most: int = MOST_MESSAGES,
    ) -> None:
        self._lifetimes = lifetimes
        self._most = most
        self._bootstrap = bootstrap
        self._codec = codec
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def row(self, view: str, key: str | Key, time: int) -> Columns | None:
        """The row at a time (microseconds), with its key columns, or None.

        Raises NotFound for a view there is not, TooMuch, and Unavailable after SECONDS.
        """
        found = view_named(view)
        full = found.key_of(key)
        rows = await self._folded(found, full, time)
        return _row(found, full, rows[full]) if full in rows else None

    async def rows(
        self, view: str, within: str, time: int, limit: int, start: int
    ) -> tuple[list[Columns], int | None]:
        """`limit` rows from the one numbered `start` on, and the number of the next; None: no more.

        Those whose first key column is `within`, in the view's order. Raises as `row`.
        """
        found = view_named(view)
        rows = await self._folded(found, (within,), time)
        keys = sorted(rows, key=partial(_place, found))
        page = [_row(found, key, rows[key]) for key in keys[start : start + limit]]
        return page, start + limit if start + limit < len(keys) else None

    async def _folded(self, view: View, only: Key, time: int) -> dict[Key, Columns]:
        asked = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(SECONDS):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._turns.acquire()
                try:
                    waited = asyncio.get_running_loop().time() - asked
                    # In a thread with a loop of its own: a fold decodes thousands at a go.
                    return await asyncio.to_thread(
                        asyncio.run, self._fold(view, only, time, ANSWER_SECONDS - waited)
                    )
                finally:
                    self._turns.release()
        except TimeoutError as slow:
            raise Unavailable("the log could not be read in time") from slow

    async def _fold(self, view: View, only: Key, time: int, patience: float) -> dict[Key, Columns]:
        async with asyncio.timeout(SECONDS), AsyncExitStack() as closing:
            async with asyncio.timeout(patience):
                log = await closing.enter_async_context(LogReader(self._bootstrap))
                partitions = await partitions_of(log, view, only)
                ends = await offsets_at(log, partitions, time)
                begins = await log.begins(partitions)
            messages = sum(max(0, ends[tp] - begins[tp]) for tp in partitions)
            if messages > self._most:
                raise TooMuch(
                    f"{messages} messages were written by then, at most {self._most} are read for "
                    "one question"
                )
            fold = Fold(LogPass(log, self._codec, view), only=only)
            await fold.until(ends)
            return self._lifetimes.kept(view, fold.rows, time)


def _row(view: View, key: Key, columns: Columns) -> Columns:
    return dict(zip(view.key, key, strict=True)) | columns


def _place(view: View, key: Key) -> list[Any]:
    """Where a row stands in the view's order."""
    return [
        -value if name in view.newest_first and isinstance(value, int) else value
        for name, value in zip(view.key, key, strict=True)
    ]

"""Views as they were: `?as_of=`, the same way for every endpoint that allows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol

import msgspec
from aiohttp import web

from api.call import Call
from api.deadline import give
from api.views import Row, Views, typed
from infra.errors import InvalidRecord, NotFound

FOLD_SECONDS: Final = 8.0
"""For the log to be folded; `sinks.history` needs less."""

AsOf = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$",
        description="What was shown at this moment (RFC 3339, UTC), from the log.",
    ),
]


Key = str | tuple[str | int, ...]


class Moment(msgspec.Struct, frozen=True):
    """When."""

    as_of: AsOf | None = None


class History(Protocol):
    """Reads views as they were. Implemented in `millrace.gateway` over `sinks.history`.

    Every method raises Unprocessable where it would cost too much, and Unavailable.
    """

    async def row(self, view: str, key: Key, time: int) -> Mapping[str, Any] | None:
        """A row at a time (microseconds), or None."""
        ...

    async def rows(
        self, view: str, within: str, time: int, limit: int, start: int
    ) -> tuple[Sequence[Mapping[str, Any]], int | None]:
        """Rows from the one numbered `start` on, and the number of the next; None: no more."""
        ...


HISTORY: web.AppKey[History] = web.AppKey("history")


def moment(text: str, name: str = "as_of") -> int:
    """Microseconds since 1970. Raises InvalidRecord for a moment that there is not."""
    try:
        found = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise InvalidRecord(f"{name}: {error}") from error
    microseconds = int(found.timestamp() * 1e6)
    if microseconds < 0:
        raise InvalidRecord(f"{name}: must be after 1970")
    return microseconds


@dataclass(frozen=True, slots=True)
class Shown:
    """The views, as they are or as they were, and the moment that they show."""

    views: Views
    time: int
    """Microseconds since 1970."""

    async def row(self, view: str, key: Key, kind: type[Row], missing: str) -> Row:
        """A row. Raises NotFound with the text `missing`, or Unavailable."""
        found = await self.views.get(view, key)
        if found is None:
            raise NotFound(missing)
        return typed(found, kind)


def shown(call: Call, as_of: str | None) -> Shown:
    """What an endpoint reads. Raises InvalidRecord for a moment that there is not.

    What was is read from the log, row by row: up to 5 s each. Where too much would have to be read
    the answer is 422.
    """
    if as_of is None:
        return Shown(call.views, call.now)
    time = min(moment(as_of), call.now)
    give(FOLD_SECONDS)
    call.stands_on(_Passing())
    return Shown(_Then(call.request.app.get(HISTORY), time), time)


class _Passing:
    """What an answer stands on that is not kept."""

    stands = False


class _Then:
    """Views as they were at a moment."""

    def __init__(self, history: History | None, time: int) -> None:
        self._history = history
        self._time = time

    async def get(self, view: str, key: Key) -> Mapping[str, Any] | None:
        """The row under a key, or None."""
        return await self._history.row(view, key, self._time) if self._history else None

    async def scan(
        self,
        view: str,
        limit: int,
        cursor: str | None = None,
        *,
        within: str | None = None,
        after: Key | None = None,
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """Some of the rows within a key. Their cursor is a number: nothing comes or goes."""
        if self._history is None:
            return [], None
        if cursor is not None and not (cursor.isascii() and cursor.isdecimal()):
            raise InvalidRecord("cursor: must be that of an earlier page of the same moment")
        assert within is not None
        assert after is None, "what was is read from its beginning"
        start = int(cursor or 0)
        rows, more = await self._history.rows(view, within, self._time, limit, start)
        return rows, None if more is None else str(more)

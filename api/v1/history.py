"""Views as they were: `?as_of=` for those that allow it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol

import msgspec
from aiohttp import web

from infra.errors import InvalidRecord

FOLD_SECONDS: Final = 8.0
"""For the log to be folded; `sinks.history` needs less."""

AsOf = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$",
        description="What was shown at this moment (RFC 3339, UTC), from the log.",
    ),
]


class History(Protocol):
    """Reads views as they were. Implemented in `millrace.gateway` over `sinks.asof`."""

    async def row(self, view: str, key: str, time: int) -> Mapping[str, Any] | None:
        """A row at a time (microseconds), or None.

        Raises Unprocessable where that would cost too much, Unavailable.
        """
        ...


HISTORY: web.AppKey[History] = web.AppKey("history")


def moment(text: str) -> int:
    """Microseconds since 1970. Raises InvalidRecord for a moment that there is not."""
    try:
        found = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise InvalidRecord(f"as_of: {error}") from error
    microseconds = int(found.timestamp() * 1e6)
    if microseconds < 0:
        raise InvalidRecord("as_of: must be after 1970")
    return microseconds

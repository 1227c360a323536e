"""Channels by how their name begins: what the dialect and `/v1` have in common."""

import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from api.views import CHANNEL_SEARCH, Views

LONGEST_PREFIX: Final = 8
"""What the view `channel-search` knows of a name."""
_MOST_PAGES: Final = 5
"""Pages of the view that one request reads: what it answers may be short, with a cursor."""
_NOT_IN_NAMES = re.compile(r"[^a-z0-9_]")

Found = TypeVar("Found")


def beginning(text: str) -> str:
    """What of a text may stand in a name; empty: no channel is meant."""
    return _NOT_IN_NAMES.sub("", text.casefold())


async def channels_named(
    views: Views,
    text: str,
    limit: int,
    cursor: str | None,
    take: Callable[[list[str]], Awaitable[list[Found]]],
) -> tuple[list[Found], str | None]:
    """At most `limit` of what `take` makes of channel ids, in order of name, and the next cursor.

    Raises InvalidRecord for a cursor of another search, Unavailable.
    """
    wanted = beginning(text)
    found: list[Found] = []
    if not wanted:
        return found, None
    for _ in range(_MOST_PAGES):
        named, cursor = await views.scan(
            CHANNEL_SEARCH, limit - len(found), cursor, within=wanted[:LONGEST_PREFIX]
        )
        found += await take([row["channel_id"] for row in named if row["name"].startswith(wanted)])
        if cursor is None or len(found) >= limit:
            break
    return found, cursor

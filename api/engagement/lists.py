"""What polls and predictions have in common: lists by channel, newest first."""

from collections.abc import Collection
from typing import Any, Final

from api.views import Row, Views, typed

COMMANDS: Final = "engagement-commands"
_PAGE: Final = 100
_LOOKED_THROUGH: Final = 5
"""Pages in which those are looked for that somebody knows by id: what is older, is not found."""


async def newest(views: Views, view: str, channel_id: str, kind: type[Row]) -> Row | None:
    """The one that was started last."""
    rows, _ = await views.scan(view, 1, within=channel_id)
    return typed(rows[0], kind) if rows else None


async def page(
    views: Views,
    view: str,
    channel_id: str,
    kind: type[Row],
    *,
    limit: int,
    cursor: str | None,
    key: str,
    ids: Collection[str],
) -> tuple[list[Row], str | None]:
    """Some of a channel's; those with these ids in the column `key`, if there are any."""
    if not ids:
        rows, cursor = await views.scan(view, limit, cursor, within=channel_id)
        return [typed(row, kind) for row in rows], cursor
    found: list[Any] = []
    at = None
    for _ in range(_LOOKED_THROUGH):
        rows, at = await views.scan(view, _PAGE, at, within=channel_id)
        found += [row for row in rows if row[key] in ids]
        if at is None or len(found) == len(set(ids)):
            break
    return [typed(row, kind) for row in found], None

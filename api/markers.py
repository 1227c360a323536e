"""Stream markers: how a moment is marked, and which there are."""

import uuid
from typing import Final

import msgspec

from api.call import Call
from api.errors import CommandRefused
from api.idempotency import checked_key, identity_of
from api.views import STREAM_HISTORY, STREAM_MARKERS, MarkerRow, StreamRow, Views, typed
from infra.errors import NotFound
from schemas.records.broadcast import CreateMarker, MarkerCreated

DESCRIPTION_LENGTH: Final = 140


class Marker(msgspec.Struct, frozen=True):
    """A moment of a stream."""

    marker_id: str
    created_at: str
    """RFC 3339 in UTC."""
    position_seconds: int
    """From the start of the stream."""
    description: str


async def mark(call: Call, description: str) -> MarkerCreated:
    """Mark this moment of the stream of who asks.

    Raises NotFound while they are not live, CommandRefused for another rule.
    """
    command = CreateMarker(
        channel_id=call.user_id,
        marker_id=_marker_id(call),
        user_id=call.user_id,
        description=description,
    )
    try:
        return await call.ask("broadcast-commands", call.user_id, command, MarkerCreated)
    except CommandRefused as refusal:
        if refusal.reason == "not-live":
            raise NotFound(str(refusal)) from refusal
        raise


async def markers_of(
    views: Views, stream_id: str, limit: int, cursor: str | None = None
) -> tuple[list[MarkerRow], str | None]:
    """Markers of a stream, newest first, and where they go on. Raises Unavailable."""
    rows, after = await views.scan(STREAM_MARKERS, limit, cursor, within=stream_id)
    return [typed(row, MarkerRow) for row in rows], after


async def latest_stream(views: Views, channel_id: str) -> str | None:
    """The stream that a channel began last, on air or over. Raises Unavailable."""
    rows, _ = await views.scan(STREAM_HISTORY, 1, within=channel_id)
    return typed(rows[0], StreamRow).stream_id if rows else None


def _marker_id(call: Call) -> str:
    """Another one each time, unless an `Idempotency-Key` says that it is the same."""
    key = checked_key(call.request.headers.getall("Idempotency-Key", []))
    return str(uuid.uuid4()) if key is None else identity_of(call.principal.name, key)

"""`/session/studio`: how the broadcast of who is signed in is doing, for the page's script."""

import asyncio
from typing import Any, Final, Literal

import msgspec

from api.call import Call
from api.ladders import Costs, Ladder, ladder_and_costs
from api.markers import DESCRIPTION_LENGTH, Marker, mark
from api.session import of_page
from api.v1.resources import One, timestamp
from api.views import LIVE_CHANNELS, STREAM_HEALTH, STREAM_STATUS, StreamRow, typed
from infra.errors import InvalidRecord

FRESH: Final = 8_000_000
"""Microseconds for which a measurement counts; there is one every two seconds."""

State = Literal["offline", "starting", "live", "interrupted"]


class Figures(msgspec.Struct, frozen=True):
    """What was measured of the last ten seconds. Seconds, bits a second, frames a second."""

    measured_at: int = 0
    video_bitrate: int = 0
    audio_bitrate: int = 0
    frame_rate: float = 0.0
    expected_frame_rate: float = 0.0
    """0 if unknown."""
    frames_missing: int = 0
    frames_discarded: int = 0
    key_frame_interval: float | None = None
    width: int = 0
    height: int = 0
    video_codec: str = ""
    audio_codec: str = ""
    late: float = 0.0
    hole: float = 0.0
    audio_offset: float = 0.0
    behind_bytes: int = 0


class Advice(msgspec.Struct, frozen=True):
    """What is not well."""

    code: str
    detail: str


class Broadcast(msgspec.Struct, frozen=True):
    """What a channel has on air. Times are RFC 3339 in UTC."""

    state: State
    stream_id: str | None = None
    started_at: str | None = None
    resume_until: str | None = None
    figures: Figures | None = None
    """None while nothing is measured: off air, in the first seconds, and if the platform fails."""
    advice: list[Advice] = []
    ladder: Ladder | None = None
    """Its renditions; None off air."""
    costs: Costs | None = None
    """What they have cost so far; None off air."""


class NewMarker(msgspec.Struct, frozen=True):
    """What is to be marked: this moment."""

    description: str = ""


async def broadcast_of(call: Call, channel_id: str) -> Broadcast:
    """What a channel has on air, and how it is doing. Raises Unavailable."""
    live, health = await asyncio.gather(
        call.views.get(LIVE_CHANNELS, channel_id), call.views.get(STREAM_HEALTH, channel_id)
    )
    if live is None:
        return Broadcast("offline")
    status, (ladder, costs) = await asyncio.gather(
        call.views.get(STREAM_STATUS, live["stream_id"]),
        ladder_and_costs(call.views, live["stream_id"]),
    )
    row = typed({**(status or {}), **live}, StreamRow)
    measured = _measured(health, row.stream_id, call.now) if row.state == "live" else None
    state: State = "interrupted" if row.state == "interrupted" else "live"
    if state == "live" and row.codecs is None:
        state = "starting"
    return Broadcast(
        state=state,
        stream_id=row.stream_id,
        started_at=None if row.started_at is None else timestamp(row.started_at),
        resume_until=None if row.resume_until is None else timestamp(row.resume_until),
        figures=typed(measured, Figures) if measured else None,
        advice=_advice(measured) if measured else [],
        ladder=ladder,
        costs=costs,
    )


def _measured(row: Any, stream_id: str, now: int) -> Any:
    """The row if it is of this stream, and new: an ingest that was killed leaves its last."""
    if row is None or row["stream_id"] != stream_id or now - row["measured_at"] > FRESH:
        return None
    return row


def _advice(row: Any) -> list[Advice]:
    codes, details = (
        msgspec.json.decode(row[name], type=list[str]) for name in ("warnings", "details")
    )
    return [Advice(code, detail) for code, detail in zip(codes, details, strict=True)]


async def get_broadcast(call: Call) -> One[Broadcast]:
    """What you have on air, and how it is doing."""
    return One(await broadcast_of(call, call.user_id), timestamp(call.now))


async def post_marker(call: Call, body: NewMarker) -> One[Marker]:
    """Mark this moment of your broadcast."""
    found = await mark(call, checked(body.description))
    marker = Marker(
        found.marker_id, timestamp(found.created_at), found.position_seconds, found.description
    )
    return One(marker, timestamp(call.now))


def checked(description: str) -> str:
    """A description as it was typed. Raises InvalidRecord."""
    text = " ".join(description.split())
    if len(text) > DESCRIPTION_LENGTH:
        raise InvalidRecord(f"description: may have {DESCRIPTION_LENGTH} characters")
    return text


ROUTES = (of_page("GET", "/session/studio", get_broadcast),)
ASKING = (of_page("POST", "/session/markers", post_marker),)

"""Which renditions a stream has, why it has no others, and what they cost: for API and pages."""

import asyncio
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from api.v1.resources import timestamp
from api.views import STREAM_COSTS, STREAM_LADDERS, Views, typed
from schemas.records import transcode

MOST_RENDITIONS: Final = 20
"""Of a stream; there are about six."""

RungState = Literal["granted", "going", "waiting", "refused"]
Tier = Literal["partner", "affiliate", "regular"]

_MADE: Final = {
    "tier": "It is made: the channel has it by its tier.",
    "idle_capacity": "It is made while there is capacity to spare.",
    "reserved": "It is made: room was reserved for this event.",
}
_GOING: Final = {
    "preempted": "It goes soon: a partner's broadcast needs the room.",
    "idle_capacity": "It goes soon: there is no capacity to spare any more.",
    "not_asked": "It goes soon: nobody has asked for it lately.",
    "tier": "It goes soon: the channel's tier does not include it.",
    "reserved": "It goes soon: the room is reserved.",
}
_NOT_MADE: Final = {
    "tier": "The channel's tier does not include it.",
    "idle_capacity": "It is made only while there is capacity to spare, and there is none.",
    "reserved": "What capacity is left is held for partners and for events to come.",
    "preempted": "A partner's broadcast needed the room. It comes back when there is capacity.",
    "not_asked": "Nobody has asked for it yet. Viewers can.",
    "no_capacity": "All machines that make renditions are busy. It comes when there is capacity.",
    "awaiting_preemption": "It comes within half a minute: another broadcast gives the room up.",
    "worker_lost": "The machine that made it is gone, and another one is looked for.",
    "worker_behind": "The machine that made it could not keep up with it.",
    "encoder_failed": "Its encoder failed.",
    "settling": "It was changed a moment ago. It is looked at again in a little while.",
    "quarantined": "Making renditions of this broadcast failed too often: viewers get the source.",
    "stream_over": "The broadcast is over.",
}
_WORDS: Final = {"granted": _MADE, "going": _GOING, "waiting": _NOT_MADE, "refused": _NOT_MADE}
_OTHERWISE: Final = {
    "granted": "It is made.",
    "going": "It goes soon.",
    "waiting": "It is not made yet.",
    "refused": "It is not made.",
}


class LadderRow(msgspec.Struct, frozen=True):
    """A row of `stream-ladders`; times in microseconds since 1970."""

    stream_id: str
    channel_id: str = ""
    pool: str = ""
    tier: Tier | None = None
    worker_id: str = ""
    assignment: int = 0
    cause: str = ""
    rungs: str = "[]"
    changed_at: int | None = None
    quarantined_at: int | None = None
    deaths: int = 0
    quarantined_segment: int = -1
    quarantine: str = ""


class CostRow(msgspec.Struct, frozen=True):
    """A row of `stream-costs`."""

    stream_id: str
    rendition: str
    encoder: str
    segments: int
    media_seconds: float
    cpu_seconds: float
    gpu_seconds: float
    measured_at: int


class LadderRung(msgspec.Struct, frozen=True):
    """A rendition that a stream has, may have, or may not have."""

    name: str
    """Short side in pixels, p, frames a second: `720p60`."""
    width: int
    height: int
    frame_rate: float
    bitrate: int
    """Bits of video a second that its encoder aims at."""
    state: RungState
    """`going`: made until `until`. `waiting`: not made yet. `refused`: not made."""
    reason: str
    """Why, a stable code."""
    detail: str
    """The same in plain words."""
    until: str | None
    """When one that is going goes (RFC 3339); null for others."""


class Quarantine(msgspec.Struct, frozen=True):
    """Why renditions of a stream are not made any more."""

    since: str
    deaths: int
    """How many processes died of it."""
    media_sequence: int
    """The segment that the last one died in; -1 if in none."""
    detail: str


class Ladder(msgspec.Struct, frozen=True):
    """The renditions of a stream, besides the source. Times are RFC 3339 in UTC."""

    stream_id: str
    state: Literal["undecided", "decided", "over"]
    detail: str
    """In plain words."""
    tier: Tier | None
    """What the channel may have; null before there is a decision."""
    worker_id: str | None
    """Who makes them; null: nobody."""
    assignment: int
    """Counts the workers that the stream has had."""
    cause: str | None
    """What led to the decision, a stable code."""
    changed_at: str | None
    rungs: list[LadderRung]
    """The largest first."""
    quarantine: Quarantine | None


class RenditionCost(msgspec.Struct, frozen=True):
    """What making a rendition has cost so far."""

    rendition: str
    encoder: str
    segments: int
    media_seconds: float
    cpu_seconds: float
    gpu_seconds: float
    cpu_seconds_per_minute: float
    """For each minute of the stream."""
    gpu_seconds_per_minute: float
    measured_at: str


class Costs(msgspec.Struct, frozen=True):
    """What making renditions of a stream has cost so far."""

    stream_id: str
    media_seconds: float
    """Of the stream, as far as renditions were made of it."""
    cpu_seconds: float
    gpu_seconds: float
    cpu_seconds_per_minute: float
    """For each minute of the stream, all renditions together."""
    gpu_seconds_per_minute: float
    renditions: list[RenditionCost]
    """The dearest first."""


async def ladder_row(views: Views, stream_id: str) -> LadderRow | None:
    """What was decided about a stream, or None. Raises Unavailable."""
    found = await views.get(STREAM_LADDERS, stream_id)
    return None if found is None else typed(found, LadderRow)


async def costs_of(views: Views, stream_id: str) -> Costs:
    """What renditions of a stream have cost; nothing where none were made. Raises Unavailable."""
    found, _ = await views.scan(STREAM_COSTS, MOST_RENDITIONS, within=stream_id)
    return costs(stream_id, [typed(row, CostRow) for row in found])


async def ladder_and_costs(views: Views, stream_id: str) -> tuple[Ladder, Costs]:
    """Both, for a stream that there is. Raises Unavailable."""
    row, found = await asyncio.gather(ladder_row(views, stream_id), costs_of(views, stream_id))
    return (undecided(stream_id) if row is None else ladder(row)), found


def ladder(row: LadderRow) -> Ladder:
    """A row as its resource."""
    if row.changed_at is None:  # of the two events that a row is made of, one may come first
        return msgspec.structs.replace(undecided(row.stream_id), quarantine=_quarantine(row))
    rungs = [_rung(each) for each in msgspec.json.decode(row.rungs, type=list[transcode.Rung])]
    over = row.cause == "stream_over"
    return Ladder(
        stream_id=row.stream_id,
        state="over" if over else "decided",
        detail=_NOT_MADE["stream_over"] if over else _summary(rungs),
        tier=row.tier,
        worker_id=row.worker_id or None,
        assignment=row.assignment,
        cause=row.cause,
        changed_at=timestamp(row.changed_at),
        rungs=rungs,
        quarantine=_quarantine(row),
    )


def undecided(stream_id: str) -> Ladder:
    """Of a stream that nothing was decided about yet."""
    return Ladder(
        stream_id=stream_id,
        state="undecided",
        detail="Nothing was decided about renditions of this broadcast yet: it has just begun, or "
        "the platform makes none. Viewers get the source.",
        tier=None,
        worker_id=None,
        assignment=0,
        cause=None,
        changed_at=None,
        rungs=[],
        quarantine=None,
    )


def why(state: str, reason: str) -> str:
    """Why a rung is as it is, in plain words."""
    return _WORDS.get(state, {}).get(reason) or _OTHERWISE.get(state, "")


def costs(stream_id: str, rows: Iterable[CostRow]) -> Costs:
    """What all renditions have cost together, and each."""
    found = sorted(rows, key=lambda row: (-row.cpu_seconds - row.gpu_seconds, row.rendition))
    media = max((row.media_seconds for row in found), default=0.0)
    cpu, gpu = (sum(getattr(row, f"{kind}_seconds") for row in found) for kind in ("cpu", "gpu"))
    return Costs(
        stream_id=stream_id,
        media_seconds=media,
        cpu_seconds=cpu,
        gpu_seconds=gpu,
        cpu_seconds_per_minute=per_minute(cpu, media),
        gpu_seconds_per_minute=per_minute(gpu, media),
        renditions=[_cost(row) for row in found],
    )


def per_minute(seconds: float, media_seconds: float) -> float:
    """Seconds for each minute of media; 0 where there is none."""
    return 60 * seconds / media_seconds if media_seconds else 0.0


def _cost(row: CostRow) -> RenditionCost:
    return RenditionCost(
        rendition=row.rendition,
        encoder=row.encoder,
        segments=row.segments,
        media_seconds=row.media_seconds,
        cpu_seconds=row.cpu_seconds,
        gpu_seconds=row.gpu_seconds,
        cpu_seconds_per_minute=per_minute(row.cpu_seconds, row.media_seconds),
        gpu_seconds_per_minute=per_minute(row.gpu_seconds, row.media_seconds),
        measured_at=timestamp(row.measured_at),
    )


def _rung(rung: transcode.Rung) -> LadderRung:
    return LadderRung(
        name=rung.name,
        width=rung.width,
        height=rung.height,
        frame_rate=rung.frame_rate,
        bitrate=rung.bitrate,
        state=rung.state,
        reason=rung.reason,
        detail=why(rung.state, rung.reason),
        until=None if rung.until is None else timestamp(rung.until),
    )


def _quarantine(row: LadderRow) -> Quarantine | None:
    if row.quarantined_at is None:
        return None
    since = timestamp(row.quarantined_at)
    return Quarantine(since, row.deaths, row.quarantined_segment, row.quarantine)


def _summary(rungs: list[LadderRung]) -> str:
    made = [rung.name for rung in rungs if rung.state in ("granted", "going")]
    if not rungs:
        return "The source is so small that there is nothing to make of it. Viewers get the source."
    if not made:
        return "No renditions are made. Viewers get the source."
    return f"Besides the source viewers get {', '.join(made)}."

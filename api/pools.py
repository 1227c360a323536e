"""Pools of transcoders, as rows and as resources: for API and pages."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from api.v1.resources import timestamp
from api.views import POOL_STREAMS, POOL_WORKERS, POOLS, RESERVATIONS, Views, typed
from schemas.records.transcode import CapacityReserved

FRESH: Final = 30_000_000
"""Microseconds for which a measurement of a pool counts; there is one every ten seconds."""

Item = TypeVar("Item")
Cursor = str | None


class Pool(msgspec.Struct, frozen=True):
    """How much of a pool is used. Loads are macroblocks (16x16 pixels) a second."""

    pool: str
    measured_at: str
    measured: bool
    """Whether that is so now: false while the dispatcher says nothing."""
    workers: int
    streams: int
    transcoded: int
    """Streams of which renditions are made."""
    capacity: int
    used: int
    guaranteed: int
    """What of it nobody can take away."""
    reserved: int
    """What is held for partners and for events to come."""
    wanted: int
    """Renditions that channels are entitled to or may have."""
    served: int
    """Renditions of these that are made."""


class Worker(msgspec.Struct, frozen=True):
    """A transcoder."""

    pool: str
    worker_id: str
    name: str
    capacity: int
    """Macroblocks (16x16 pixels) a second that it can make."""
    encoders: list[str]
    """The best first."""
    joined_at: str


class PoolStream(msgspec.Struct, frozen=True):
    """A stream on air: how many renditions of it are made, or not."""

    stream_id: str
    channel_id: str
    tier: str
    worker_id: str | None
    cause: str
    """What led to the last decision, a stable code."""
    granted: int
    going: int
    waiting: int
    refused: int
    changed_at: str


class Reservation(msgspec.Struct, frozen=True):
    """Room for the full ladder of an event to come. Times are RFC 3339 in UTC."""

    pool: str
    reservation_id: str
    channel_id: str
    begins_at: str
    ends_at: str
    cost: int
    """Macroblocks (16x16 pixels) a second."""


class PoolRow(msgspec.Struct, frozen=True):
    """A row of `pools`."""

    pool: str
    measured_at: int
    workers: int
    streams: int
    transcoded: int
    capacity: int
    used: int
    guaranteed: int
    reserved: int
    wanted: int
    served: int


class WorkerRow(msgspec.Struct, frozen=True):
    """A row of `pool-workers`."""

    pool: str
    worker_id: str
    name: str
    capacity: int
    joined_at: int
    encoders: str = ""
    """With spaces between them."""


class PoolStreamRow(msgspec.Struct, frozen=True):
    """A row of `pool-streams`."""

    stream_id: str
    channel_id: str
    tier: str
    cause: str
    granted: int
    going: int
    waiting: int
    refused: int
    changed_at: int
    worker_id: str = ""


class ReservationRow(msgspec.Struct, frozen=True):
    """A row of `reservations`."""

    pool: str
    reservation_id: str
    channel_id: str
    begins_at: int
    ends_at: int
    cost: int


async def all_of(
    views: Views, now: int, limit: int, cursor: Cursor = None
) -> tuple[list[Pool], Cursor]:
    """Some of the pools, and where they go on. Raises Unavailable, InvalidRecord for a cursor."""
    found, after = await views.scan(POOLS, limit, cursor)
    return [_pool(typed(row, PoolRow), now) for row in found], after


async def workers_of(
    views: Views, pool: str, limit: int, cursor: Cursor = None
) -> tuple[list[Worker], Cursor]:
    """Some of a pool's workers, and where they go on. Raises as `all_of`."""
    return await _within(POOL_WORKERS, _worker, views, pool, limit, cursor)


async def streams_of(
    views: Views, pool: str, limit: int, cursor: Cursor = None
) -> tuple[list[PoolStream], Cursor]:
    """Some of a pool's streams, and where they go on. Raises as `all_of`."""
    return await _within(POOL_STREAMS, _stream, views, pool, limit, cursor)


async def reservations_of(
    views: Views, pool: str, limit: int, cursor: Cursor = None
) -> tuple[list[Reservation], Cursor]:
    """Some of a pool's reservations, and where they go on. Raises as `all_of`."""
    return await _within(RESERVATIONS, _reserved, views, pool, limit, cursor)


def reservation(row: ReservationRow | CapacityReserved) -> Reservation:
    """A reservation as its resource."""
    return Reservation(
        pool=row.pool,
        reservation_id=row.reservation_id,
        channel_id=row.channel_id,
        begins_at=timestamp(row.begins_at),
        ends_at=timestamp(row.ends_at),
        cost=row.cost,
    )


async def _within(
    view: str,
    made: Callable[[Any], Item],
    views: Views,
    pool: str,
    limit: int,
    cursor: Cursor,
) -> tuple[list[Item], Cursor]:
    found, after = await views.scan(view, limit, cursor, within=pool)
    return [made(row) for row in found], after


def _pool(row: PoolRow, now: int) -> Pool:
    figures = msgspec.structs.asdict(row)
    figures["measured_at"] = timestamp(row.measured_at)
    return Pool(**figures, measured=now - row.measured_at <= FRESH)


def _worker(found: Any) -> Worker:
    row = typed(found, WorkerRow)
    names = row.encoders.split()
    joined = timestamp(row.joined_at)
    return Worker(row.pool, row.worker_id, row.name, row.capacity, names, joined)


def _stream(found: Any) -> PoolStream:
    row = msgspec.structs.asdict(typed(found, PoolStreamRow))
    row["changed_at"] = timestamp(row["changed_at"])
    row["worker_id"] = row["worker_id"] or None
    return PoolStream(**row)


def _reserved(found: Any) -> Reservation:
    return reservation(typed(found, ReservationRow))

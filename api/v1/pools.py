"""`/v1/pools`: what makes renditions, how much of it is used, and room held for events to come."""

from datetime import datetime
from typing import Annotated

import msgspec

from api import pools
from api.access import role
from api.call import Call, endpoint
from api.errors import CommandRefused, Unprocessable
from api.pools import Pool, PoolStream, Reservation, Worker
from api.v1.ladders import POOL
from api.v1.parameters import Id, PageQuery
from api.v1.resources import One, Page, timestamp
from infra.errors import NotFound
from schemas.records.transcode import (
    CancelReservation,
    CapacityReserved,
    ReservationEnded,
    ReserveCapacity,
)

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Side = Annotated[int, msgspec.Meta(ge=16, le=8192)]


class PoolPath(msgspec.Struct, frozen=True):
    """A pool in the path."""

    pool: Id


class ReservationPath(PoolPath, frozen=True):
    """A reservation in the path."""

    reservation_id: Id


class NewReservation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For which channel, when, and what its source will be like."""

    reservation_id: Id
    """Chosen by you: asking twice with it is asking once."""
    channel_id: Id
    begins_at: Moment
    ends_at: Moment
    width: Side = 1920
    height: Side = 1080
    frame_rate: Annotated[float, msgspec.Meta(gt=0, le=120)] = 60.0


class Ended(msgspec.Struct, frozen=True):
    """A reservation that holds nothing any more."""

    pool: str
    reservation_id: str
    reason: str


async def list_pools(call: Call, query: PageQuery) -> Page[Pool]:
    """Pools of transcoders: what they can make, and how much of that is used."""
    found, cursor = await pools.all_of(call.views, call.now, query.limit, query.cursor)
    return Page(found, cursor, timestamp(call.now))


async def list_workers(call: Call, path: PoolPath, query: PageQuery) -> Page[Worker]:
    """Workers of a pool that are there."""
    found, cursor = await pools.workers_of(call.views, path.pool, query.limit, query.cursor)
    return Page(found, cursor, timestamp(call.now))


async def list_pool_streams(call: Call, path: PoolPath, query: PageQuery) -> Page[PoolStream]:
    """Streams on air of a pool, and how much of their ladder is made."""
    found, cursor = await pools.streams_of(call.views, path.pool, query.limit, query.cursor)
    return Page(found, cursor, timestamp(call.now))


async def list_reservations(call: Call, path: PoolPath, query: PageQuery) -> Page[Reservation]:
    """Reservations that hold room, or will."""
    found, cursor = await pools.reservations_of(call.views, path.pool, query.limit, query.cursor)
    return Page(found, cursor, timestamp(call.now))


async def reserve(call: Call, path: PoolPath, body: NewReservation) -> One[Reservation]:
    """Hold room for the full ladder of an event to come."""
    if body.ends_at <= body.begins_at:
        raise Unprocessable("ends_at: must be after begins_at", "/ends_at")
    command = ReserveCapacity(
        pool=_checked(call, path.pool),
        reservation_id=body.reservation_id,
        channel_id=body.channel_id,
        begins_at=_microseconds(body.begins_at),
        ends_at=_microseconds(body.ends_at),
        width=body.width,
        height=body.height,
        frame_rate=body.frame_rate,
    )
    event = await call.ask("transcode-commands", command.pool, command, CapacityReserved)
    return One(pools.reservation(event), timestamp(call.now))


async def cancel(call: Call, path: ReservationPath) -> One[Ended]:
    """Give a reservation up."""
    pool = _checked(call, path.pool)
    command = CancelReservation(pool=pool, reservation_id=path.reservation_id)
    try:
        event = await call.ask("transcode-commands", pool, command, ReservationEnded)
    except CommandRefused as refusal:
        if refusal.reason == "unknown-reservation":
            raise NotFound("There is no such reservation.") from refusal
        raise
    return One(Ended(event.pool, event.reservation_id, event.reason), timestamp(call.now))


def _checked(call: Call, pool: str) -> str:
    """The pool, if its dispatcher is this platform's. Raises NotFound."""
    if pool != call.request.app[POOL]:
        raise NotFound("There is no such pool here.")
    return pool


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


_POOL = "/v1/pools/{pool}"
_OPERATOR = role("operator")

ROUTES = (
    endpoint("GET", "/v1/pools", list_pools, _OPERATOR),
    endpoint("GET", f"{_POOL}/workers", list_workers, _OPERATOR),
    endpoint("GET", f"{_POOL}/streams", list_pool_streams, _OPERATOR),
    endpoint("GET", f"{_POOL}/reservations", list_reservations, _OPERATOR),
)
ASKING = (
    endpoint("POST", f"{_POOL}/reservations", reserve, _OPERATOR, errors=(422,)),
    endpoint("DELETE", f"{_POOL}/reservations/{{reservation_id}}", cancel, _OPERATOR),
)

"""What makes renditions at the moment, for whom, and what that costs."""

import asyncio
from collections import Counter
from typing import Final, NamedTuple, TypeVar

import msgspec

from api import ladders, pools
from api.call import Call
from api.ladders import Costs
from api.pools import Pool, PoolStream, Reservation, Worker
from api.views import CHANNELS_BY_ID, ChannelRow, Views, typed

MOST_POOLS: Final = 5
MOST_ROWS: Final = 100
"""Workers and reservations of a pool."""
MOST_STREAMS: Final = 1000
"""Streams of a pool that are looked at."""
MOST_SHOWN: Final = 30
"""Streams that wait, and streams that cost."""
MOST_COSTS: Final = 100
"""Streams whose costs are summed."""

Item = TypeVar("Item")


class Share(msgspec.Struct, frozen=True):
    """A part of a pool's capacity."""

    name: str
    amount: int
    """Macroblocks a second."""
    percent: float
    """Of the capacity; more than 100 where workers have gone."""


class Named(msgspec.Struct, frozen=True):
    """A stream, and the name of its channel."""

    stream: PoolStream
    channel: str


class Staffed(msgspec.Struct, frozen=True):
    """A worker, and the streams that it works on."""

    worker: Worker
    streams: int


class Spent(NamedTuple):
    """What renditions of some streams have cost so far."""

    streams: int
    cpu_seconds: float
    gpu_seconds: float
    media_seconds: float
    dearest: list[tuple[Costs, str]]
    """With the channel's name; most a minute first."""

    @property
    def cpu_per_minute(self) -> float:
        """Seconds of processors for each minute of a stream."""
        return ladders.per_minute(self.cpu_seconds, self.media_seconds)

    @property
    def gpu_per_minute(self) -> float:
        """Seconds of GPUs' encoders for each minute of a stream."""
        return ladders.per_minute(self.gpu_seconds, self.media_seconds)


class Overview(NamedTuple):
    """A pool, and all that is in it."""

    pool: Pool
    shares: list[Share]
    workers: list[Staffed]
    waiting: list[Named]
    """Streams that wait for a rendition, those that wait for most first."""
    more_waiting: int
    reservations: list[Reservation]
    names: dict[str, str]
    """Of the channels that room is reserved for."""
    spent: Spent
    cut: bool
    """Whether there are more streams than were looked at."""


async def overviews(call: Call) -> list[Overview]:
    """Of each pool. Raises Unavailable."""
    found, _ = await pools.all_of(call.views, call.now, MOST_POOLS)
    return list(await asyncio.gather(*(_overview(call.views, pool) for pool in found)))


async def _overview(views: Views, pool: Pool) -> Overview:
    (workers, _), (streams, more), (reserved, _) = await asyncio.gather(
        pools.workers_of(views, pool.pool, MOST_ROWS),
        pools.streams_of(views, pool.pool, MOST_STREAMS),
        pools.reservations_of(views, pool.pool, MOST_ROWS),
    )
    waiting = sorted((s for s in streams if s.waiting), key=lambda s: (-s.waiting, s.changed_at))
    made = [stream for stream in streams if stream.granted or stream.going][:MOST_COSTS]
    shown = waiting[:MOST_SHOWN]
    ids = {stream.channel_id for stream in [*shown, *made]} | {r.channel_id for r in reserved}
    costs, names = await asyncio.gather(
        asyncio.gather(*(ladders.costs_of(views, stream.stream_id) for stream in made)),
        _names(views, ids),
    )
    working = Counter(stream.worker_id for stream in streams)
    return Overview(
        pool=pool,
        shares=shares(pool),
        workers=[Staffed(worker, working[worker.worker_id]) for worker in workers],
        waiting=[Named(stream, names[stream.channel_id]) for stream in shown],
        more_waiting=len(waiting) - len(shown),
        reservations=reserved,
        names=names,
        spent=_spent(list(costs), {s.stream_id: names[s.channel_id] for s in made}),
        cut=more is not None or len(made) == MOST_COSTS,
    )


def shares(pool: Pool) -> list[Share]:
    """Parts of a pool's capacity."""

    def share(name: str, amount: int) -> Share:
        percent = 100 * amount / pool.capacity if pool.capacity else 0.0
        return Share(name, amount, percent)

    return [
        share("Used", pool.used),
        share("Guaranteed", pool.guaranteed),
        share("Reserved", pool.reserved),
    ]


def _spent(costs: list[Costs], names: dict[str, str]) -> Spent:
    some = [each for each in costs if each.renditions]
    dearest = sorted(some, key=lambda each: -each.cpu_seconds_per_minute)
    return Spent(
        streams=len(some),
        cpu_seconds=sum(each.cpu_seconds for each in some),
        gpu_seconds=sum(each.gpu_seconds for each in some),
        media_seconds=sum(each.media_seconds for each in some),
        dearest=[(each, names[each.stream_id]) for each in dearest[:MOST_SHOWN]],
    )


async def _names(views: Views, ids: set[str]) -> dict[str, str]:
    """Names of channels by id; the id where there is no name."""
    order = sorted(ids)
    rows = await asyncio.gather(*(views.get(CHANNELS_BY_ID, key) for key in order))
    return {
        key: typed(row, ChannelRow).name if row else key
        for key, row in zip(order, rows, strict=True)
    }

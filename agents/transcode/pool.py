"""The pool: all rows, and what is derived from them so that a decision need not look at all.

Whatever is derived is a function of the rows alone, never of the order in which they were written:
a pool built from restored rows decides as the one that wrote them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any, Final

from agents.transcode.order import Order
from agents.transcode.rows import (
    HELD,
    Asked,
    Clock,
    Reservation,
    Rules,
    Stream,
    Wait,
    Weight,
    Worker,
    next_due,
    wait_of,
    weigh,
    weigh_target,
)

TABLES: Final[dict[str, Any]] = {
    "stream": Stream,
    "worker": Worker,
    "heard": int,
    "replaced": int,
    "tier": str,
    "reservation": Reservation,
    "asked": list[Asked],
    "clock": Clock,
}
"""Rows by table: streams, workers, when each was heard, workers whose place another has taken (and
when they were last heard), tiers by channel, reservations, viewers' wishes by stream, time."""
RANKS: Final = 4
_NOTHING: Final[dict[str, Weight]] = {}


@dataclass
class Load:
    """What a worker has to do, in macroblocks a second; see `Weight`."""

    used: int = 0
    going: int = 0
    firm: int = 0
    claimed: int = 0
    lent: int = 0
    held: int = 0
    """What reservations hold."""
    places: int = 0
    places_after: int = 0
    places_kept: int = 0
    streams: set[str] = field(default_factory=set)
    """Streams that are made there, or are going to be."""
    claimants: set[str] = field(default_factory=set)
    """Those of them for which others have to go first."""


@dataclass
class Totals:
    """Sums over the pool."""

    capacity: int = 0
    """Of workers that stay."""
    used: int = 0
    firm: int = 0
    """What is promised, made or not."""
    held: int = 0
    """What reservations under way ask for whose stream is not on air."""
    streams: int = 0
    transcoded: int = 0
    wanted: int = 0
    served: int = 0


class Pool:
    """Rows and what is derived from them. Write rows with `put_…` only."""

    def __init__(self, rules: Rules, rows: Iterable[tuple[str, str, Any]] = ()) -> None:
        self.rules = rules
        self.rows: dict[str, dict[str, Any]] = {name: {} for name in TABLES}
        self.changed: dict[tuple[str, str], Any] = {}
        """Rows to be written, None: to be deleted."""
        self.streams: dict[str, Stream] = self.rows["stream"]
        self.workers: dict[str, Worker] = self.rows["worker"]
        self.loads: dict[str, Load] = {}
        self.totals = Totals()
        self.names: dict[str, str] = {}
        """Workers by name of their place."""
        self.channels: dict[str, set[str]] = {}
        """Streams by channel."""
        self.booked: dict[str, set[str]] = {}
        """Reservations by channel."""
        self.draining: set[str] = set()
        self.unplaced: set[str] = set()
        """Reservations under way that hold no room, though they should."""
        self.available, self.after, self.potential = Order(), Order(), Order()
        """Workers that have a place, by room now, room after what goes, room by pre-emption."""
        self.lending = Order()
        """Workers that lend to regular streams, by room if they did not."""
        self.least_decoding = 0
        """Of all workers: what a search may hope for."""
        self.waiting: list[dict[tuple[int, int], Order]] = [{} for _ in range(RANKS)]
        """Streams by rank and need (see `Wait`), by the time since when they wait."""
        self.soft = Order()
        """Affiliates whose minimum is made, but not promised, by time."""
        self.due: list[tuple[int, str, str]] = []
        """When a row changes by time alone; entries that the rows do not bear out are void."""
        self.grown: set[str] = set()
        """Workers that may have more room than before."""
        self.waits: dict[str, Wait] = {}
        """What each stream that waits waits for."""
        self._weights: dict[str, dict[str, Weight]] = {}
        self._tallies: dict[str, tuple[int, int, bool]] = {}
        self._load(rows)

    @property
    def clock(self) -> Clock:
        """How far time has come."""
        clock: Clock = self.rows["clock"].get("", Clock())
        return clock

    @property
    def slack(self) -> int:
        """What affiliates may still be promised, in macroblocks a second."""
        totals = self.totals
        limit = int((1 - self.rules.reserve) * totals.capacity)
        return limit - totals.held - totals.firm

    def put(self, table: str, key: str, row: Any) -> None:
        """Write a row from which nothing is derived."""
        if row is None:
            self.rows[table].pop(key, None)
        else:
            self.rows[table][key] = row
        self.changed[table, key] = row

    def take_changes(self) -> dict[tuple[str, str], Any]:
        """Rows that were written since the last time."""
        changed, self.changed = self.changed, {}
        return changed

    def put_stream(self, stream_id: str, stream: Stream | None) -> None:
        """Write a stream, or delete it with None."""
        before = self.streams.get(stream_id)
        self.put("stream", stream_id, stream)
        self._count(stream_id, before, stream)
        if before is not None and (stream is None or stream.channel_id != before.channel_id):
            _drop(self.channels, before.channel_id, stream_id)
        if stream is None:
            return
        self.channels.setdefault(stream.channel_id, set()).add(stream_id)
        due = next_due(stream)
        if due and (before is None or next_due(before) != due):
            heappush(self.due, (due, "stream", stream_id))

    def put_worker(self, worker_id: str, worker: Worker | None) -> None:
        """Write a worker, or delete it. One that is deleted has no streams any more."""
        before = self.workers.get(worker_id)
        if before is not None:
            self.totals.capacity -= 0 if before.draining else before.capacity
        self.put("worker", worker_id, worker)
        if worker is None:
            del self.loads[worker_id]
            self._measure_decoding()
            self.draining.discard(worker_id)
            self.grown.discard(worker_id)
            if before is not None and self.names.get(before.name) == worker_id:
                del self.names[before.name]
            self._rank_worker(worker_id)
            return
        self._welcome(worker)
        streams = sorted(self.loads[worker_id].streams)
        if before is not None and before.decoding != worker.decoding:
            for each in streams:
                self.put_stream(each, self.streams[each])
        for each in streams:
            self._queue(each, self.streams[each])

    def put_reservation(self, reservation_id: str, row: Reservation | None) -> None:
        """Write a reservation, or delete it."""
        before: Reservation | None = self.rows["reservation"].get(reservation_id)
        if before is not None:
            self._hold(before, -1)
            _drop(self.booked, before.channel_id, reservation_id)
        self.put("reservation", reservation_id, row)
        self.unplaced.discard(reservation_id)
        if row is not None:
            self._hold(row, 1)
            self.booked.setdefault(row.channel_id, set()).add(reservation_id)
            heappush(self.due, (self._turns(row), "reservation", reservation_id))

    def on_air(self, channel_id: str) -> list[str]:
        """A channel's streams that were described: a reservation's room is for them."""
        found = sorted(self.channels.get(channel_id, ()))
        return [each for each in found if self.streams[each].described]

    def watch(self, table: str, key: str) -> None:
        """Let a row that says when somebody was heard come up once it was long ago."""
        heappush(self.due, (self.rows[table][key] + self.rules.silence, table, key))

    @property
    def is_anything_due(self) -> bool:
        """Whether there may be something for `take_due`."""
        return bool(self.due) and self.due[0][0] <= self.clock.ticked_at

    def take_due(self) -> tuple[str, str] | None:
        """The table and key of a row for which it is time; None if there is none."""
        now = self.clock.ticked_at
        while self.due and self.due[0][0] <= now:
            due, table, key = heappop(self.due)
            if self._is_due(table, key, due):
                return table, key
        return None

    def cost_on(self, worker_id: str, rungs: int, source: int) -> int:
        """What rungs of a source cost on a worker that has nothing of it."""
        return rungs - (-source * self.workers[worker_id].decoding // 1000)

    def room_after(self, worker_id: str) -> int:
        """What a worker has left once all that goes has gone and all claims are met."""
        load = self.loads[worker_id]
        return self.workers[worker_id].capacity - load.used + load.going - load.claimed

    def room_now(self, worker_id: str) -> int:
        """What may be given to those who can lose it again."""
        load = self.loads[worker_id]
        return min(self.workers[worker_id].capacity - load.used, self.room_after(worker_id))

    def room_by_preemption(self, worker_id: str) -> int:
        """What is left beside all that nobody can take away."""
        load = self.loads[worker_id]
        return self.workers[worker_id].capacity - load.firm - load.claimed - load.held

    def _load(self, rows: Iterable[tuple[str, str, Any]]) -> None:
        for table, key, row in rows:
            self.rows[table][key] = row
        for worker_id in sorted(self.workers):
            self._welcome(self.workers[worker_id])
        for stream_id in sorted(self.streams):
            stream = self.streams[stream_id]
            self.channels.setdefault(stream.channel_id, set()).add(stream_id)
            self._count(stream_id, None, stream)
            if due := next_due(stream):
                self.due.append((due, "stream", stream_id))
        for reservation_id in sorted(self.rows["reservation"]):
            row = self.rows["reservation"][reservation_id]
            self.booked.setdefault(row.channel_id, set()).add(reservation_id)
            self._hold(row, 1)
            self.due.append((self._turns(row), "reservation", reservation_id))
        for table in ("heard", "replaced"):
            self.due += [
                (heard + self.rules.silence, table, key) for key, heard in self.rows[table].items()
            ]
        heapify(self.due)
        self.grown.clear()

    def _welcome(self, worker: Worker) -> None:
        worker_id = worker.worker_id
        self.loads.setdefault(worker_id, Load())
        self.names[worker.name] = worker_id
        if worker.draining:
            self.draining.add(worker_id)
        else:
            self.draining.discard(worker_id)
            self.totals.capacity += worker.capacity
        self.grown.add(worker_id)
        self._rank_worker(worker_id)
        self._measure_decoding()

    def _measure_decoding(self) -> None:
        known = [worker.decoding for worker in self.workers.values()]
        self.least_decoding = min(known, default=0)

    def _is_due(self, table: str, key: str, due: int) -> bool:
        """Whether a row bears out when it is due."""
        row = self.rows[table].get(key)
        if row is None:
            return False
        if table == "stream":
            return next_due(row) == due
        if table == "reservation":
            return self._turns(row) == due
        silent: int = row + self.rules.silence
        if silent != due:  # it was heard since
            heappush(self.due, (silent, table, key))
        return silent == due

    def _turns(self, row: Reservation) -> int:
        """When a reservation begins or ends to count."""
        return row.ends_at if row.active else row.begins_at - self.rules.lead

    def _count(self, stream_id: str, before: Stream | None, stream: Stream | None) -> None:
        """Take what a stream was out of all that is derived, and add what it is."""
        old = self._weights.pop(stream_id, _NOTHING)
        new = _NOTHING if stream is None else self._weigh(stream)
        if new:
            self._weights[stream_id] = new
        if old or new:
            for worker_id in {**old, **new}:
                nothing = Weight(worker_id)
                self._shift(stream_id, old.get(worker_id, nothing), new.get(worker_id, nothing))
        if before is not None and before.channel_id:
            self._sum(self._tallies.pop(stream_id), -1)
        if stream is not None and stream.channel_id:
            self._tallies[stream_id] = tally = _tally(stream, new)
            self._sum(tally, 1)
        self._queue(stream_id, stream)

    def _weigh(self, stream: Stream) -> dict[str, Weight]:
        if not stream.worker_id and not stream.target:
            return _NOTHING
        found = {}
        if stream.worker_id:
            found[stream.worker_id] = weigh(stream, self.workers[stream.worker_id])
        if stream.target:
            found[stream.target] = weigh_target(stream, self.workers[stream.target])
        return found

    def _shift(self, stream_id: str, old: Weight, new: Weight) -> None:
        """Let a stream be something else to a worker."""
        if old == new:
            return
        load, totals = self.loads[new.worker_id], self.totals
        load.used += new.used - old.used
        load.going += new.going - old.going
        load.firm += new.firm - old.firm
        load.claimed += new.claimed - old.claimed
        load.lent += new.lent - old.lent
        load.places += new.place - old.place
        load.places_after += new.place_after - old.place_after
        load.places_kept += new.place_kept - old.place_kept
        totals.used += new.used - old.used
        totals.firm += new.firm + new.claimed - old.firm - old.claimed
        if new.place or new.place_after:
            load.streams.add(stream_id)
        else:
            load.streams.discard(stream_id)
        if new.claimed:
            load.claimants.add(stream_id)
        else:
            load.claimants.discard(stream_id)
        less = new.used < old.used or new.firm + new.claimed < old.firm + old.claimed
        if less or new.going > old.going:
            self.grown.add(new.worker_id)
        self._rank_worker(new.worker_id)

    def _sum(self, tally: tuple[int, int, bool], sign: int) -> None:
        wanted, served, transcoded = tally
        totals = self.totals
        totals.streams += sign
        totals.wanted += sign * wanted
        totals.served += sign * served
        totals.transcoded += sign * transcoded

    def _rank_worker(self, worker_id: str) -> None:
        """Its place in the orders: in none if it is given nothing."""
        worker = self.workers.get(worker_id)
        if worker is None or worker.draining:
            for order in (self.available, self.after, self.potential, self.lending):
                order.put(worker_id, None)
            return
        load, places = self.loads[worker_id], worker.streams
        now = load.places < places and load.places_after < places
        later = load.places_kept < places
        after = self.room_after(worker_id)
        self.available.put(worker_id, self.room_now(worker_id) if now else None)
        self.after.put(worker_id, after if later else None)
        self.potential.put(worker_id, self.room_by_preemption(worker_id) if later else None)
        self.lending.put(worker_id, after + load.lent if load.lent else None)

    def _hold(self, row: Reservation, sign: int) -> None:
        if not row.active or row.in_use:
            return
        cost = sum(row.ladder.costs)
        self.totals.held += sign * cost
        if row.worker_id:
            self.loads[row.worker_id].held += sign * self._held_on(row)
            self._rank_worker(row.worker_id)
            self.grown.add(row.worker_id)
        elif sign > 0:
            self.unplaced.add(row.reservation_id)

    def _held_on(self, row: Reservation) -> int:
        return self.cost_on(row.worker_id, sum(row.ladder.costs), row.ladder.source)

    def _queue(self, stream_id: str, stream: Stream | None) -> None:
        """Let a stream wait where its row says, if it waits."""
        wait = None
        if stream is not None and stream.rungs:
            wait = wait_of(stream, stream.worker_id in self.draining)
        before = self.waits.get(stream_id)
        if before is not None and before != wait:
            self._leave(stream_id, before)
        if wait is not None and stream is not None:
            self.waits[stream_id] = wait
            orders = self.waiting[wait.rank]
            orders.setdefault(wait[1:], Order()).put(stream_id, stream.since)
        unpromised = stream is not None and stream.least_is_soft
        self.soft.put(stream_id, stream.since if unpromised and stream is not None else None)

    def _leave(self, stream_id: str, wait: Wait) -> None:
        del self.waits[stream_id]
        orders = self.waiting[wait.rank]
        orders[wait[1:]].put(stream_id, None)
        if not orders[wait[1:]]:
            del orders[wait[1:]]


def _tally(stream: Stream, weights: dict[str, Weight]) -> tuple[int, int, bool]:
    """Rungs that a stream wants, those of them that are made, whether any is made."""
    rungs = stream.rungs
    wanted = stream.wanted if rungs else ()
    served = sum(rungs[rung].state in HELD for rung in wanted)
    return len(wanted), served, any(weight.used for weight in weights.values())


def _drop(groups: dict[str, set[str]], key: str, member: str) -> None:
    groups[key].discard(member)
    if not groups[key]:
        del groups[key]

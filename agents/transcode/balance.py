"""What follows when room grows, shrinks or goes: who is served next, who is shed, who moves."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from agents.transcode.draft import Draft
from agents.transcode.pool import RANKS
from agents.transcode.rows import (
    HELD,
    BackOff,
    Held,
    Stream,
    Worker,
    with_rungs,
)
from agents.transcode.sharing import Sharing

PROMISES: Final = 50
"""Minima that one decision promises afterwards; the next one goes on."""
PASSED: Final = (1000, 8, 8, 8)
"""Streams of one need that are passed over, by rank, before others of this need are given up."""
_STANDINGS: Final = ("partner", "affiliate", "regular")


class Balance:
    """Keeps the pool such that nobody waits for room that there is."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.pool = draft.pool
        self.sharing = Sharing(draft)

    def settle(self) -> None:
        """Serve those that wait, until there is nothing more to give."""
        pool = self.pool
        while True:
            workers = sorted(pool.grown & pool.workers.keys())
            pool.grown.clear()
            for worker_id in workers:
                self.sharing.meet_claims(worker_id)
            residents = self._residents(workers)
            for rank in range(RANKS):
                if residents[rank] or pool.waiting[rank]:
                    self._serve_rank(rank, residents[rank])
                if rank == 0:
                    self._place_reservations()
            self._promise()
            if not pool.grown:
                return

    def _residents(self, workers: list[str]) -> list[list[tuple[int, str]]]:
        """Streams that wait for more on these workers, by rank, longest waiting last."""
        found: list[list[tuple[int, str]]] = [[] for _ in range(RANKS)]
        for worker_id in workers if self.pool.waits else ():
            for stream_id in self.pool.loads[worker_id].streams:
                wait = self.pool.waits.get(stream_id)
                if wait is not None:
                    found[wait.rank].append((self.pool.streams[stream_id].since, stream_id))
        for each in found:
            each.sort(reverse=True)
        return found

    def _serve_rank(self, rank: int, residents: list[tuple[int, str]]) -> None:
        """Serve the longest waiting first, be it where room has grown or anywhere."""
        pool, passed = self.pool, dict[tuple[int, int], int]()
        while True:
            anywhere = min(self._heads(rank, passed), default=None)
            if residents and (anywhere is None or residents[-1] < anywhere[0]):
                _, stream_id = residents.pop()
                wait = pool.waits.get(stream_id)
                if wait is not None and wait.rank == rank:
                    self.sharing.serve(pool.streams[stream_id], "capacity_freed")
            elif anywhere is not None:
                (_, stream_id), bucket = anywhere
                if not self.sharing.serve(pool.streams[stream_id], "capacity_freed"):
                    passed[bucket] = passed.get(bucket, 0) + 1
            else:
                return

    def _heads(
        self, rank: int, passed: dict[tuple[int, int], int]
    ) -> Iterator[tuple[tuple[int, str], tuple[int, int]]]:
        """Who waits longest among those of each need that there could be room for.

        `passed`: how many of a need were tried and found none, for reasons of their own.
        """
        pool = self.pool
        for bucket, order in pool.waiting[rank].items():
            rungs, source = bucket
            least = rungs + source * pool.least_decoding // 1000
            place = passed.get(bucket, 0)
            if place >= min(len(order), PASSED[rank]) or not self._could_fit(rank, least):
                continue
            yield order.at(place), bucket

    def _could_fit(self, rank: int, least: int) -> bool:
        pool = self.pool
        if rank == 0:
            return pool.potential.highest() >= least
        if pool.available.highest() >= least:
            return True
        if rank == 1 and pool.slack >= least and pool.potential.highest() >= least:
            return True
        coming = pool.after.highest() >= least
        return rank < 3 and not coming and pool.lending.highest() >= least

    def _promise(self) -> None:
        """Promise affiliates the minimum that they have, while there is room to promise."""
        pool = self.pool
        if pool.slack <= 0:
            return
        for stream_id in pool.soft.some(PROMISES):
            if not self.sharing.promise(pool.streams[stream_id]):
                return

    def _place_reservations(self) -> None:
        """Hold room for events, where nobody was promised any."""
        pool = self.pool
        for reservation_id in sorted(pool.unplaced):
            row = pool.rows["reservation"][reservation_id]
            rungs, source = sum(row.ladder.costs), row.ladder.source
            if pool.potential.highest() < rungs:
                continue
            for worker_id in pool.potential.up_from(rungs):
                cost = pool.cost_on(worker_id, rungs, source)
                if cost <= pool.room_by_preemption(worker_id):
                    pool.put_reservation(reservation_id, replace(row, worker_id=worker_id))
                    break

    def unhold(self, worker_id: str) -> None:
        """A worker holds no room for events any more."""
        for row in sorted(
            (row for row in self.pool.rows["reservation"].values() if row.worker_id == worker_id),
            key=lambda row: row.reservation_id,
        ):
            self.pool.put_reservation(row.reservation_id, replace(row, worker_id=""))

    def lose(self, worker_id: str, cause: str, prefer: str = "") -> None:
        """A worker is gone: what it made is made elsewhere, as far as there is room."""
        pool = self.pool
        targets = {each: pool.streams[each].target for each in pool.loads[worker_id].streams}
        lost = sorted(self._order(pool.streams[each]) for each in pool.loads[worker_id].streams)
        for *_, stream_id in lost:
            stream = pool.streams[stream_id]
            if stream.worker_id != worker_id:
                self.draft.untarget(stream, cause)
                continue
            rungs = {
                rung: Held("waiting", "worker_lost")
                for rung, held in enumerate(stream.rungs)
                if held.state in HELD or held.reason == "awaiting_preemption"
            }
            self.draft.mend(stream, cause, rungs=with_rungs(stream, rungs), worker_id="", target="")
        self.unhold(worker_id)
        pool.put_worker(worker_id, None)
        for *_, stream_id in lost:
            towards = targets[stream_id]
            towards = prefer if towards in ("", worker_id) else towards
            self.sharing.serve(pool.streams[stream_id], cause, towards)

    def drain(self, worker: Worker) -> None:
        """A worker wants to be rid of its streams."""
        pool = self.pool
        self.unhold(worker.worker_id)
        pool.put_worker(worker.worker_id, worker)
        streams = [pool.streams[each] for each in pool.loads[worker.worker_id].streams]
        for *_, stream_id in sorted(self._order(each) for each in streams):
            stream = pool.streams[stream_id]
            if stream.target == worker.worker_id:
                stream = self.draft.untarget(stream, "worker_drained")
            if stream.standing == "regular":
                self.sharing.let_go_all(stream, "worker_drained", "idle_capacity")
            else:
                self.sharing.serve(stream, "worker_drained")

    def shed(self, worker_id: str) -> None:
        """A worker can make less than it makes: what is least due to anybody ends at once."""
        pool = self.pool
        worker, load = pool.workers[worker_id], pool.loads[worker_id]
        if load.used > worker.capacity:
            for stream_id, rung in self._sheddable(worker_id):
                if load.used <= worker.capacity:
                    break
                self._drop(pool.streams[stream_id], rung)
        self.sharing.make_room(worker_id)
        while pool.room_after(worker_id) < 0 and self._cancel_claim(worker_id):
            pass

    def _sheddable(self, worker_id: str) -> list[tuple[str, int]]:
        """Rungs that are made: the lowest standing first, then the costliest."""
        found = []
        for stream_id in self.pool.loads[worker_id].streams:
            stream = self.pool.streams[stream_id]
            if stream.worker_id != worker_id:
                continue
            place = -_STANDINGS.index(stream.standing)
            for rung, held in enumerate(stream.rungs):
                if held.state in HELD:
                    cost = stream.ladder.costs[rung]
                    found.append((held.firm, place, -cost, -stream.since, stream_id, rung))
        return [(stream_id, rung) for *_, stream_id, rung in sorted(found)]

    def _drop(self, stream: Stream, rung: int) -> None:
        rules, now = self.pool.rules, self.draft.now
        name = stream.ladder.renditions[rung].name
        rest = BackOff(name, stream.worker_id, now + rules.settling, rules.settling)
        self.draft.mend(
            stream,
            "capacity_lost",
            rungs=with_rungs(stream, {rung: Held("waiting", "settling")}),
            ready_at=now + rules.settling,
            since=now,
            backoffs=(*others(stream, name), rest),
        )

    def _cancel_claim(self, worker_id: str) -> bool:
        """Take back the latest promise of room that will not come; whether there was one."""
        pool, found = self.pool, []
        for stream_id in pool.loads[worker_id].streams:
            stream = pool.streams[stream_id]
            claims = any(held.reason == "awaiting_preemption" for held in stream.rungs)
            if stream.target == worker_id or (claims and not stream.target):
                found.append((stream.since, stream_id))
        if not found:
            return False
        stream = pool.streams[max(found)[1]]
        self.draft.untarget(stream, "capacity_lost")
        return True

    def _order(self, stream: Stream) -> tuple[int, int, str]:
        return _STANDINGS.index(stream.standing), stream.since, stream.stream_id


def others(stream: Stream, name: str) -> tuple[BackOff, ...]:
    """What is known of a stream's other rungs that workers could not make."""
    return tuple(each for each in stream.backoffs if each.name != name)

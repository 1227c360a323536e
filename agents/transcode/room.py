"""Room on workers: where there is some, who is given it, who has to leave it."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final

from msgspec.structs import replace

from agents.transcode.draft import Draft
from agents.transcode.pool import Pool
from agents.transcode.rows import HELD, Held, Stream, weigh, with_rungs

LOOKED_AT: Final = 32
"""Workers that a search looks at: orders lead to the right ones first."""
_NO_ROOM: Final = Held("waiting", "no_capacity")
_CLAIM: Final = Held("waiting", "awaiting_preemption")


class Room:
    """The room of a pool's workers, in the draft of one decision."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.pool: Pool = draft.pool
        self.now = draft.now
        self._rules = draft.pool.rules

    def _more(self, stream: Stream, worker_id: str, rungs: Sequence[int]) -> int:
        """What promising rungs to a stream there adds to what nobody can take away."""
        worker, load = self.pool.workers[worker_id], self.pool.loads[worker_id]
        here = stream if stream.worker_id == worker_id else _moved(stream, worker_id)
        after = replace(here, rungs=with_rungs(here, dict.fromkeys(rungs, _CLAIM)))
        old, new = weigh(here, worker), weigh(after, worker)
        if new.place_kept > old.place_kept and load.places_kept >= worker.streams:
            return 1 << 62
        return new.firm + new.claimed - old.firm - old.claimed

    def _fits_loosely(self, stream: Stream, rung: int) -> bool:
        """Whether a stream's worker has room for a rung beside all that is made and promised."""
        worker_id, cost = stream.worker_id, stream.ladder.costs[rung]
        worker, load = self.pool.workers[worker_id], self.pool.loads[worker_id]
        stays = any(held.state == "granted" or held == _CLAIM for held in stream.rungs)
        decoding = 0 if stays else worker.decode_cost(stream.ladder)
        later = cost + decoding <= self.pool.room_after(worker_id)
        place = stays or load.places_after < worker.streams
        return later and place and cost <= worker.capacity - load.used

    # Finding workers.

    def _is_open(self, worker_id: str) -> bool:
        worker = self.pool.workers.get(worker_id)
        return worker is not None and not worker.draining

    def _find_now(
        self, rungs: int, source: int, old: str, prefer: str, takes: Callable[[str], bool]
    ) -> str:
        """The worker with the least room that has enough at once; empty if there is none."""

        def fits(worker_id: str) -> bool:
            room = self.pool.available.number(worker_id)
            cost = self.pool.cost_on(worker_id, rungs, source)
            return room is not None and worker_id != old and cost <= room and takes(worker_id)

        if self._is_open(prefer) and fits(prefer):
            return prefer
        least = rungs + source * self.pool.least_decoding // 1000
        return _first(self.pool.available.up_from(least), fits)

    def _find_later(self, rungs: int, old: str, prefer: str, takes: Callable[[str], bool]) -> str:
        """The worker that has to take least away for it; empty if none could."""

        def fits(worker_id: str) -> bool:
            known = self.pool.potential.number(worker_id) is not None
            return known and worker_id != old and takes(worker_id)

        if self._is_open(prefer) and fits(prefer):
            return prefer
        if self.pool.potential.highest() < rungs:
            return ""
        found = _first(self.pool.after.down(), fits)
        return found or _first(self.pool.potential.down(), fits)

    # Giving and taking.

    def _give(
        self,
        stream: Stream,
        worker_id: str,
        firm: Sequence[int],
        cause: str,
        soft: Sequence[int] = (),
    ) -> None:
        """Let a worker make rungs, the smallest first; what is firm claims the room it lacks."""
        pool, before, moves = self.pool, stream, worker_id != stream.worker_id
        worker, load = pool.workers[worker_id], pool.loads[worker_id]
        if moves:
            stream = _moved(stream, worker_id)
        room = worker.capacity - load.used
        made = any(held.state in HELD for held in stream.rungs)
        if not made:
            room -= worker.decode_cost(stream.ladder)
            room = room if load.places < worker.streams else -1
        promised = "reserved" if stream.standing != stream.tier else "tier"
        changes: dict[int, Held] = {}
        for rung in firm:
            cost = stream.ladder.costs[rung]
            if stream.rungs[rung].state in HELD or cost <= room:
                room -= 0 if stream.rungs[rung].state in HELD else cost
                changes[rung] = Held("granted", promised, 0, True)
            else:
                changes[rung] = _CLAIM
        for rung in soft:
            changes[rung] = Held("granted", "idle_capacity")
        moved = moves and before.worker_id
        stays = self.now + self._rules.settling if moved else before.stays_until
        self.draft.edit(
            before,
            cause,
            rungs=with_rungs(stream, changes),
            worker_id=worker_id,
            target="",
            assignment=before.assignment + moves,
            stays_until=stays,
        )
        self.make_room(worker_id)

    def make_room(self, worker_id: str, room: int = 0, *, lent_only: bool = False) -> None:
        """Let rungs go that may be taken away until so much is left once all have gone.

        What regular streams were lent goes first, then the costliest rung, so that few streams
        are disturbed; among equals those of the stream that came last.
        """
        pool = self.pool
        worker, load = pool.workers[worker_id], pool.loads[worker_id]
        if pool.room_after(worker_id) < room:
            for stream_id, rung in self._takeable(worker_id, lent_only):
                if pool.room_after(worker_id) >= room:
                    break
                self._let_go(pool.streams[stream_id], [rung])
        if load.places_after > worker.streams:
            for stream_id, _ in self._takeable(worker_id, lent_only):
                stream = pool.streams[stream_id]
                if load.places_after <= worker.streams:
                    break
                if not any(each.firm for each in stream.rungs):
                    granted = [n for n, each in enumerate(stream.rungs) if each.state == "granted"]
                    self._let_go(stream, granted)

    def _takeable(self, worker_id: str, lent_only: bool = False) -> list[tuple[str, int]]:
        found = []
        for stream_id in self.pool.loads[worker_id].streams:
            stream = self.pool.streams[stream_id]
            lent = stream.standing == "regular"
            if stream.worker_id != worker_id or (lent_only and not lent):
                continue
            for rung, held in enumerate(stream.rungs):
                if held.state == "granted" and not held.firm:
                    cost = stream.ladder.costs[rung]
                    found.append((not lent, -cost, -stream.since, stream_id, rung))
        return [(stream_id, rung) for *_, stream_id, rung in sorted(found)]

    def _let_go(
        self, stream: Stream, rungs: Iterable[int], cause: str = "preempted", reason: str = ""
    ) -> None:
        until = self.now + self._rules.grace
        going = Held("going", reason or cause, until)
        self.draft.edit(
            stream,
            cause,
            rungs=with_rungs(stream, dict.fromkeys(rungs, going)),
            ready_at=max(until, self.now + self._rules.settling),
            since=self.now,
        )

    def _recall(self, rungs: int, source: int) -> None:
        """Take back what regular streams were lent, if that makes room that is not coming."""
        least = rungs + source * self.pool.least_decoding // 1000
        if self.pool.after.highest() >= least or self.pool.lending.highest() < least:
            return
        worker_id = next(self.pool.lending.down())
        self.make_room(worker_id, self.pool.cost_on(worker_id, rungs, source), lent_only=True)

    def let_go_all(self, stream: Stream, cause: str, reason: str) -> None:
        """Let all go that is made of a stream."""
        rungs = [rung for rung, held in enumerate(stream.rungs) if held.state == "granted"]
        if rungs:
            self._let_go(stream, rungs, cause, reason)

    def promise(self, stream: Stream) -> bool:
        """Promise an affiliate the minimum that it has; whether there was room for that."""
        worker_id, least = stream.worker_id, stream.ladder.minimum
        held = Held("granted", "tier", 0, True)
        after = replace(stream, rungs=with_rungs(stream, {least: held}))
        worker = self.pool.workers[worker_id]
        more = weigh(after, worker).firm - weigh(stream, worker).firm
        if more > min(self.pool.slack, self.pool.room_by_preemption(worker_id)):
            return False
        self.draft.edit(stream, "capacity_freed", rungs=after.rungs)
        return True

    def take_back(self, stream: Stream, cause: str, reason: str) -> None:
        """Let all go that a stream has and does not want any more."""
        wanted = stream.wanted
        rungs = [
            rung
            for rung, held in enumerate(stream.rungs)
            if held.state == "granted" and rung not in wanted
        ]
        if rungs:
            self._let_go(stream, rungs, cause, reason)

    def meet_claims(self, worker_id: str) -> None:
        """Make what was promised and has room now, longest waiting first."""
        pool = self.pool
        worker, load = pool.workers[worker_id], pool.loads[worker_id]
        if not load.claimed:
            return
        order = sorted((pool.streams[each].since, each) for each in load.claimants)
        for _, stream_id in order:
            stream = pool.streams[stream_id]
            room = worker.capacity - load.used
            place = load.places < worker.streams
            if stream.target == worker_id:
                rungs = sum(stream.ladder.costs[rung] for rung in stream.promised)
                if place and pool.cost_on(worker_id, rungs, stream.ladder.source) <= room:
                    self._give(stream, worker_id, stream.promised[::-1], "moved_for_ladder")
                continue
            if stream.target:
                continue
            claims = [n for n, held in enumerate(stream.rungs) if held == _CLAIM][::-1]
            made = any(held.state in HELD for held in stream.rungs)
            if not made:
                room -= worker.decode_cost(stream.ladder)
            if claims and stream.ladder.costs[claims[0]] <= room and (made or place):
                self._give(stream, worker_id, claims, "grace_over")


def _first(worker_ids: Iterable[str], fits: Callable[[str], bool]) -> str:
    return next((each for each in islice(worker_ids, LOOKED_AT) if fits(each)), "")


def _moved(stream: Stream, worker_id: str) -> Stream:
    """The stream with nothing made, as it begins on another worker."""
    wanted = stream.wanted
    nothing = {
        rung: _NO_ROOM if rung in wanted else Held("refused", "tier")
        for rung, held in enumerate(stream.rungs)
        if held.state in HELD or held == _CLAIM
    }
    return replace(stream, rungs=with_rungs(stream, nothing), worker_id=worker_id, target="")

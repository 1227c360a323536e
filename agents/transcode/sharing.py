"""How the pool is shared out: who gets room where, and who has to leave it.

Partners come first, then the minimum that affiliates are promised, then the rest of what
affiliates may have, then what regular streams are lent. What is promised takes room from what is
not; whoever loses a rung keeps it for the grace.
"""

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


class Sharing:
    """Shares a pool out, in the draft of one decision."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.pool: Pool = draft.pool
        self.now = draft.now
        self._rules = draft.pool.rules

    def serve(self, stream: Stream, cause: str, prefer: str = "") -> bool:
        """Give a stream what it lacks, as far as there is room; whether it was given anything.

        It may be one that is not written yet; then it is, if so. `prefer`: the worker to be looked
        at first.
        """
        before = self.pool.streams.get(stream.stream_id)
        if stream.standing == "partner":
            self._partner(stream, cause, prefer)
        elif stream.standing == "affiliate":
            self._affiliate(stream, cause, prefer)
        else:
            self._regular(stream, cause, prefer)
        return self.pool.streams.get(stream.stream_id) is not before

    # A partner: the whole ladder, firm.

    def _partner(self, stream: Stream, cause: str, prefer: str) -> None:
        worker_id = stream.worker_id
        leaves = worker_id in self.pool.draining
        missing = stream.lacks(stream.wanted)
        if stream.target or not stream.wanted or not (missing or leaves):
            return
        if worker_id and not leaves and self._fits_here(stream, missing):
            self._give(stream, worker_id, missing, cause)
            return
        if self._may_move(stream) and self._move_whole(stream, cause, prefer):
            return
        if not worker_id:
            found = next(self.pool.potential.down(), "")
            worker_id = prefer if self._is_open(prefer) else found
        if worker_id and not leaves:
            some = self._what_fits(stream, worker_id, missing)
            if some:
                self._give(stream, worker_id, some, cause)

    def _fits_here(self, stream: Stream, missing: Sequence[int]) -> bool:
        """Whether a stream's worker could make all that is missing, by pre-emption."""
        worker_id = stream.worker_id
        if any(stream.backs_off(rung, worker_id) for rung in missing):
            return False
        return self._more(stream, worker_id, missing) <= self.pool.room_by_preemption(worker_id)

    def _more(self, stream: Stream, worker_id: str, rungs: Sequence[int]) -> int:
        """What promising rungs to a stream there adds to what nobody can take away."""
        worker, load = self.pool.workers[worker_id], self.pool.loads[worker_id]
        here = stream if stream.worker_id == worker_id else _moved(stream, worker_id)
        after = replace(here, rungs=with_rungs(here, dict.fromkeys(rungs, _CLAIM)))
        old, new = weigh(here, worker), weigh(after, worker)
        if new.place_kept > old.place_kept and load.places_kept >= worker.streams:
            return 1 << 62
        return new.firm + new.claimed - old.firm - old.claimed

    def _may_move(self, stream: Stream) -> bool:
        """A stream that is made somewhere is not moved again at once."""
        if not stream.worker_id or stream.worker_id in self.pool.draining:
            return True
        return not stream.stays_until

    def _move_whole(self, stream: Stream, cause: str, prefer: str) -> bool:
        """Find another worker for all that a stream is promised, now or by pre-emption."""
        ladder, old = stream.ladder, stream.worker_id
        promised = stream.promised
        rungs = sum(ladder.costs[rung] for rung in promised)

        def takes(worker_id: str) -> bool:
            cost = self.pool.cost_on(worker_id, rungs, ladder.source)
            return self._could(stream, worker_id, promised) and (
                cost <= self.pool.room_by_preemption(worker_id)
            )

        found = self._find_now(rungs, ladder.source, old, prefer, takes)
        if found:
            self._give(stream, found, promised[::-1], cause)
            return True
        found = self._find_later(rungs, old, prefer, takes)
        if not found:
            return False
        if any(held.state in HELD for held in stream.rungs) and old:
            self.draft.edit(stream, cause, target=found)
            self.make_room(found)
        else:
            self._give(stream, found, promised[::-1], cause)
        return True

    def _could(self, stream: Stream, worker_id: str, rungs: Sequence[int]) -> bool:
        return not any(stream.backs_off(rung, worker_id) for rung in rungs)

    def _what_fits(self, stream: Stream, worker_id: str, missing: Sequence[int]) -> list[int]:
        """As many of the missing rungs as could be made there, the smallest first."""
        some: list[int] = []
        room = self.pool.room_by_preemption(worker_id)
        for rung in missing:
            if stream.backs_off(rung, worker_id):
                continue
            if self._more(stream, worker_id, [*some, rung]) <= room:
                some.append(rung)
        return some

    # An affiliate: its minimum, firm if it can be promised, then the other while there is room.

    def _affiliate(self, stream: Stream, cause: str, prefer: str) -> None:
        if not stream.wanted or stream.target:
            return
        least, leaves = stream.ladder.minimum, stream.worker_id in self.pool.draining
        if leaves or not stream.worker_id:
            if stream.ready_at and not leaves:
                return
            self._place_affiliate(stream, cause, prefer)
        elif not stream.holds(least):
            self._minimum_here(stream, least, cause)
        elif (
            stream.rungs[least].state in HELD
            and stream.lacks(stream.wanted)
            and not stream.ready_at
        ):
            self._upper(stream, cause)

    def _place_affiliate(self, stream: Stream, cause: str, prefer: str) -> None:
        ladder, old = stream.ladder, stream.worker_id
        least, most = ladder.minimum, stream.wanted[0]
        alone, source = ladder.costs[least], ladder.source
        both = sum(ladder.costs[rung] for rung in stream.wanted)
        for rungs, soft in ((both, (most,) if most != least else ()), (alone, ())):
            found = self._find_now(rungs, source, old, prefer, lambda worker_id: True)
            if found:
                promise = self._can_promise(found, alone, source)
                firm, loose = ([least], soft) if promise else ([], (least, *soft))
                self._give(stream, found, firm, cause, loose)
                self._recall_here(self.pool.streams[stream.stream_id])
                return
        if old and stream.holds(least):
            return  # it is made where it is until there is room elsewhere

        def takes(worker_id: str) -> bool:
            return self._can_promise(worker_id, alone, source)

        if self.pool.slack >= alone:
            found = self._find_later(alone, old, prefer, takes)
            if found:
                self._give(stream, found, [least], cause)
                return
        self._recall(alone, source)

    def _can_promise(self, worker_id: str, rungs: int, source: int) -> bool:
        cost = self.pool.cost_on(worker_id, rungs, source)
        return cost <= min(self.pool.slack, self.pool.room_by_preemption(worker_id))

    def _minimum_here(self, stream: Stream, least: int, cause: str) -> None:
        worker_id = stream.worker_id
        if stream.ready_at or stream.rungs[least].reason in ("worker_behind", "encoder_failed"):
            return
        more = self._more(stream, worker_id, [least])
        if more <= min(self.pool.slack, self.pool.room_by_preemption(worker_id)):
            self._give(stream, worker_id, [least], cause)
        elif self._fits_loosely(stream, least):
            self._give(stream, worker_id, [], cause, [least])

    def _fits_loosely(self, stream: Stream, rung: int) -> bool:
        """Whether a stream's worker has room for a rung beside all that is made and promised."""
        worker_id, cost = stream.worker_id, stream.ladder.costs[rung]
        worker, load = self.pool.workers[worker_id], self.pool.loads[worker_id]
        stays = any(held.state == "granted" or held == _CLAIM for held in stream.rungs)
        decoding = 0 if stays else worker.decode_cost(stream.ladder)
        later = cost + decoding <= self.pool.room_after(worker_id)
        place = stays or load.places_after < worker.streams
        return later and place and cost <= worker.capacity - load.used

    def _upper(self, stream: Stream, cause: str) -> None:
        """The larger rung: here if there is room, or both elsewhere."""
        here, most = stream.worker_id, stream.wanted[0]
        if stream.rungs[most].reason in ("worker_behind", "encoder_failed"):
            return
        if self._fits_loosely(stream, most):
            self._give(stream, here, [], cause, [most])
            return
        firm = stream.rungs[stream.ladder.minimum].firm
        if self._may_move(stream):
            ladder = stream.ladder
            both = sum(ladder.costs[rung] for rung in stream.wanted)

            def takes(worker_id: str) -> bool:
                least = self.pool.cost_on(worker_id, ladder.costs[ladder.minimum], ladder.source)
                return not firm or least <= self.pool.room_by_preemption(worker_id)

            found = self._find_now(both, ladder.source, here, "", takes)
            if found:
                kept = [ladder.minimum] if firm else []
                soft = [rung for rung in stream.wanted if rung not in kept]
                self._give(stream, found, kept, "moved_for_ladder", soft)
                return
        self._recall_here(stream)

    def _recall_here(self, stream: Stream) -> None:
        """Take back what an affiliate's worker lends, if its larger rung fits then."""
        here, most = stream.worker_id, stream.wanted[0]
        room, load = self.pool.room_after(here), self.pool.loads[here]
        cost = stream.ladder.costs[most]
        if not stream.holds(most) and room < cost <= room + load.lent:
            self.make_room(here, cost, lent_only=True)

    # A regular stream: what nobody else wants, while enough is idle.

    def _regular(self, stream: Stream, cause: str, prefer: str) -> None:
        if not stream.wanted or stream.ready_at or stream.worker_id or not self._rules.idle:
            return
        ladder = stream.ladder
        totals = self.pool.totals
        limit = int((1 - self._rules.reserve) * totals.capacity) - totals.held - totals.used
        some = [stream.wanted, stream.wanted[-1:]]
        for rungs in some:
            cost = sum(ladder.costs[rung] for rung in rungs)
            found = self._find_now(cost, ladder.source, "", prefer, lambda worker_id: True)
            if found and self.pool.cost_on(found, cost, ladder.source) <= limit:
                self._give(stream, found, [], cause, rungs)
                return

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

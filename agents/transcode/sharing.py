"""How the pool is shared out: what each stream may have, by its standing.

Partners come first, then the minimum that affiliates are promised, then the rest of what
affiliates may have, then what regular streams are lent. What is promised takes room from what is
not; whoever loses a rung keeps it for the grace.
"""

from collections.abc import Sequence

from agents.transcode.room import Room
from agents.transcode.rows import HELD, Stream


class Sharing(Room):
    """Shares a pool out, in the draft of one decision."""

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

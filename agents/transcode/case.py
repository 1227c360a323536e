"""One command being decided, and what several rules do to a stream."""

from msgspec.structs import replace

from agents.transcode.balance import Balance
from agents.transcode.draft import Draft
from agents.transcode.pool import Pool
from agents.transcode.rows import Held, Reservation, Stream, base
from infra.record import Record
from schemas.records.transcode import RequestRefused


class Case:
    """What the rules work on: the pool, the time, the draft of what changes, what is said."""

    def __init__(self, pool: Pool, occurred_at: int) -> None:
        self.pool = pool
        self.rules = pool.rules
        self.now = max(pool.clock.ticked_at, occurred_at)
        """Time as the log has it: never before the last tick."""
        self.draft = Draft(pool, self.now)
        self.balance = Balance(self.draft)
        self.sharing = self.balance.sharing
        self.said: list[Record] = []

    def refuse(self, command: Record, reason: str, detail: str) -> None:
        """Say that what was asked is not done."""
        self.said.append(
            RequestRefused(
                pool=self.rules.pool, command=command.FULL_NAME, reason=reason, detail=detail
            )
        )

    def restand(self, stream: Stream, cause: str, prefer: str = "") -> None:
        """Let a stream be what its tier and its channel's reservations make it, and serve it."""
        stream = self.draft.untarget(stream, cause) if stream.target else stream
        tier = self.pool.rows["tier"].get(stream.channel_id, "regular")
        active = any(row.active for row in self.bookings(stream.channel_id))
        standing = "partner" if active else tier
        reason = "idle_capacity"
        if standing == "partner":
            reason = "tier" if standing == tier else "reserved"
        rungs = tuple(
            Held("granted", reason, 0, standing == "partner") if held.state == "granted" else held
            for held in stream.rungs
        )
        after = base(replace(stream, tier=tier, standing=standing, rungs=rungs), self.rules.idle)
        if any(held.state == "granted" for held in after.rungs):
            after = self.draft.edit(after, cause)
            self.sharing.take_back(after, cause, "tier")
            after = self.pool.streams[stream.stream_id]
        if not self.sharing.serve(after, cause, prefer):
            self.draft.edit(after, cause)

    def bookings(self, channel_id: str) -> list[Reservation]:
        """A channel's reservations."""
        rows = self.pool.rows["reservation"]
        return [rows[each] for each in sorted(self.pool.booked.get(channel_id, ()))]

    def use_bookings(self, channel_id: str) -> str:
        """Let a channel's stream have the room that was held for it, or hold it again.

        Where room was held; empty: nowhere.
        """
        in_use, place = bool(self.pool.on_air(channel_id)), ""
        for row in self.bookings(channel_id):
            if row.in_use != in_use:
                place = row.worker_id or place
                after = replace(row, in_use=in_use, worker_id="")
                self.pool.put_reservation(row.reservation_id, after)
        return place

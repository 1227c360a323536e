"""What the dispatcher remembers, and what follows from one row alone.

All times are microseconds since 1970-01-01T00:00:00Z, taken from the log.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from agents.transcode.ladder import Ladder, ladder_of

SECOND: Final = 1_000_000
HELD: Final = ("granted", "going")
"""States of a rung that is being made."""
BACKED_OFF: Final = ("worker_behind", "encoder_failed", "settling")
"""Reasons for which a rung waits until a time, not for room."""
STREAMS: Final = 500
"""Streams of one worker at most: what one loss changes must fit one message's changes."""
PENDING: Final = 3_600 * SECOND
"""For how long a stream is remembered of which only the source was described."""


@dataclass(frozen=True)
class Rules:
    """How the pool is shared out. Times in microseconds."""

    pool: str = "default"
    reserve: float = 0.125
    """Share of all capacity that no affiliate is promised anything of."""
    grace: int = 30 * SECOND
    """How long a rung that is taken away is still made."""
    silence: int = 5 * SECOND
    """After which a worker counts as lost."""
    settling: int = 60 * SECOND
    """How long a stream that lost a rung is given none back; between two voluntary moves, too."""
    back_off: int = 60 * SECOND
    """How long a worker that could not make a rung is spared it; doubles each time."""
    idle: bool = False
    """Whether regular streams may have renditions while capacity is idle."""
    viewers: int = 3
    """Distinct viewers that must ask for a regular stream's renditions."""
    window: int = 300 * SECOND
    """Within which time they must ask; without a new wish for so long, it is taken back."""
    lead: int = 600 * SECOND
    """How long before its begin an event's room is held."""


class Held(Struct, frozen=True, array_like=True):
    """What has become of one rung of a stream."""

    state: str
    reason: str
    until: int = 0
    firm: bool = False
    """Whether nobody can take it away."""


class BackOff(Struct, frozen=True, array_like=True):
    """A rung that a worker could not make."""

    name: str
    worker_id: str
    until: int
    """0: over; what is known is how long it took."""
    delay: int


class Stream(Struct, frozen=True, array_like=True, kw_only=True):
    """A stream on air, its ladder, and who makes it."""

    stream_id: str
    channel_id: str = ""
    """Empty: its source was described before it was admitted."""
    session_id: str = ""
    tier: str = "regular"
    standing: str = "regular"
    """What counts: a partner's for a channel with a reservation under way."""
    described: bool = False
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    worker_id: str = ""
    target: str = ""
    """The worker where room is being made for it to move to."""
    assignment: int = 0
    rungs: tuple[Held, ...] = ()
    """As in the ladder, the largest first."""
    since: int = 0
    """Since when it has waited for what it lacks."""
    ready_at: int = 0
    """Until when it is left as it is, having lost something; 0: it may have more."""
    stays_until: int = 0
    """Until when it is not moved again of the dispatcher's own will; 0: it may be."""
    asked_until: int = 0
    """Until when viewers' wishes count; 0: not enough have asked."""
    backoffs: tuple[BackOff, ...] = ()
    deaths: tuple[int, ...] = ()
    quarantined: bool = False
    expires: int = 0
    """When it is forgotten unless it was admitted."""

    @property
    def ladder(self) -> Ladder:
        """What its source allows."""
        return ladder_of(self.width, self.height, self.frame_rate)

    @property
    def wanted(self) -> tuple[int, ...]:
        """The rungs that it wants now."""
        if self.quarantined or (self.standing == "regular" and not self.asked_until):
            return ()
        return self.ladder.wanted[self.standing]

    @property
    def promised(self) -> tuple[int, ...]:
        """The rungs that must be nobody's to take: room is made for them by pre-emption."""
        if self.standing == "partner":
            return self.wanted
        if self.standing == "affiliate" and self.wanted:
            return (self.ladder.minimum,)
        return ()

    @property
    def least_is_soft(self) -> bool:
        """Whether an affiliate has its minimum, but no promise of it."""
        if self.standing != "affiliate" or not self.rungs or self.quarantined:
            return False
        least = self.rungs[self.ladder.minimum]
        return least.state == "granted" and not least.firm

    def holds(self, rung: int) -> bool:
        """Whether a rung is being made, or room for it is on its way."""
        held = self.rungs[rung]
        return held.state in HELD or held.reason == "awaiting_preemption"

    def lacks(self, rungs: tuple[int, ...]) -> list[int]:
        """Those of the rungs that are neither made nor on their way, the smallest first.

        What a partner has and is to lose, because it was an affiliate's, it lacks.
        """
        firm = self.standing == "partner"
        return [
            rung
            for rung in reversed(rungs)
            if not self.holds(rung) or (firm and self.rungs[rung].state == "going")
        ]

    def backs_off(self, rung: int, worker_id: str) -> bool:
        """Whether the worker is spared a rung."""
        name = self.ladder.renditions[rung].name
        return any(
            each.until and each.name == name and each.worker_id == worker_id
            for each in self.backoffs
        )


class Worker(Struct, frozen=True, array_like=True, kw_only=True):
    """Who makes renditions."""

    worker_id: str
    name: str
    capacity: int
    decoding: int
    streams: int
    encoders: tuple[str, ...] = ()
    draining: bool = False

    def decode_cost(self, ladder: Ladder) -> int:
        """What decoding a source costs it, in macroblocks a second."""
        return -(-ladder.source * self.decoding // 1000)


class Reservation(Struct, frozen=True, array_like=True, kw_only=True):
    """Room for the full ladder of an event to come."""

    reservation_id: str
    channel_id: str
    begins_at: int
    ends_at: int
    width: int
    height: int
    frame_rate: float
    active: bool = False
    """Whether its time has come."""
    in_use: bool = False
    """Whether the channel's stream is on air and has the room."""
    worker_id: str = ""
    """Where the room is held; empty: nowhere."""

    @property
    def ladder(self) -> Ladder:
        """What is to be expected."""
        return ladder_of(self.width, self.height, self.frame_rate)


class Asked(Struct, frozen=True, array_like=True):
    """A viewer that wishes for renditions."""

    viewer: str
    at: int


class Clock(Struct, frozen=True, array_like=True):
    """How far time has come."""

    ticked_at: int = 0
    measured_at: int = 0


class Weight(NamedTuple):
    """What a stream is to one worker, in macroblocks a second."""

    worker_id: str
    used: int = 0
    """What is made, going rungs and decoding included."""
    going: int = 0
    """What of it ends by itself."""
    firm: int = 0
    """What of it nobody takes away."""
    claimed: int = 0
    """What is promised beside what is made, as soon as others have gone."""
    lent: int = 0
    """What of it a regular stream was lent and has."""
    place: int = 0
    """1 if it takes one of the worker's places now."""
    place_after: int = 0
    """1 if it takes one once all that goes has gone and all claims are met."""
    place_kept: int = 0
    """1 if it takes one that nobody can take away."""


def weigh(stream: Stream, worker: Worker) -> Weight:
    """What a stream is to its worker. Decoding goes with the last rung."""
    used = going = firm = claimed = 0
    for held, cost in zip(stream.rungs, stream.ladder.costs, strict=True):
        if held.state == "granted":
            used += cost
            if held.firm:
                firm += cost
        elif held.state == "going":
            going += cost
        elif held.reason == "awaiting_preemption" and not stream.target:
            claimed += cost
    if not used and not going and not claimed:
        return Weight(worker.worker_id)
    decoding = worker.decode_cost(stream.ladder)
    kept = 1 if firm or claimed else 0
    place, place_after = int(bool(used or going)), int(bool(used or claimed))
    lent = used + decoding if used and stream.standing == "regular" else 0
    if used or (going and claimed):
        used += decoding
        firm += decoding * kept
    elif going:
        going += decoding
    else:
        claimed += decoding
    return Weight(
        worker.worker_id, used + going, going, firm, claimed, lent, place, place_after, kept
    )


def weigh_target(stream: Stream, worker: Worker) -> Weight:
    """What a stream is to the worker that it is going to move to."""
    ladder = stream.ladder
    cost = sum(ladder.costs[rung] for rung in stream.promised) + worker.decode_cost(ladder)
    return Weight(worker.worker_id, claimed=cost, place_after=1, place_kept=1)


def next_due(stream: Stream) -> int:
    """When something of a stream changes by time alone; 0: never."""
    if not stream.channel_id or not stream.described:
        return stream.expires
    times = [held.until for held in stream.rungs if held.state == "going"]
    times += [each.until for each in stream.backoffs]
    times += [stream.ready_at, stream.asked_until, stream.stays_until]
    return min(filter(None, times), default=0)


class Wait(NamedTuple):
    """Where a stream waits: for what, of which size."""

    rank: int
    """0: a partner without its whole ladder; 1: an affiliate without its minimum; 2: one that
    lacks its larger rung; 3: a regular stream that was asked for."""
    rungs: int
    """Macroblocks a second of all that it needs on a worker that has nothing of it."""
    source: int
    """Macroblocks a second to decode."""


def wait_of(stream: Stream, draining: bool) -> Wait | None:
    """What a stream waits for. `draining`: its worker wants to be rid of it."""
    wanted = stream.wanted
    if not wanted or not stream.channel_id or stream.target:
        return None
    ladder, standing = stream.ladder, stream.standing
    if standing == "partner":
        if not draining and not stream.lacks(wanted):
            return None
        return Wait(0, sum(ladder.costs), ladder.source)
    if standing == "affiliate":
        return _wait_of_affiliate(stream, draining)
    free = not any(held.state in HELD for held in stream.rungs)
    if not free or stream.ready_at or any(_resting(stream, rung) for rung in wanted):
        return None
    return Wait(3, sum(ladder.costs[rung] for rung in wanted), ladder.source)


def _wait_of_affiliate(stream: Stream, draining: bool) -> Wait | None:
    ladder, wanted = stream.ladder, stream.wanted
    least, most = ladder.minimum, wanted[0]
    if draining and any(held.state == "granted" for held in stream.rungs):
        return Wait(1, ladder.costs[least], ladder.source)
    if not stream.holds(least):
        if stream.ready_at or _resting(stream, least):
            return None
        return Wait(1, ladder.costs[least], ladder.source)
    if stream.rungs[least].state not in HELD:
        return None  # room for the other comes first
    if stream.holds(most) or stream.ready_at or _resting(stream, most):
        return None
    return Wait(2, sum(ladder.costs[rung] for rung in wanted), ladder.source)


def _resting(stream: Stream, rung: int) -> bool:
    return stream.rungs[rung].reason in BACKED_OFF


def with_rungs(stream: Stream, changes: dict[int, Held]) -> tuple[Held, ...]:
    """The rungs with some of them replaced."""
    return tuple(changes.get(rung, held) for rung, held in enumerate(stream.rungs))


def base(stream: Stream, lends: bool) -> Stream:
    """The stream with every rung that is not made as its standing has it.

    `lends`: whether regular streams may have renditions at all.
    """
    wanted, count = stream.wanted, len(stream.ladder.renditions)
    rungs = stream.rungs or (Held("waiting", "no_capacity"),) * count
    refusal = "tier"
    if stream.quarantined:
        refusal = "quarantined"
    elif lends and stream.standing == "regular":
        refusal = "not_asked"
    after = []
    for rung, held in enumerate(rungs):
        if held.state not in HELD and rung not in wanted:
            held = Held("refused", refusal)
        elif held.state == "refused":
            held = Held("waiting", "no_capacity")
        after.append(held)
    return replace(stream, rungs=tuple(after))

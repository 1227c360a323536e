"""Whatever comes in whatever order: what the dispatcher must keep to."""

from collections import defaultdict, deque

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.transcode.model import decide
from agents.transcode.pool import Pool
from agents.transcode.rows import HELD, Rules, Stream
from infra.record import Record
from schemas.records.clock import Tick
from schemas.records.transcode import LadderChanged
from tests.unit.agents.transcode_commands import (
    BEGINNING,
    FULL_HD,
    HD,
    NONE,
    SD,
    SECOND,
    admit,
    cancel,
    copied,
    death,
    describe,
    drop,
    release,
    report,
    reserve,
    tier,
    wish,
)

STREAMS = tuple("abcdefgh")
WORKERS = ("u", "v", "w")
RULES = Rules(idle=True, viewers=2, window=40 * SECOND, lead=20 * SECOND)
CLAIMED = "awaiting_preemption"
CHANGES_A_MINUTE = 14
"""Of one stream, that nobody asked for and no lost worker caused; a partner's four rungs may each
wait for another's grace."""
ASKED_FOR = {
    "stream_started",
    "source_changed",
    "tier_changed",
    "stream_over",
    "reserved",
    "worker_lost",
    "worker_replaced",
    "worker_drained",
    "quarantined",
    "worker_behind",
    "encoder_failed",
}

names = st.sampled_from(STREAMS)
workers = st.sampled_from(WORKERS)
commands = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("come"), names, st.sampled_from(["partner", "affiliate", "regular"])),
    st.tuples(st.just("come"), names, st.sampled_from(["partner", "affiliate"])),
    st.tuples(st.just("describe"), names, st.sampled_from([FULL_HD, FULL_HD, HD, SD, NONE])),
    st.tuples(st.just("tier"), names, st.sampled_from(["partner", "affiliate", "regular"])),
    st.tuples(st.just("release"), names),
    st.tuples(
        st.just("report"),
        workers,
        st.sampled_from([0, 100_000, 310_000, 350_000, 600_000, 900_000]),
        st.sampled_from([0, 100]),
        st.sampled_from([1, 2, 50]),
        st.booleans(),
    ),
    st.tuples(
        st.just("report"),
        workers,
        st.sampled_from([310_000, 350_000, 600_000]),
        st.just(0),
        st.just(50),
        st.just(False),
    ),
    st.tuples(st.just("again"), workers),
    st.tuples(st.just("silence"), workers),
    st.tuples(st.just("drop"), names, st.integers(0, 3), st.booleans()),
    st.tuples(st.just("death"), names),
    st.tuples(st.just("wish"), names, st.sampled_from("12")),
    st.tuples(st.just("reserve"), st.sampled_from("rs"), names, st.integers(0, 60)),
    st.tuples(st.just("cancel"), st.sampled_from("rs")),
)


class World:
    """A pool in which things happen, and what must hold after each."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.pool = Pool(rules)
        self.rules = rules
        self.now = BEGINNING
        self.reports: dict[str, Record] = {}
        self.runs: dict[str, int] = dict.fromkeys(WORKERS, 1)
        self.told: dict[str, LadderChanged] = {}
        self.changes: dict[str, deque[int]] = defaultdict(deque)

    def happen(self, what: tuple) -> None:
        match what:
            case ("wait", seconds):
                for _ in range(seconds):
                    self.now += SECOND
                    for each in self.reports.values():
                        self.put(each)
                    self.put(Tick())
            case ("come", name, tier_):
                self.put(tier(f"of-{name}", tier_))
                self.put(admit(name))
                self.put(describe(name))
            case ("describe", name, source):
                self.put(describe(name, source))
            case ("tier", name, tier_):
                self.put(tier(f"of-{name}", tier_))
            case ("release", name):
                self.put(release(name))
            case ("report", name, capacity, decoding, streams, draining):
                self.reports[name] = report(
                    name,
                    capacity,
                    run=self.runs[name],
                    decoding=decoding,
                    streams=streams,
                    draining=draining,
                )
                self.put(self.reports[name])
            case ("again", name):
                self.runs[name] += 1
                self.reports[name] = report(name, 350_000, run=self.runs[name])
                self.put(self.reports[name])
            case ("silence", name):
                self.reports.pop(name, None)
            case ("drop", name, rung, failed):
                self.drop(name, rung, "encoder_failed" if failed else "worker_behind")
            case ("death", name) if name in self.pool.streams:
                stream = self.pool.streams[name]
                self.put(death(stream.worker_id, name, stream.assignment))
            case ("wish", name, viewer):
                self.put(wish(name, viewer))
            case ("reserve", name, stream, begins):
                at = self.now + begins * SECOND
                self.put(reserve(name, f"of-{stream}", at, at + 60 * SECOND))
            case ("cancel", name):
                self.put(cancel(name))

    def drop(self, name: str, rung: int, reason: str) -> None:
        stream = self.pool.streams.get(name)
        if stream is not None and rung < len(stream.rungs):
            rendition = stream.ladder.renditions[rung].name
            self.put(drop(stream.worker_id, name, stream.assignment, rendition, reason))

    def put(self, command: Record) -> None:
        restored = copied(self.pool)
        said = decide(self.pool, command, self.now)
        assert decide(restored, command, self.now) == said, "restored, it decides otherwise"
        assert restored.take_changes() == self.pool.take_changes()
        for event in said:
            if isinstance(event, LadderChanged):
                self.hear(event)
        self.check()

    def hear(self, event: LadderChanged) -> None:
        before = self.told.get(event.stream_id)
        if before is not None:
            same = (before.rungs, before.worker_id, before.assignment, before.session_id)
            now = (event.rungs, event.worker_id, event.assignment, event.session_id)
            assert same != now or before.tier != event.tier, "said though nothing changed"
        if event.cause == "stream_over":
            self.told.pop(event.stream_id, None)
        else:
            self.told[event.stream_id] = event
        if any(rung.state in HELD for rung in event.rungs):
            assert event.worker_id in self.pool.workers
        if event.cause not in ASKED_FOR:
            changes = self.changes[event.stream_id]
            changes.append(self.now)
            while changes[0] <= self.now - 60 * SECOND:
                changes.popleft()
            assert len(changes) <= CHANGES_A_MINUTE, "it flaps"

    def check(self) -> None:
        for worker_id in self.pool.workers:
            self.check_worker(worker_id)
        for stream in self.pool.streams.values():
            if stream.standing == "partner" and stream.channel_id and stream.described:
                self.check_partner(stream)
        self.check_derived()

    def check_worker(self, worker_id: str) -> None:
        """Never more than it can make, and all that is promised comes once others have gone."""
        worker = self.pool.workers[worker_id]
        here = [each for each in self.pool.streams.values() if each.worker_id == worker_id]
        used = sum(self.cost(each, HELD) for each in here)
        assert used <= worker.capacity
        stays = sum(self.cost(each, ("granted", "waiting")) for each in here)
        comes = [each for each in self.pool.streams.values() if each.target == worker_id]
        stays += sum(sum(each.ladder.costs) + worker.decode_cost(each.ladder) for each in comes)
        assert stays <= worker.capacity

    def cost(self, stream: Stream, states: tuple[str, ...]) -> int:
        """What rungs in these states cost; waiting ones count if they are to come here."""
        cost = 0
        for held, each in zip(stream.rungs, stream.ladder.costs, strict=True):
            claimed = held.reason == CLAIMED and not stream.target
            if held.state in states and (held.state != "waiting" or claimed):
                cost += each
        return cost and cost + self.pool.workers[stream.worker_id].decode_cost(stream.ladder)

    def check_partner(self, stream: Stream) -> None:
        """A partner that lacks a rung could have no more if every rung went that may.

        On its own worker, what nobody is promised has no room for its next rung; on no other is
        there room for the whole ladder. Left aside are a worker that has just failed at that
        rung, and a partner that was moved less than a minute ago.
        """
        missing = stream.lacks(stream.wanted)
        if not missing or stream.target:
            return
        here = stream.worker_id
        for worker_id, worker in self.pool.workers.items():
            if worker.draining:
                continue
            room = worker.capacity - self.promised(worker_id)
            if worker_id == here:
                rung = next((r for r in missing if not stream.backs_off(r, here)), None)
                kept = any(each.firm or each.reason == CLAIMED for each in stream.rungs)
                if not kept and self.pool.loads[here].places_kept >= worker.streams:
                    continue  # it goes itself, and another was promised its place
                assert rung is None or stream.ladder.costs[rung] > room
                continue
            if here and here not in self.pool.draining and stream.stays_until:
                continue
            if any(stream.backs_off(rung, worker_id) for rung in stream.wanted):
                continue
            if self.pool.loads[worker_id].places_kept >= worker.streams:
                continue
            assert sum(stream.ladder.costs) + worker.decode_cost(stream.ladder) > room

    def promised(self, worker_id: str) -> int:
        """What nobody can take away there: partners', promised minima, held for events."""
        total, worker = 0, self.pool.workers[worker_id]
        for stream in self.pool.streams.values():
            if stream.worker_id == worker_id:
                firm = sum(
                    cost
                    for held, cost in zip(stream.rungs, stream.ladder.costs, strict=True)
                    if (held.state == "granted" and held.firm)
                    or (held.reason == CLAIMED and not stream.target)
                )
                total += firm and firm + worker.decode_cost(stream.ladder)
            if stream.target == worker_id:
                total += sum(stream.ladder.costs) + worker.decode_cost(stream.ladder)
        for row in self.pool.rows["reservation"].values():
            if row.worker_id == worker_id:
                total += sum(row.ladder.costs) + worker.decode_cost(row.ladder)
        return total

    def check_derived(self) -> None:
        fresh = copied(self.pool)
        assert fresh.loads == self.pool.loads
        assert fresh.totals == self.pool.totals
        assert fresh.waits == self.pool.waits
        assert not self.pool.grown


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(st.lists(commands, min_size=10, max_size=40))
def test_whatever_happens_the_rules_hold(what: list[tuple]) -> None:
    world = World()
    world.happen(("report", "u", 600_000, 0, 50, False))
    world.happen(("report", "v", 350_000, 100, 50, False))
    for each in what:
        world.happen(each)


def test_a_promise_is_kept_to_the_reserve() -> None:
    """What affiliates are promised, beside partners, leaves the reserve."""
    world = World(Rules())
    world.happen(("report", "u", 600_000, 0, 50, False))
    for name in STREAMS:
        world.happen(("come", name, "affiliate"))
        assert world.pool.totals.firm <= (1 - world.rules.reserve) * 600_000

"""The dispatcher: what it makes of a pool against an integer program, and how fast it decides.

    uv run --group bench python -m benchmarks.dispatch

A day in an hour and a half: up to 10 000 streams come and go as over a day, workers die and come
back, and at 95 % load a wave of partners goes live. The dispatcher's rules run on the log's time;
only the log itself is missing. Needs SciPy (HiGHS) for the program.
"""

import argparse
import heapq
import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from agents.transcode.ladder import ladder_of
from agents.transcode.model import decide
from agents.transcode.pool import Pool
from agents.transcode.rows import HELD, Rules
from infra.record import Meta, Record
from schemas.records.clock import Tick
from schemas.records.transcode import (
    AdmitStream,
    DescribeSource,
    LadderChanged,
    ReleaseStream,
    ReportWorker,
    SetTier,
)
from schemas.registry import registry

SECOND = 1_000_000
BEGINNING = 1_700_000_000 * SECOND
DAY = 5_400
"""Seconds of the simulated day: sixteen times as fast."""
PEAK = 10_000
LIFE = 900.0
"""Seconds that a stream lasts on average: four hours of the day."""
TIERS = {"partner": 0.02, "affiliate": 0.18, "regular": 0.80}
SOURCES = {(1920, 1080, 60.0): 0.55, (1920, 1080, 30.0): 0.25, (1280, 720, 60.0): 0.15,
           (1280, 720, 30.0): 0.05}  # fmt: skip
FULL = 297_600
"""Macroblocks a second of the ladder of 1080p60: 8 to 12 of it go on a T4."""
DECODING = 50
WORKERS = 120
WAVE = 300
"""Partners that go live within a minute."""
WAVE_LOAD = 0.95
FAILURES = 12
AWAY = 120
"""Seconds until a dead worker's successor reports."""
SAMPLED_EVERY = 20
OWN_WILL = {"capacity_freed", "preempted", "grace_over", "moved_for_ladder"}
SHARE, SPEED = 0.97, 10_000

Class = tuple[str, tuple[int, int, float]]
pack = msgspec.msgpack.Encoder().encode


@dataclass
class Driver:
    """The dispatcher with all that a message costs but Kafka: decoding, rows packed, encoding."""

    pool: Pool = field(default_factory=lambda: Pool(Rules()))
    now: int = BEGINNING
    processor: float = 0.0
    commands: int = 0
    events: int = 0
    changes: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Ladders that changed though nobody asked and no worker was lost, by stream and minute."""

    @property
    def load(self) -> str:
        """How full the pool is, and how much was said."""
        totals = self.pool.totals
        return f"load {totals.used / totals.capacity:.2f}, {self.events} events"

    def put(self, *commands: Record) -> None:
        """Decide about commands."""
        meta = Meta(event_id="0" * 36, occurred_at=self.now, producer="benchmark", sequence=0)
        records = [registry().encode(meta, command) for command in commands]
        began = time.process_time()
        for record in records:
            for event in decide(self.pool, registry().decode(record).event, self.now):
                registry().encode(meta, event)
                self.events += 1
                if isinstance(event, LadderChanged) and event.cause in OWN_WILL:
                    self.changes[event.stream_id, self.now // (60 * SECOND)] += 1
            for row in self.pool.take_changes().values():
                if row is not None:
                    pack(row)
        self.processor += time.process_time() - began
        self.commands += len(commands)


def chosen(draw: random.Random, shares: dict) -> object:
    return draw.choices(list(shares), list(shares.values()))[0]


def going_live(stream: str, tier: str, source: tuple[int, int, float]) -> list[Record]:
    width, height, rate = source
    channel = f"of-{stream}"
    return [
        SetTier(pool="default", channel_id=channel, tier=tier),
        AdmitStream(pool="default", stream_id=stream, channel_id=channel, session_id=stream),
        DescribeSource(
            pool="default",
            stream_id=stream,
            session_id=stream,
            width=width,
            height=height,
            frame_rate=rate,
        ),
    ]


class Worker:
    """A T4, dead now and then."""

    def __init__(self, number: int, draw: random.Random) -> None:
        self.name = f"t4-{number:04}"
        self.run = 1
        self.capacity = draw.randint(8, 12) * FULL
        self.away_until = 0

    @property
    def worker_id(self) -> str:
        """Of this run."""
        return f"{self.name}.{self.run}"

    def report(self) -> Record:
        """What it says each second."""
        return ReportWorker(
            pool="default",
            worker_id=self.worker_id,
            name=self.name,
            capacity=self.capacity,
            decoding=DECODING,
            streams=60,
            encoders=["h264_nvenc"],
            draining=False,
        )


@dataclass
class Shares:
    """Rungs, added up over the samples."""

    served: Counter[str] = field(default_factory=Counter)
    best: Counter[str] = field(default_factory=Counter)
    wanted: Counter[str] = field(default_factory=Counter)

    def add(self, served: Counter[str], best: Counter[str], wanted: Counter[str]) -> None:
        """Add a sample."""
        self.served.update(served)
        self.best.update(best)
        self.wanted.update(wanted)

    @property
    def ratio(self) -> float:
        """What was served of what could have been."""
        return self.served.total() / self.best.total()


class Day:
    """The simulated day."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.driver = Driver()
        self.workers = [Worker(number, self.draw) for number in range(WORKERS)]
        self.alive: dict[str, Class] = {}
        self.ends: list[tuple[int, str]] = []
        self.failures = sorted(self.draw.sample(range(DAY), FAILURES))
        self.day, self.wave = Shares(), Shares()
        self.waved_at = 0
        self.load = 0.0
        self.number = 0

    def run(self) -> None:
        """Live it."""
        for second in range(DAY):
            self.driver.now += SECOND
            self._report(second)
            self._arrive(second)
            self._leave(second)
            self.driver.put(Tick())
            if second % SAMPLED_EVERY == 0 and second >= 60:
                self._sample(second)

    def _report(self, second: int) -> None:
        while self.failures and self.failures[0] <= second:
            self.failures.pop(0)
            self.draw.choice(self.workers).away_until = second + AWAY
        for worker in self.workers:
            if worker.away_until == second and second:
                worker.run += 1
            if worker.away_until <= second:
                self.driver.put(worker.report())

    def _arrive(self, second: int) -> None:
        phase = math.sin(math.pi * second / DAY)  # quiet at both ends of the day
        rate = PEAK / LIFE * (0.3 + 0.7 * phase * phase)
        missing = 0.3 * PEAK if second == 0 else 0
        for _ in range(round(missing + self.draw.random() + rate - 0.5)):
            tier, source = chosen(self.draw, TIERS), chosen(self.draw, SOURCES)
            self._begin(second, tier, source)
        totals = self.driver.pool.totals
        load = totals.used / max(1, totals.capacity)
        if not self.waved_at and load >= WAVE_LOAD and second > DAY / 3:
            self.waved_at, self.load = second, load
        if self.waved_at and second < self.waved_at + 60:
            for _ in range(WAVE // 60):
                self._begin(second, "partner", (1920, 1080, 60.0))

    def _begin(self, second: int, tier: str, source: tuple[int, int, float]) -> None:
        self.number += 1
        stream = f"s{self.number}"
        self.alive[stream] = (tier, source)
        heapq.heappush(self.ends, (second + 1 + round(self.draw.expovariate(1 / LIFE)), stream))
        self.driver.put(*going_live(stream, tier, source))

    def _leave(self, second: int) -> None:
        while self.ends and self.ends[0][0] <= second:
            _, stream = heapq.heappop(self.ends)
            del self.alive[stream]
            self.driver.put(ReleaseStream(pool="default", stream_id=stream))

    def _sample(self, second: int) -> None:
        present = {w.worker_id for w in self.workers if w.away_until <= second}
        capacity = sum(w.capacity for w in self.workers if w.worker_id in present)
        served, wanted = Counter[str](), Counter[str]()
        for stream_id in self.alive:
            row = self.driver.pool.streams[stream_id]
            for rung in row.wanted:
                kind = _kind(row.standing, rung == row.ladder.minimum)
                wanted[kind] += 1
                made = row.rungs[rung].state in HELD and row.worker_id in present
                served[kind] += made
        best = optimum(Counter(self.alive.values()), capacity)
        self.day.add(served, best, wanted)
        if self.waved_at and second < self.waved_at + 300:
            self.wave.add(served, best, wanted)


def _kind(tier: str, least: bool) -> str:
    if tier == "partner":
        return "partners"
    return "minima" if least else "the rest"


def optimum(streams: Counter[Class], capacity: int) -> Counter[str]:
    """The most rungs that can be served, partners' first, then minima, then the rest.

    An integer program over classes of equal streams: how many of each class get how many rungs.
    It may do more than any dispatcher: all capacity is one machine, nothing has to stay where it
    is, nobody is given a grace, and it knows no reserve. So it is an upper bound.
    """
    columns: list[tuple[Class, Counter[str], int]] = []
    for group in streams:
        columns += [(group, *each) for each in _choices(group)]
    groups = list(streams)
    rows = np.zeros((len(groups) + 1, len(columns)))
    for place, (group, _, cost) in enumerate(columns):
        rows[groups.index(group), place] = 1
        rows[-1, place] = cost / FULL
    limits = [*(streams[group] for group in groups), capacity / FULL]
    constraints = [LinearConstraint(rows, ub=limits)]
    found: Counter[str] = Counter()
    for kind in ("partners", "minima", "the rest"):
        worth = np.array([made[kind] for _, made, _ in columns], dtype=float)
        if not worth.any():
            continue
        result = milp(
            -worth,
            constraints=constraints,
            integrality=1,
            bounds=Bounds(0),
            options={"mip_rel_gap": 0},
        )
        found[kind] = round(-result.fun)
        constraints.append(LinearConstraint(worth, lb=found[kind] - 1e-6))
    return found


def _choices(group: Class) -> Iterator[tuple[Counter[str], int]]:
    """What a stream may get, the smallest rungs first, and what that costs."""
    tier, source = group
    if tier == "regular":
        return
    ladder = ladder_of(*source)
    cost, made = -(-ladder.source * DECODING // 1000), Counter[str]()
    for rung in reversed(ladder.wanted[tier]):
        cost += ladder.costs[rung]
        made[_kind(tier, rung == ladder.minimum)] += 1
        yield Counter(made), cost


def speed(streams: int, workers: int, seed: int) -> Driver:
    """A pool of that size in which streams come and go, workers report and time passes."""
    draw, driver = random.Random(seed), Driver()
    machines = [Worker(number, draw) for number in range(workers)]
    for each in machines:
        driver.put(each.report())
    shares = {"partner": 0.25, "affiliate": 0.70, "regular": 0.05}
    alive = [f"s{number}" for number in range(streams)]
    for each in alive:
        driver.put(*going_live(each, chosen(draw, shares), chosen(draw, SOURCES)))
    driver.processor, driver.commands, driver.events = 0.0, 0, 0
    for number in range(streams, streams + 12_000):
        place = draw.randrange(len(alive))
        driver.put(ReleaseStream(pool="default", stream_id=alive[place]))
        alive[place] = f"s{number}"
        driver.put(*going_live(alive[place], chosen(draw, shares), chosen(draw, SOURCES)))
        if number % 100 == 0:
            driver.now += SECOND
            driver.put(*(each.report() for each in machines), Tick())
            driver.commands -= len(machines) + 1  # they cost, but are no decisions about a stream
    return driver


def told(name: str, shares: Shares) -> None:
    print(f"{name:22} of the optimum {shares.ratio:.4f}", end="")
    for kind in ("partners", "minima", "the rest"):
        asked = max(1, shares.wanted[kind])
        served, best = shares.served[kind] / asked, shares.best[kind] / asked
        print(f"  {kind} {served:.4f} ({best:.4f})", end="")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    day = Day(options.seed)
    day.run()
    totals = day.driver.pool.totals
    print(f"{DAY} s, {day.number} streams came, {WORKERS} workers, {FAILURES} died; "
          f"{day.driver.commands} commands, {day.driver.events} events, "
          f"{day.driver.commands / day.driver.processor:,.0f} commands/s of processor, "
          f"streams at the end {totals.streams}")  # fmt: skip
    print(f"wave of {WAVE} partners in 60 s at load {day.load:.3f}, second {day.waved_at}")
    told("whole day", day.day)
    told("wave and 5 min after", day.wave)
    changes = day.driver.changes
    print(f"changes a stream a minute, not asked for: at most {max(changes.values())}")
    fast = speed(10_000, 1_000, options.seed)
    rate = fast.commands / fast.processor
    print(f"{rate:,.0f} decisions/s of one core: 10 000 streams, 1 000 workers, {fast.load}")
    full = speed(10_000, 650, options.seed)
    print(
        f"{full.commands / full.processor:,.0f} decisions/s: 10 000 streams, 650 workers, "
        f"{full.load}"
    )
    ratio = day.day.ratio
    print(
        f"reach share of the optimum >= {SHARE}: {ratio:.4f} "
        f"{'met' if ratio >= SHARE else 'MISSED'}"
    )
    print(f"reach decisions/s >= {SPEED}: {rate:,.0f} {'met' if rate >= SPEED else 'MISSED'}")
    print(f"took {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()

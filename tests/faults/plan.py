"""What happens in a run and when: a function of the seed."""

import random
from dataclasses import dataclass
from enum import StrEnum

WORKERS = 2


class Fault(StrEnum):
    """Things that go wrong, or merely change."""

    KILL = "kill -9 of a worker"
    PAUSE = "SIGSTOP longer than the session, then SIGCONT"
    JOIN = "another worker joins"
    LEAVE = "a worker leaves (SIGTERM)"
    BROKER_TERM = "the broker that leads a partition restarts"
    BROKER_KILL = "kill -9 of the broker that leads a partition"
    ELECTION = "partitions go back to the brokers that led them at first"


_WEIGHTS = {
    Fault.KILL: 5,
    Fault.PAUSE: 2,
    Fault.JOIN: 2,
    Fault.LEAVE: 2,
    Fault.BROKER_TERM: 1,
    Fault.BROKER_KILL: 1,
}


@dataclass(frozen=True)
class Step:
    """One fault: seconds after the start of the load, what, on which, for how long away."""

    at: float
    fault: Fault
    target: int
    """Number of the worker, or of the partition whose leader is meant."""
    away: float


@dataclass(frozen=True)
class Plan:
    """A whole run."""

    seed: int
    steps: tuple[Step, ...]
    delay: float
    """A send is delayed by up to so many seconds, at random, before it goes out."""
    backlog: float
    """The share of the events that is on the log before the workers start."""


def plan(seed: int, seconds: float) -> Plan:
    """The plan of a seed: kills always, the rest by chance; brokers restart twice at most."""
    chance = random.Random(seed)
    steps, at, brokers = [], chance.uniform(1.0, 3.0), 0
    while at < seconds:
        fault = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        if fault in (Fault.BROKER_TERM, Fault.BROKER_KILL):
            brokers += 1
            if brokers > 2:
                fault = Fault.KILL
        steps.append(Step(at, fault, chance.randrange(WORKERS), chance.uniform(0.0, 1.5)))
        at += chance.uniform(0.7, 4.0)
    if not any(step.fault is Fault.KILL for step in steps):
        steps.append(Step(seconds, Fault.KILL, 0, 0.2))
    delay = chance.choice([0.0, 0.0, 0.02, 0.1, 0.3])
    return Plan(seed, tuple(steps), delay, chance.uniform(0.1, 0.6))

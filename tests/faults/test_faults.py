"""The short form of the fault runs: one seed that must hold, and controls that must be found."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.broker import Cluster, fetch_library
from tests.faults.chaos import Chaos, Result
from tests.faults.plan import Fault, Plan, Step, plan
from tests.faults.worker import Sabotage

KILLS = Plan(
    seed=0,
    steps=tuple(Step(at, Fault.KILL, number, 0.0) for number, at in enumerate((0.3, 1.5, 3.0))),
    delay=0.0,
    backlog=0.3,
)
EVERYTHING = Plan(
    seed=0,
    steps=(
        Step(0.3, Fault.KILL, 0, 0.2),
        Step(1.0, Fault.PAUSE, 1, 0.0),
        Step(2.0, Fault.JOIN, 0, 0.0),
        Step(3.0, Fault.BROKER_KILL, 0, 0.0),
        Step(4.0, Fault.LEAVE, 0, 0.0),
        Step(5.0, Fault.KILL, 1, 0.2),
    ),
    delay=0.05,
    backlog=0.3,
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    asyncio.run(fetch_library())
    cluster = Cluster(tmp_path_factory.mktemp("faults") / "kafka")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.forget()


async def disturbed(
    cluster: Cluster, folder: Path, chosen: Plan, sabotage: Sabotage = Sabotage.NONE
) -> Result:
    chaos = Chaos(chosen, cluster, folder, events=3000, seconds=5, sabotage=sabotage)
    return await chaos.run()


async def test_every_kind_of_fault_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    result = await disturbed(cluster, tmp_path, EVERYTHING)

    assert result.verdict.failures == {}
    assert sum(result.faults.values()) == len(EVERYTHING.steps)


@pytest.mark.parametrize(
    ("sabotage", "counter"),
    [
        (Sabotage.UNAWAITED_OUTPUTS, "missing"),
        (Sabotage.DROPPED_RECORD, "skipped"),
        (Sabotage.LOST_TABLE_WRITE, "table_differences"),
        (Sabotage.LOST_DEAD_LETTER, "dead_missing"),
    ],
)
async def test_a_broken_run_loop_is_found(
    cluster: Cluster, tmp_path: Path, sabotage: Sabotage, counter: str
) -> None:
    result = await disturbed(cluster, tmp_path, KILLS, sabotage)

    assert result.verdict.failures.get(counter, 0) > 0


async def test_stock_faust_is_found(cluster: Cluster, tmp_path: Path) -> None:
    chaos = Chaos(KILLS, cluster, tmp_path, events=3000, seconds=5, stock=True, patience=5)

    result = await chaos.run()

    assert result.verdict.failures


def test_a_seed_always_gives_the_same_plan() -> None:
    assert plan(7, 20) == plan(7, 20)
    assert plan(7, 20) != plan(8, 20)

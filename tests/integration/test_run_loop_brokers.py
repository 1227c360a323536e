"""The run loop on three brokers: leaders are killed, come back, and lead again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.streaming import journal_topic_of, make_app
from infra.streaming.run import prepare
from schemas import provision
from tests.faults.broker import Cluster, fetch_library
from tests.faults.chaos import Chaos
from tests.faults.plan import Fault, Plan, Step
from tests.faults.records import FaultCodec
from tests.faults.worker import PARTITIONS

LEADERS_CHANGE = Plan(
    seed=0,
    steps=(
        Step(0.5, Fault.BROKER_KILL, 0, away=1.0),
        Step(2.0, Fault.ELECTION, 0, away=0.0),
        Step(3.0, Fault.BROKER_TERM, 1, away=0.0),
        Step(4.0, Fault.ELECTION, 0, away=0.0),
    ),
    delay=0.0,
    backlog=0.2,
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    asyncio.run(fetch_library())
    cluster = Cluster(tmp_path_factory.mktemp("brokers") / "kafka", size=3)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.forget()


async def test_nothing_is_lost_when_leaders_change(cluster: Cluster, tmp_path: Path) -> None:
    chaos = Chaos(LEADERS_CHANGE, cluster, tmp_path, events=8000, seconds=20, workers=1)

    result = await chaos.run()

    assert result.verdict.failures == {}
    assert sum(result.faults.values()) == len(LEADERS_CHANGE.steps)
    assert result.leader_changes >= len(LEADERS_CHANGE.steps)
    assert result.restarts == 0  # the worker goes on: the client finds the new leader


async def test_a_journal_of_three_replicas_is_acknowledged_by_two(
    cluster: Cluster, tmp_path: Path, unique: str
) -> None:
    app = make_app(
        f"insync-{unique}",
        bootstrap=cluster.bootstrap,
        codec=FaultCodec(),
        partitions=lambda topic: PARTITIONS,
        dead_letter_topic=lambda topic: None,
        data_dir=tmp_path,
        replication_factor=3,
    )

    await prepare(app)

    name, found = journal_topic_of(f"insync-{unique}"), None
    async with asyncio.timeout(20):
        while found is None:  # the broker that is asked may hear of it later
            topics = await provision.listing(cluster.bootstrap)
            found = next((topic for topic in topics if topic.name == name), None)
    assert found.replicas == 3
    assert found.configs["min.insync.replicas"] == "2"

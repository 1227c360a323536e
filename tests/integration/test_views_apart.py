"""Views of one store go each at their own pace: who is slow, or fails, holds no other."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

import msgspec
import pytest
from aiokafka import TopicPartition

from infra.errors import Unavailable
from infra.kafka import LogReader
from schemas.registry import registry
from sinks import feed, writer
from sinks.prove import prove
from sinks.rebuild import rebuild
from sinks.rows import Key, Row
from sinks.store import Position
from sinks.stores.memory import MemoryStore
from sinks.view import View
from tests.integration.views import Log, caught_up, ended, started, until, view, writing

MESSAGES = 400


class FaultyStore(MemoryStore):
    """Refuses, or takes its time for, the writes of some views."""

    def __init__(self) -> None:
        super().__init__()
        self.away: set[str] = set()
        self.slow: dict[str, float] = {}
        self.refused = 0

    async def apply(
        self,
        view: View,
        generation: str,
        rows: Mapping[Key, Row],
        positions: Mapping[TopicPartition, Position],
        *,
        live: bool,
    ) -> None:
        await asyncio.sleep(self.slow.get(view.name, 0) if live else 0)
        if live and view.name in self.away:
            self.refused += 1
            raise Unavailable(f"{view.name} is not written now")
        await super().apply(view, generation, rows, positions, live=live)

    async def total(self, found: View) -> int:
        active = (await self.generations(found)).active
        return sum(each.offset for each in (await self.positions(found, active)).values())


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little is kept that who is behind has to read the log again."""
    monkeypatch.setattr(feed, "KEPT", 50)
    monkeypatch.setattr(feed, "AHEAD", 20)
    monkeypatch.setitem(writer.BATCH_MESSAGES, "redis", 10)


async def fill(log: Log, count: int = MESSAGES) -> dict[int, int]:
    ends = dict.fromkeys(range(4), 0)
    for n in range(count):
        event = started(n) if n % 8 < 4 else ended(n - 4)
        await log.post(event, partition=n % 4)
        ends[n % 4] += 1
    await log.flush()
    return ends


async def test_a_view_that_cannot_be_written_holds_no_other(log: Log) -> None:
    store = FaultyStore()
    live, status, history = (
        msgspec.structs.replace(view(name, log), store="redis")
        for name in ("live-channels", "stream-status", "stream-history")
    )
    store.away = {status.name}
    async with writing(log, store, live, status, history) as (running, holes):
        ends = await fill(log)
        for found in (live, history):
            await caught_up(log, store, found, ends)
        assert await store.total(status) == 0
        assert store.refused > 0

        async def told() -> bool:
            health = running.health()
            return health.waiting_for == "redis" and health.oldest_unapplied > 0

        await until(told)
        store.away = set()
        await caught_up(log, store, status, ends)
        await until(partial(well, running))
    assert holes == []
    async with LogReader(log.bootstrap) as reader:
        for found in (live, status, history):
            assert (await prove(reader, store, registry(), found)).equal


class LateStore(MemoryStore):
    """Is there only when it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.there = asyncio.Event()

    async def setup(self, views: Sequence[View]) -> None:
        if not self.there.is_set():
            raise Unavailable("no tables yet")
        await super().setup(views)


async def test_a_writer_is_well_once_its_views_are_there_and_partitions_are_shared_out(
    log: Log,
) -> None:
    store, live = LateStore(), view("live-channels", log)
    await log.write(started(1))
    async with writing(log, store, live) as (running, _):
        await until(lambda: running.health().waiting_for == "redis")
        assert (running.health().ready, running.health().well(1e9)) == (False, False)
        store.there.set()
        await until(lambda: running.health().well(1e9))
        assert running.health().partitions == 4
        await caught_up(log, store, live, {0: 1})


async def test_a_writer_that_has_no_partition_is_well_too(log: Log) -> None:
    """As the fifth of those who share four."""
    store, live = MemoryStore(), view("live-channels", log)
    async with AsyncExitStack() as open_:
        runners = [
            (await open_.enter_async_context(writing(log, store, live)))[0] for _ in range(5)
        ]
        await until(
            lambda: (
                sorted(each.health().partitions for each in runners) == [0, 1, 1, 1, 1]
                and all(each.health().well(1e9) for each in runners)
            )
        )


async def well(running: writer.ViewWriter) -> bool:
    health = running.health()
    return health.oldest_unapplied == 0 and not health.waiting_for


async def test_a_slow_view_is_proved_and_rebuilt_while_it_is_behind(log: Log) -> None:
    store = FaultyStore()
    live, status = view("live-channels", log), view("stream-status", log)
    store.slow = {status.name: 0.05}
    async with writing(log, store, live, status), LogReader(log.bootstrap) as reader:
        ends = await fill(log)
        await caught_up(log, store, live, ends)
        assert await store.total(status) < MESSAGES
        proof = await prove(reader, store, registry(), status)
        assert proof.equal, proof.differences[:3]
        assert sum(proof.offsets.values()) < MESSAGES
        await rebuild(reader, store, registry(), status, linger=0.1)
        assert await store.total(status) == MESSAGES
        await log.write(started(5000))
        await caught_up(log, store, status, {**ends, 0: ends[0] + 1})
        proof = await prove(reader, store, registry(), status)
    assert proof.equal, proof.differences[:3]
    assert proof.rows > MESSAGES / 2


class OrderedStore(FaultyStore):
    """Notes every write of an outcome that came before the other views had its message."""

    def __init__(self, outcomes: View, others: list[View]) -> None:
        super().__init__()
        self.early: list[str] = []
        self.told = 0
        self._outcomes, self._others = outcomes, others
        self._chance = random.Random(3)

    async def apply(
        self,
        view: View,
        generation: str,
        rows: Mapping[Key, Row],
        positions: Mapping[TopicPartition, Position],
        *,
        live: bool,
    ) -> None:
        if view.name == self._outcomes.name:
            self.told += 1
            for other in self._others:
                there = await self.positions(other, generation)
                for partition, position in positions.items():
                    if partition not in there or there[partition].offset < position.offset:
                        self.early.append(f"{partition} {position.offset} before {other.name}")
        else:
            await asyncio.sleep(self._chance.choice([0, 0, 0.002, 0.03]))
        await super().apply(view, generation, rows, positions, live=live)


async def test_who_is_told_of_an_outcome_finds_it_in_the_views(log: Log) -> None:
    outcomes = view("outcomes", log)
    others = [view("live-channels", log), view("stream-status", log)]
    store = OrderedStore(outcomes, others)
    async with writing(log, store, outcomes, *others):
        ends = await fill(log, MESSAGES // 2)
        for found in (*others, outcomes):
            await caught_up(log, store, found, ends)
    assert store.early == []
    assert store.told > 1

"""One run: load, workers, faults by plan, and the logs read back for the verdict."""

import asyncio
import contextlib
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from infra.kafka import LogReader, min_insync_replicas
from infra.streaming import journal_topic_of
from tests.faults.broker import Cluster
from tests.faults.leaders import Leaders
from tests.faults.plan import WORKERS, Fault, Plan, Step
from tests.faults.records import Source
from tests.faults.verdict import Logs, Verdict, judge
from tests.faults.worker import PARTITIONS, Sabotage
from tests.faults.workers import Workers

SESSION = 2.0
KEYS = 300
START_DEADLINE = 30.0
COMPACTING = {
    "cleanup.policy": "compact",
    "segment.bytes": "1048576",
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.01",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "1000",
    "delete.retention.ms": "100",
}


@dataclass
class Result:
    """What a run did and found."""

    seed: int
    events: int
    verdict: Verdict
    faults: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    """Workers that stopped themselves and were started again."""
    fenced: int = 0
    """Late writes to the journal that the broker refused."""
    seconds: float = 0.0
    leader_changes: int = 0
    """Partitions, of the input, the output and the journal, that went to another broker."""


class Chaos:
    """A run of a plan on a cluster."""

    def __init__(
        self,
        plan: Plan,
        cluster: Cluster,
        folder: Path,
        *,
        events: int,
        seconds: float,
        sabotage: Sabotage = Sabotage.NONE,
        stock: bool = False,
        patience: float = 60.0,
        workers: int = WORKERS,
    ) -> None:
        self.name = f"fault-{plan.seed}-{uuid.uuid4().hex[:6]}"
        self._plan, self._cluster, self._events, self._seconds = plan, cluster, events, seconds
        self._stock = stock
        self._patience = patience
        self._verdict_extra = Verdict()
        self._source = Source(KEYS, PARTITIONS)
        self._faults: Counter[str] = Counter()
        self._started = self._joined = workers
        self._leader_changes = 0
        self._leaders = Leaders(
            cluster.bootstrap, [f"{self.name}-in", f"{self.name}-out", *self._journals]
        )
        environment = {
            "FAULT_RUN": self.name,
            "FAULT_BOOTSTRAP": cluster.bootstrap,
            "FAULT_SABOTAGE": sabotage.value,
            "FAULT_DELAY": str(0 if stock else plan.delay),
            "FAULT_SESSION": str(SESSION),
        }
        module = "tests.faults.stock_worker" if stock else "tests.faults.worker"
        self._workers = Workers(self.name, folder / self.name, environment, module)

    async def run(self) -> Result:
        """Everything, from topics to verdict."""
        began = time.monotonic()
        await self._create_topics()
        backlog = int(self._events * self._plan.backlog)
        try:
            await self._load(0, backlog, None)
            for number in range(self._started):
                self._workers.start(number)
            await self._under_way()
            load = asyncio.create_task(self._load(backlog, self._events, self._seconds))
            await self._disturb()
            await load
            self._verdict_extra.left = await self._drain()
            self._verdict_extra.stuck = await self._workers.leave_all()
        finally:
            self._workers.kill_all()
        verdict = judge(await self._read_logs(), journaled=not self._stock)
        await self._delete_topics()
        verdict.left, verdict.stuck = self._verdict_extra.left, self._verdict_extra.stuck
        seconds = time.monotonic() - began
        restarts = self._workers.restarts
        return Result(
            self._plan.seed,
            self._events,
            verdict,
            self._faults,
            restarts,
            self._workers.fenced,
            seconds,
            self._leader_changes,
        )

    @property
    def _journals(self) -> list[str]:
        return [] if self._stock else [journal_topic_of(self.name)]

    async def _create_topics(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._cluster.bootstrap)
        await admin.start()
        replicas = self._cluster.size
        common = {"min.insync.replicas": str(min_insync_replicas(replicas))}
        settings = {f"{self.name}-{suffix}": common for suffix in ("in", "out", "in-dlq")}
        settings |= dict.fromkeys(self._journals, common | COMPACTING)
        await admin.create_topics(
            [
                NewTopic(topic, PARTITIONS, replicas, topic_configs=configs)
                for topic, configs in settings.items()
            ]
        )
        await admin.close()

    async def _delete_topics(self) -> None:
        """A hundred runs' topics would fill the broker's memory."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._cluster.bootstrap)
        await admin.start()
        topics = [topic for topic in await admin.list_topics() if topic.startswith(self.name)]
        await admin.delete_topics(topics)
        await admin.close()

    async def _load(self, start: int, end: int, seconds: float | None) -> None:
        """Write messages `start` to `end`, over so many seconds."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._cluster.bootstrap,
            enable_idempotence=True,
            acks="all",
            linger_ms=5,
            request_timeout_ms=60_000,
        )
        await producer.start()
        began, sent = time.monotonic(), []
        for number in range(start, end):
            where, key, value = self._source.message(number)
            sent.append(await producer.send(f"{self.name}-in", value, key, partition=where))
            if seconds is not None and number % 20 == 0:
                due = began + seconds * (number - start) / (end - start)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        await asyncio.gather(*sent)
        await producer.stop()

    async def _under_way(self) -> None:
        """Wait until the first record was handled: faults before that hit nothing."""
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline and not self._workers.busy:
            self._workers.revive()
            await asyncio.sleep(0.1)

    async def _disturb(self) -> None:
        """Carry out the plan."""
        began, beside = time.monotonic(), []
        for step in self._plan.steps:
            while time.monotonic() < began + step.at:
                self._workers.revive()
                await asyncio.sleep(0.1)
            beside.append(asyncio.create_task(self._carry_out(step)))
            if step.fault in (Fault.BROKER_TERM, Fault.BROKER_KILL, Fault.ELECTION):
                await beside[-1]
        await asyncio.gather(*beside)

    async def _carry_out(self, step: Step) -> None:
        workers, numbers = self._workers, self._workers.numbers
        if not numbers:
            return
        number = numbers[step.target % len(numbers)]
        self._faults[step.fault.name.lower()] += 1
        match step.fault:
            case Fault.KILL:
                workers.kill(number)
                await asyncio.sleep(step.away)
                workers.start(number)
            case Fault.PAUSE:
                await workers.pause(number, SESSION + 1.0 + step.away)
            case Fault.JOIN:
                workers.start(self._joined)
                self._joined += 1
            case Fault.LEAVE:
                self._verdict_extra.stuck += not await workers.leave(number)
                await asyncio.sleep(step.away)
                workers.start(number)
            case Fault.BROKER_TERM | Fault.BROKER_KILL:
                await self._restart_leader(step)
            case Fault.ELECTION:
                self._leader_changes += await self._leaders.elect_preferred()

    async def _restart_leader(self, step: Step) -> None:
        """Stop the broker that leads a partition; start it when others lead all of its own."""
        before = await self._leaders.now()
        number = before[f"{self.name}-in", step.target % PARTITIONS].leader
        broker = self._cluster.brokers[number]
        await asyncio.to_thread(broker.stop, kill=step.fault is Fault.BROKER_KILL)
        if self._cluster.size > 1:
            self._leader_changes += await self._leaders.moved_from(number, before)
        await asyncio.sleep(step.away)
        await asyncio.to_thread(broker.start)

    async def _drain(self) -> int:
        """Wait until the group has committed everything. How many records it has not."""
        deadline, left = time.monotonic() + self._patience, self._events
        while left and time.monotonic() < deadline:
            self._workers.revive()
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                left = await self._lag()
            await asyncio.sleep(0.3)
        return left

    async def _lag(self) -> int:
        partitions = [TopicPartition(f"{self.name}-in", number) for number in range(PARTITIONS)]
        admin = AIOKafkaAdminClient(bootstrap_servers=self._cluster.bootstrap)
        consumer = AIOKafkaConsumer(bootstrap_servers=self._cluster.bootstrap)
        await admin.start()
        try:
            await consumer.start()
            ends = await consumer.end_offsets(partitions)
            committed = await admin.list_consumer_group_offsets(self.name)
        finally:
            await consumer.stop()
            await admin.close()
        done = {tp: found.offset for tp, found in committed.items()}
        return sum(end - max(0, done.get(tp, 0)) for tp, end in ends.items())

    async def _read_logs(self) -> Logs:
        name = self.name
        journal = [record for topic in self._journals for record in await self._read(topic)]
        return Logs(
            await self._read(f"{name}-in"),
            await self._read(f"{name}-out"),
            await self._read(f"{name}-in-dlq"),
            journal,
            self._workers.handled(),
        )

    async def _read(self, topic: str) -> list[Any]:
        async with LogReader(self._cluster.bootstrap) as reader:
            partitions = await reader.partitions(topic)
            starts, ends = await reader.begins(partitions), await reader.ends(partitions)
            return [record async for batch in reader.read(starts, ends) for record in batch]

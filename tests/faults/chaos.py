"""One run: load, workers, faults by plan, and the logs read back for the verdict."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from infra.kafka import LogReader
from infra.local.ports import free_ports
from infra.streaming import journal_topic_of
from tests.faults.broker import Broker
from tests.faults.plan import WORKERS, Fault, Plan, Step
from tests.faults.records import Source
from tests.faults.verdict import Logs, Place, Verdict, judge
from tests.faults.worker import PARTITIONS, Sabotage

ROOT = Path(__file__).parents[2]
SESSION = 2.0
KEYS = 300
START_DEADLINE = 30.0
EXIT_DEADLINE = 20.0
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
    seconds: float = 0.0


class Workers:
    """The worker processes, started again when they exit, as a supervisor would."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str], module: str) -> None:
        self._name, self._folder, self._module = name, folder, module
        self._environment = environment
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._paused: set[int] = set()
        self._ports = free_ports(WORKERS + 8)
        self.restarts = 0

    @property
    def numbers(self) -> list[int]:
        """Workers that run and are not paused."""
        return [number for number in self._running if number not in self._paused]

    def start(self, number: int) -> None:
        """Start worker `number` in its folder."""
        folder = self._folder / f"worker-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            **self._environment,
            "FAULT_FOLDER": str(folder),
            "FAULT_PORT": str(self._ports[number % len(self._ports)]),
            "PYTHONPATH": str(ROOT),
        }
        arguments = ["worker"] if "stock" in self._module else []
        if arguments:
            arguments += ["--web-port", environment["FAULT_PORT"]]
        with (folder / "log").open("ab") as log:
            self._running[number] = subprocess.Popen(
                [sys.executable, "-m", self._module, *arguments],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def revive(self) -> None:
        """Start those again that have exited on their own."""
        for number, process in list(self._running.items()):
            if process.poll() is not None:
                self.restarts += 1
                self.start(number)

    def kill(self, number: int) -> None:
        """End a worker at once."""
        process = self._running.pop(number)
        self._paused.discard(number)
        process.kill()
        process.wait()

    async def pause(self, number: int, seconds: float) -> None:
        """Stop a worker's time; it wakes as a zombie whose partitions others have."""
        process = self._running[number]
        self._paused.add(number)
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            process.send_signal(signal.SIGCONT)
            self._paused.discard(number)

    async def leave(self, number: int) -> bool:
        """Ask a worker to go. Whether it went."""
        process = self._running.pop(number)
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, EXIT_DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False
        return True

    async def leave_all(self) -> int:
        """Ask all to go. How many did not."""
        gone = await asyncio.gather(*[self.leave(number) for number in list(self._running)])
        return gone.count(False)

    def kill_all(self) -> None:
        """Leave nothing behind."""
        for number in list(self._running):
            self.kill(number)

    @property
    def busy(self) -> bool:
        """Whether a handler has noted anything."""
        return any(path.stat().st_size for path in self._folder.glob("worker-*/handled"))

    def handled(self) -> list[Place]:
        """What handlers noted."""
        places = []
        for path in self._folder.glob("worker-*/handled"):
            for line in path.read_text().splitlines():
                partition, _, offset = line.partition(" ")
                if offset:
                    places.append((int(partition), int(offset)))
        return places


class Chaos:
    """A run of a plan on a broker."""

    def __init__(
        self,
        plan: Plan,
        broker: Broker,
        folder: Path,
        *,
        events: int,
        seconds: float,
        sabotage: Sabotage = Sabotage.NONE,
        stock: bool = False,
        patience: float = 60.0,
    ) -> None:
        self.name = f"fault-{plan.seed}-{uuid.uuid4().hex[:6]}"
        self._plan, self._broker, self._events, self._seconds = plan, broker, events, seconds
        self._stock = stock
        self._patience = patience
        self._verdict_extra = Verdict()
        self._source = Source(KEYS, PARTITIONS)
        self._faults: Counter[str] = Counter()
        self._joined = WORKERS
        environment = {
            "FAULT_RUN": self.name,
            "FAULT_BOOTSTRAP": broker.bootstrap,
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
            for number in range(WORKERS):
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
        verdict.left, verdict.stuck = self._verdict_extra.left, self._verdict_extra.stuck
        seconds = time.monotonic() - began
        restarts = self._workers.restarts
        return Result(self._plan.seed, self._events, verdict, self._faults, restarts, seconds)

    async def _create_topics(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._broker.bootstrap)
        await admin.start()
        plain = [f"{self.name}-{suffix}" for suffix in ("in", "out", "in-dlq")]
        topics = [NewTopic(topic, PARTITIONS, 1) for topic in plain]
        journal = NewTopic(journal_topic_of(self.name), PARTITIONS, 1, topic_configs=COMPACTING)
        await admin.create_topics(topics if self._stock else [*topics, journal])
        await admin.close()

    async def _load(self, start: int, end: int, seconds: float | None) -> None:
        """Write messages `start` to `end`, over so many seconds."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._broker.bootstrap,
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
            if step.fault in (Fault.BROKER_TERM, Fault.BROKER_KILL):
                await beside[-1]
        await asyncio.gather(*beside)

    async def _carry_out(self, step: Step) -> None:
        workers, numbers = self._workers, self._workers.numbers
        if not numbers:
            return
        number = numbers[step.worker % len(numbers)]
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
                kill = step.fault is Fault.BROKER_KILL
                await asyncio.to_thread(self._broker.stop, kill=kill)
                await asyncio.sleep(step.away)
                await asyncio.to_thread(self._broker.start)

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
        admin = AIOKafkaAdminClient(bootstrap_servers=self._broker.bootstrap)
        consumer = AIOKafkaConsumer(bootstrap_servers=self._broker.bootstrap)
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
        journal = [] if self._stock else await self._read(journal_topic_of(name))
        return Logs(
            await self._read(f"{name}-in"),
            await self._read(f"{name}-out"),
            await self._read(f"{name}-in-dlq"),
            journal,
            self._workers.handled(),
        )

    async def _read(self, topic: str) -> list[Any]:
        async with LogReader(self._broker.bootstrap) as reader:
            partitions = await reader.partitions(topic)
            starts, ends = await reader.begins(partitions), await reader.ends(partitions)
            return [record async for batch in reader.read(starts, ends) for record in batch]

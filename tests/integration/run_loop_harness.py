"""What the tests of the run loop share: a rig of topics and worker processes on a real broker."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.kafka import EventProducer, LogReader
from infra.local.ports import free_ports
from infra.streaming import journal_topic_of
from infra.streaming.journal import PartitionState
from infra.streaming.journal_writer import JournalWriter
from schemas.records.broadcast import OpenSession
from schemas.registry import registry
from tests.waiting import until

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("run_loop_worker.py")


class Rig:
    def __init__(self, kafka: str, unique: str, data: Path, partitions: int, sources: int) -> None:
        self.kafka, self.data, self.partitions = kafka, data, partitions
        self.app = f"count-{unique}"
        self.sources = [f"in-{unique}-{number}" for number in range(sources)]
        self.sink = f"out-{unique}"
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self.ports = free_ports(3)
        self.sent: Counter[str] = Counter()
        self._number = 0

    @property
    def journal(self) -> str:
        return journal_topic_of(self.app)

    def start(self, worker: int = 0) -> None:
        folder = self.data / f"{self.app}-{worker}"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log").open("ab") as log:
            arguments = [self.app, self.kafka, str(self.ports[worker]), str(folder), self.sink]
            self.processes[worker] = subprocess.Popen(
                [
                    sys.executable,
                    WORKER,
                    *arguments,
                    str(self.partitions),
                    *self.sources,
                ],
                cwd=ROOT,
                env=dict(os.environ, PYTHONPATH=str(ROOT)),
                stdout=log,
                stderr=log,
            )

    def log(self, worker: int = 0) -> str:
        return (self.data / f"{self.app}-{worker}" / "log").read_text()

    async def ended(self, worker: int = 0, within: float = 15.0) -> int:
        process = self.processes[worker]
        await until(lambda: process.poll() is not None, within, lambda: self.log(worker))
        return process.returncode

    async def produce(self, count: int, source: int = 0, channels: int = 23) -> None:
        topic = self.sources[source]
        prefix = "cd"[source]  # a row belongs to one source topic (docs/decisions/0002-run-loop.md)
        async with EventProducer(
            self.kafka, registry(), role="test", partitions=lambda _: self.partitions
        ) as producer:
            posted = []
            for _ in range(count):
                channel = f"{prefix}{self._number % channels}"
                session = f"s{self._number}"
                self._number += 1
                event = OpenSession(channel_id=channel, session_id=session)
                posted.append(await producer.post(topic, channel, event))
                self.sent[channel] += 1
            await asyncio.gather(*posted)

    async def read(self, topic: str) -> list[Any]:
        async with LogReader(self.kafka) as reader:
            partitions = await reader.partitions(topic)
            starts, ends = await reader.begins(partitions), await reader.ends(partitions)
            return [record async for batch in reader.read(starts, ends) for record in batch]

    async def outputs(self) -> dict[str, Any]:
        """Outputs by event id; repeats must equal what they repeat."""
        found: dict[str, Any] = {}
        for record in await self.read(self.sink):
            envelope = registry().decode(record.value)
            known = found.setdefault(envelope.meta.event_id, (record.partition, envelope))
            assert known == (record.partition, envelope), "a repeat differs from what it repeats"
        return found

    async def state(self) -> dict[int, PartitionState]:
        states: dict[int, PartitionState] = {}
        for record in await self.read(self.journal):
            state = states.setdefault(record.partition, PartitionState())
            state.absorb(record.key, record.value)
        for state in states.values():
            state.settle_marks()
        return states

    async def handled(self, within: float = 30.0) -> None:
        """Wait until every message sent has its output, then check outputs and state."""

        async def all_out() -> bool:
            return len(await self.outputs()) >= self.sent.total()

        await until(all_out, within, lambda: "\n".join(self.log(n) for n in self.processes))
        await self.check()

    async def check(self) -> None:
        outputs = await self.outputs()
        sessions = Counter(envelope.event.stream_id for _, envelope in outputs.values())
        assert len(sessions) == self.sent.total()
        assert set(sessions.values()) == {1}
        numbers: dict[str, list[int]] = {}
        sequences: dict[tuple[str, int], list[int]] = {}
        for partition, envelope in outputs.values():
            numbers.setdefault(envelope.event.channel_id, []).append(int(envelope.event.session_id))
            sequences.setdefault((envelope.meta.producer, partition), []).append(
                envelope.meta.sequence
            )
        for channel, count in self.sent.items():
            assert sorted(numbers[channel]) == list(range(1, count + 1)), channel
        for numbered in sequences.values():
            assert sorted(numbered) == list(range(len(numbered)))

        async def journaled() -> bool:
            rows: Counter[str] = Counter()
            for state in (await self.state()).values():
                for channel, raw in state.table("count-by-channel").items():
                    rows[channel] += int.from_bytes(raw[1:], "big") if len(raw) > 1 else raw[0]
            return rows == self.sent

        await until(journaled, 10, lambda: "the journal's table differs from what was sent")

    async def get(self, path: str, worker: int = 0, token: str = "") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{self.ports[worker]}{path}"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as found:
            text = await found.text()
            return found.status, text if path == "/metrics" else await found.json()

    async def healthy(self, worker: int = 0, partitions: int | None = None) -> None:
        async def ok() -> bool:
            try:
                status, body = await self.get("/healthz", worker)
            except aiohttp.ClientError:
                return False
            if partitions is not None and len(body["partitions"]) != partitions:
                return False
            return status == 200

        await until(ok, 30, lambda: self.log(worker))


@asynccontextmanager
async def rig(
    kafka: str, unique: str, data: Path, *, partitions: int = 4, sources: int = 1
) -> AsyncIterator[Rig]:
    one = Rig(kafka, unique, data, partitions, sources)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    topics = [*one.sources, one.sink]
    try:
        await admin.create_topics([NewTopic(topic, partitions, 1) for topic in topics])
        yield one
    finally:
        for process in one.processes.values():
            process.kill()
            process.wait()
        existing = set(await admin.list_topics())
        await admin.delete_topics([name for name in [*topics, one.journal] if name in existing])
        await admin.close()


@asynccontextmanager
async def journal_writer(kafka: str, topic: str) -> AsyncIterator[JournalWriter]:
    """A writer of a journal, as another process would have it."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        yield JournalWriter(producer, topic)
    finally:
        await producer.stop()

"""The run loop against stock Faust, a bare aiokafka loop, quixstreams and bytewax.

    uv run --group bench python -m benchmarks.run_loop
    uv run --group bench python -m benchmarks.run_loop --quick --only ours,bare

Each contender reads the same Avro records from the same four partitions, counts them by key, and
writes one Avro record for each. CPU is the user and system time of its process (all threads)
between the moments when 20 % and 100 % of its outputs are on the log. Contenders take turns, so
that a noisy minute hurts all; the median of the repetitions counts.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks._peers.work import Job
from infra.kafka import partition_of
from infra.local.ports import free_ports
from infra.record import Meta
from infra.settings import KafkaSettings
from schemas.records.ingest import PublishProgressed
from schemas.registry import registry

ROOT = Path(__file__).parent.parent
PARTITIONS = 4
KEYS = 1000
START_DEADLINE = 60.0
WARM = 0.2
CONTENDERS = {
    "ours": ["benchmarks._peers.ours"],
    "bare": ["benchmarks._peers.bare"],
    "faust": ["benchmarks._peers.stock_faust", "worker", "--without-web"],
    "quixstreams": ["benchmarks._peers.quix"],
    "bytewax": ["benchmarks._peers.wax"],
    "bytewax-volatile": ["benchmarks._peers.wax", "volatile"],
}
console = Console()


@dataclass
class Figures:
    """What was measured of one contender."""

    cpu_us: list[float] = field(default_factory=list)
    """CPU microseconds an event, one a repetition."""
    wall_us: list[float] = field(default_factory=list)
    latency_ms: dict[int, dict[str, float]] = field(default_factory=dict)
    """Produce to output visible, by events a second: p50, p95, p99, max."""


def message(number: int, key: str, sequence: int) -> bytes:
    """Input record `number`; its session_id is the number, and comes back in the output."""
    meta = Meta(
        event_id=str(uuid.UUID(int=number)),
        occurred_at=time.time_ns() // 1000,
        producer="benchmark-0123456789ab",
        sequence=sequence,
        correlation_id=str(uuid.UUID(int=number)),
    )
    event = PublishProgressed(
        channel_id=key,
        session_id=str(number),
        received_bytes=number * 1000,
        video_frames=number,
        audio_frames=number,
        media_time=number * 33,
    )
    return registry().encode(meta, event)


def key_of(number: int) -> str:
    """The channel of input record `number`."""
    return f"channel-{number * 7919 % KEYS:04d}"


async def create_topics(bootstrap: str, *names: str) -> None:
    """Topics with the same partition count for every contender."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        topics = [
            NewTopic(name, PARTITIONS, 1, topic_configs={"retention.ms": "3600000"})
            for name in names
        ]
        await admin.create_topics(topics)
    finally:
        await admin.close()


async def delete_topics(bootstrap: str, prefix: str) -> None:
    """Leave the broker as it was, contenders' own topics included."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        ours = [name for name in await admin.list_topics() if prefix in name]
        if ours:
            await admin.delete_topics(ours)
    finally:
        await admin.close()


class Load:
    """Writes the events of one topic, numbered as every producer of the platform does."""

    def __init__(self, kafka: AIOKafkaProducer, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._next = [0] * PARTITIONS
        self.sent: dict[str, float] = {}
        """When each event that was not answered yet was sent (perf_counter)."""

    async def send(self, number: int) -> "asyncio.Future[Any]":
        """Queue event `number`; the future is its acknowledgement."""
        key = key_of(number)
        where = partition_of(key.encode(), PARTITIONS)
        value = message(number, key, self._next[where])
        self._next[where] += 1
        self.sent[str(number)] = time.perf_counter()
        future: asyncio.Future[Any] = await self._kafka.send(
            self._topic, value, key.encode(), partition=where
        )
        return future


@contextlib.asynccontextmanager
async def load(bootstrap: str, topic: str, linger_ms: int) -> AsyncIterator[Load]:
    """A plain producer for a topic."""
    kafka = AIOKafkaProducer(
        bootstrap_servers=bootstrap, linger_ms=linger_ms, max_batch_size=262_144
    )
    await kafka.start()
    try:
        yield Load(kafka, topic)
    finally:
        await kafka.stop()


async def fill(bootstrap: str, topic: str, events: int) -> None:
    """Write the events as fast as possible."""
    async with load(bootstrap, topic, 5) as source:
        await asyncio.gather(*[await source.send(number) for number in range(events)])


@contextlib.contextmanager
def worker(name: str, job: Job, log: Path, profile: Path | None = None) -> Iterator[psutil.Process]:
    """The contender's process, stopped at the end."""
    command = [sys.executable, "-W", "ignore", "-m"]
    if profile is not None:
        command += ["benchmarks._peers.profiled", str(profile)]
    command += CONTENDERS[name]
    environment = {**os.environ, **job.environment(), "PYTHONPATH": str(ROOT)}
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM if profile is None else signal.SIGUSR1)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass
class Bench:
    """One run of the benchmark: where the broker is, and names that are its own."""

    bootstrap: str
    events: int
    folder: Path
    prefix: str = field(default_factory=lambda: f"bench-{uuid.uuid4().hex[:8]}")

    def job(self, name: str, turn: str, source: str) -> Job:
        """A job with names of its own."""
        own = f"{self.prefix}-{name}-{turn}"
        state = self.folder / own
        state.mkdir()
        return Job(self.bootstrap, source, f"{own}-out", own, str(state), free_ports(1)[0])

    async def throughput(
        self, name: str, turn: str, source: str, profile: Path | None = None
    ) -> tuple[float, float]:
        """(CPU microseconds, wall microseconds) an event, over the last 80 % of the events."""
        job = self.job(name, turn, source)
        await create_topics(self.bootstrap, job.sink)
        outputs = [TopicPartition(job.sink, number) for number in range(PARTITIONS)]
        reader = AIOKafkaConsumer(bootstrap_servers=self.bootstrap)
        await reader.start()
        log = self.folder / f"{job.group}.log"
        first: tuple[int, float, float] | None = None
        deadline = time.monotonic() + START_DEADLINE + self.events / 1000
        try:
            with worker(name, job, log, profile) as process:
                while time.monotonic() < deadline and process.status() != psutil.STATUS_ZOMBIE:
                    done = sum((await reader.end_offsets(outputs)).values())
                    times, now = process.cpu_times(), time.perf_counter()
                    cpu = times.user + times.system
                    if first is None and done >= self.events * WARM:
                        first = done, cpu, now
                    if first is not None and done >= self.events:
                        over = done - first[0]
                        return (cpu - first[1]) / over * 1e6, (now - first[2]) / over * 1e6
                    await asyncio.sleep(0.02)
        finally:
            await reader.stop()
        raise SystemExit(f"{name} stopped or stood still; the end of its log:\n{tail(log)}")

    async def latency(self, name: str, rate: int, seconds: float) -> dict[str, float]:
        """Produce to output visible at `rate` events a second, the first two seconds left out."""
        job = self.job(name, f"at-{rate}", f"{self.prefix}-{name}-at-{rate}-in")
        await create_topics(self.bootstrap, job.source, job.sink)
        delays: list[float] = []
        consumer = AIOKafkaConsumer(
            job.sink, bootstrap_servers=self.bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        log = self.folder / f"{job.group}.log"
        async with load(self.bootstrap, job.source, 0) as source:
            with worker(name, job, log):
                reading = asyncio.create_task(measure(consumer, source.sent, delays))
                try:
                    await send_until_answered(source, delays, log)
                    await pace(source, rate, seconds)
                    await drained(source, log)
                finally:
                    reading.cancel()
        await consumer.stop()
        kept = sorted(delays[int(2 * rate) :])
        marks = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
        return {
            mark: kept[min(len(kept) - 1, int(len(kept) * share))] for mark, share in marks.items()
        }


async def measure(consumer: AIOKafkaConsumer, sent: dict[str, float], delays: list[float]) -> None:
    """Note when each output is visible. A repeat is not measured again."""
    codec = registry()
    while True:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            now = time.perf_counter()
            for record in records:
                began = sent.pop(codec.decode(record.value).event.session_id, None)
                if began is not None:
                    delays.append((now - began) * 1000)


async def send_until_answered(source: Load, delays: list[float], log: Path) -> None:
    """Wait until the worker is up: events go in until the first ones come out."""
    deadline, number = time.monotonic() + START_DEADLINE, 1_000_000_000
    while not delays:
        if time.monotonic() > deadline:
            raise SystemExit(f"no output; the end of the log:\n{tail(log)}")
        for _ in range(20):
            await source.send(number)
            number += 1
        await asyncio.sleep(0.5)
    await drained(source, log)
    delays.clear()


async def pace(source: Load, rate: int, seconds: float) -> None:
    """An open loop: events go out on time, whether or not answers come back."""
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        wait = began + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        await source.send(number)


async def drained(source: Load, log: Path) -> None:
    """Wait until everything that went in has come out."""
    deadline = time.monotonic() + START_DEADLINE
    while source.sent:
        if time.monotonic() > deadline:
            raise SystemExit(f"{len(source.sent)} events were never answered:\n{tail(log)}")
        await asyncio.sleep(0.05)


def tail(log: Path, lines: int = 25) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def median(values: list[float]) -> float:
    return statistics.median(values) if values else float("nan")


TARGETS = (
    ("stock Faust", ("faust",), 4.0),
    ("the better of quixstreams and bytewax", ("quixstreams", "bytewax"), 1.5),
    ("the bare loop", ("bare",), 0.5),
)
LATENCY_TARGETS = {"p50": 15.0, "p99": 50.0}


def ratios(found: dict[str, Figures]) -> list[dict[str, Any]]:
    """Ours against each target: CPU of the peer divided by CPU of ours."""
    rows = []
    for label, peers, target in TARGETS:
        costs = [median(found[peer].cpu_us) for peer in peers if peer in found]
        if costs and "ours" in found:
            ratio = min(costs) / median(found["ours"].cpu_us)
            rows.append({"against": label, "ratio": ratio, "target": target})
    return rows


def show(found: dict[str, Figures]) -> None:
    """Figures and targets, as tables."""
    table = Table(title="decode + rule + keyed state + emit, Avro in and out")
    for heading in ("contender", "CPU µs/event", "range", "events/CPU-s", "wall µs/event"):
        table.add_column(heading, justify="left" if heading == "contender" else "right")
    for name, figures in sorted(found.items(), key=lambda item: median(item[1].cpu_us)):
        cpu = figures.cpu_us
        if cpu:
            spread = f"{min(cpu):.1f}-{max(cpu):.1f}"
            per_second = f"{1e6 / median(cpu):,.0f}"
            wall = f"{median(figures.wall_us):.1f}"
            table.add_row(name, f"{median(cpu):.1f}", spread, per_second, wall)
    console.print(table)
    goals = Table(title="ours against")
    for heading in ("", "measured", "target", ""):
        goals.add_column(heading, justify="right")
    for row in ratios(found):
        reached = row["ratio"] >= row["target"]
        verdict = "[green]reached[/]" if reached else "[red]missed[/]"
        goals.add_row(row["against"], f"{row['ratio']:.2f}x", f"≥{row['target']}x", verdict)
    for name, figures in found.items():
        for rate, marks in figures.latency_ms.items():
            show_latency(goals, name, rate, marks)
    console.print(goals)


def show_latency(goals: Table, name: str, rate: int, marks: dict[str, float]) -> None:
    """Rows of latency; targets hold for ours at 1000 events a second."""
    for mark in ("p50", "p99"):
        target = LATENCY_TARGETS[mark] if (name, rate) == ("ours", 1000) else None
        verdict = ""
        if target is not None:
            verdict = "[green]reached[/]" if marks[mark] <= target else "[red]missed[/]"
        limit = f"≤{target:.0f} ms" if target is not None else ""
        goals.add_row(
            f"{name}: latency at {rate}/s, {mark}", f"{marks[mark]:.1f} ms", limit, verdict
        )


async def run(arguments: argparse.Namespace) -> dict[str, Figures]:
    """All repetitions of all contenders, in turns."""
    names = arguments.only.split(",") if arguments.only else list(CONTENDERS)
    found = {name: Figures() for name in names}
    folder = Path(tempfile.mkdtemp(prefix="millrace-bench-"))
    bench = Bench(arguments.bootstrap, arguments.events, folder)
    source = f"{bench.prefix}-in"
    steps = len(names) * arguments.repetitions + len(arguments.latency) * len(arguments.rates)
    try:
        with Progress(console=console, transient=True) as progress:
            bar = progress.add_task("filling the log", total=steps)
            await create_topics(bench.bootstrap, source)
            await fill(bench.bootstrap, source, bench.events)
            for turn in range(arguments.repetitions):
                for name in names[turn % len(names) :] + names[: turn % len(names)]:
                    progress.update(bar, description=f"{name}, repetition {turn + 1}")
                    cpu, wall = await bench.throughput(name, str(turn), source)
                    found[name].cpu_us.append(cpu)
                    found[name].wall_us.append(wall)
                    progress.console.print(f"[dim]{name}: {cpu:.1f} µs of CPU an event[/]")
                    progress.advance(bar)
            for name in arguments.latency:
                for rate in arguments.rates:
                    progress.update(bar, description=f"{name}, latency at {rate}/s")
                    marks = await bench.latency(name, rate, arguments.seconds)
                    found.setdefault(name, Figures()).latency_ms[rate] = marks
                    progress.advance(bar)
    finally:
        await delete_topics(bench.bootstrap, bench.prefix)
        shutil.rmtree(folder, ignore_errors=True)
    return found


async def profile(arguments: argparse.Namespace) -> None:
    """Profile one contender and print where its time goes."""
    folder = Path(tempfile.mkdtemp(prefix="millrace-bench-"))
    bench = Bench(arguments.bootstrap, arguments.events, folder)
    source, result = f"{bench.prefix}-in", folder / "profile"
    try:
        await create_topics(bench.bootstrap, source)
        await fill(bench.bootstrap, source, bench.events)
        cpu, _ = await bench.throughput(arguments.profile, "profile", source, result)
        console.print(f"{arguments.profile}: {cpu:.1f} µs of CPU an event [dim](under cProfile)[/]")
        console.print(result.with_suffix(".txt").read_text(), markup=False, highlight=False)
    finally:
        await delete_topics(bench.bootstrap, bench.prefix)
        shutil.rmtree(folder, ignore_errors=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--bootstrap",
        default=KafkaSettings().bootstrap,
        help="Kafka broker, host:port (default: MILLRACE_KAFKA_BOOTSTRAP, now %(default)s)",
    )
    parser.add_argument("--events", type=int, default=100_000, help="events a repetition")
    parser.add_argument("--repetitions", type=int, default=5, help="of each contender")
    parser.add_argument("--quick", action="store_true", help="2 repetitions, latency over 5 s")
    parser.add_argument("--only", help=f"comma-separated, of: {', '.join(CONTENDERS)}")
    parser.add_argument("--seconds", type=float, default=20, help="of load for each latency")
    parser.add_argument("--rates", default="50,1000", help="events a second for latency")
    parser.add_argument(
        "--latency", default="ours,bare,faust", help="contenders timed; '' for none"
    )
    parser.add_argument("--profile", choices=list(CONTENDERS), help="profile one contender instead")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.repetitions, arguments.seconds = 2, 5
    arguments.rates = [int(rate) for rate in arguments.rates.split(",")]
    names = arguments.only.split(",") if arguments.only else list(CONTENDERS)
    arguments.latency = [name for name in arguments.latency.split(",") if name in names]
    return arguments


def main() -> None:
    """Run, show, write."""
    arguments = parse()
    if arguments.profile:
        uvloop.run(profile(arguments))
        return
    found = uvloop.run(run(arguments))
    show(found)
    if arguments.json:
        written = {
            "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs",
            "python": platform.python_version(),
            "events": arguments.events,
            "contenders": {name: asdict(figures) for name, figures in found.items()},
            "ratios": ratios(found),
        }
        arguments.json.write_text(json.dumps(written, indent=2) + "\n")


if __name__ == "__main__":
    main()

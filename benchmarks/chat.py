"""Chat from end to end: said, moderated, delivered, through the roles of a running platform.

    millrace up -d; millrace channel create fast
    uv run --group bench python -m benchmarks.chat --channel fast --rate 2000 --seconds 20

Messages of some thousand users are written to `chat-commands` at a steady rate, as edges write
them. Clients of the edge read along; how long a message took is from when it was to be written to
when a client has it. The processor time is that of the platform's processes, by name.
"""

import argparse
import asyncio
import os
import random
import statistics
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import msgspec
import psutil
import uvloop
from aiokafka import TopicPartition

from api.commands import uuid7
from infra.kafka import EventProducer, partition_of, tail
from infra.names import id_of
from infra.record import Meta
from infra.settings import ChatEdgeSettings, KafkaSettings
from schemas import sources
from schemas.records.chat import SendMessage
from schemas.registry import registry

REACH: Final = {"p50": 25.0, "p99": 100.0}
EVENTS: Final = "chat-events"
STEP: Final = 0.01
"""Seconds between two batches."""
WORDS: Final = (
    *("gg", "wp", "that", "was", "such", "a", "clean", "jump", "what", "is", "he", "doing", "no"),
    *("way", "this", "boss", "so", "hard", "nice", "one", "chat", "where", "the", "key", "go"),
    *("left", "please", "music", "again", "who", "else", "here", "from", "raid"),
)
ROLES: Final = (
    *("worker chat", "chat-fanout", "chat-edge", "views redis", "views cassandra", "kafka"),
)


@dataclass
class Run:
    """What was written, and what came."""

    written: dict[str, float] = field(default_factory=dict)
    """When each message was to be written (monotonic seconds)."""
    took: list[float] = field(default_factory=list)
    began: dict[int, float] = field(default_factory=dict)
    """When what has this offset was to be written (seconds since 1970)."""
    decided: list[float] = field(default_factory=list)
    """How long until the log had what became of it."""
    kinds: Counter[str] = field(default_factory=Counter)
    offsets: list[int] = field(default_factory=list)


async def write(
    run: Run, producer: EventProducer, channel: str, rate: float, seconds: float
) -> None:
    """Write messages in time, each user seldom enough for every rule."""
    source = random.Random(7)
    users, number = max(100, int(rate * 12)), 0
    connection = Meta(event_id=str(uuid.uuid4()), occurred_at=0, producer="benchmark", sequence=0)
    began = time.monotonic()
    while number < rate * seconds:
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        for _ in range(max(1, round(rate * STEP))):
            user = number % users
            identity = str(uuid7(time.time_ns() // 1000))
            run.written[identity] = began + number / rate
            text = f"{' '.join(source.choices(WORDS, k=source.randint(1, 9)))} {number}"
            said = message(channel, user, text)
            await producer.post("chat-commands", channel, said, event_id=identity, cause=connection)
            number += 1


def message(channel: str, user: int, text: str) -> SendMessage:
    """What a user says."""
    return SendMessage(
        channel_id=channel,
        user_id=f"bench-{user}",
        login=f"bench_{user}",
        display_name=f"Bench_{user}",
        colour="#1E90FF",
        roles=[],
        followed_at=None,
        subscribed_months=0,
        suspended=False,
        text=text,
        kind="text",
        announcement_colour="",
        reply_to="",
        reply_user_id="",
        reply_login="",
        reply_display_name="",
        reply_text="",
        thread_id="",
    )


async def read(run: Run, socket: aiohttp.ClientWebSocketResponse, measures: bool) -> None:
    """What the edge says, until cancelled."""
    async for frame in socket:
        if not measures:
            continue
        now, said = time.monotonic(), msgspec.json.decode(frame.data)
        clock = time.time() - now
        run.kinds[said["type"]] += 1
        for event in said.get("events", []):
            run.kinds[event["kind"]] += 1
            run.offsets.append(event["offset"])
            if began := run.written.get(event.get("message_id", "")):
                run.took.append(now - began)
                run.began[event["offset"]] = began + clock


async def measure(arguments: argparse.Namespace) -> tuple[Run, dict[str, float]]:
    """One run against the platform."""
    run, channel = Run(), id_of(arguments.channel)
    async with (
        aiohttp.ClientSession() as http,
        EventProducer(
            KafkaSettings().bootstrap, registry(), role="benchmark", partitions=sources.partitions
        ) as producer,
        asyncio.TaskGroup() as group,
    ):
        readers = []
        for number in range(arguments.clients):
            socket = await http.ws_connect(arguments.edge, max_msg_size=0)
            await socket.send_json({"type": "join", "channel": arguments.channel, "since": None})
            while (await socket.receive_json())["type"] != "joined":
                pass
            readers.append(group.create_task(read(run, socket, measures=number == 0)))
        before = spent()
        await write(run, producer, channel, arguments.rate, arguments.seconds)
        deadline = time.monotonic() + 30
        while len(run.took) < len(run.written) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        after = spent()
        for reader in readers:
            reader.cancel()
    await look_up(run, channel)
    return run, {name: after[name] - before[name] for name in before if name in after}


async def look_up(run: Run, channel: str) -> None:
    """When the log took what was heard; it says so to the millisecond."""
    where = TopicPartition(EVENTS, partition_of(channel.encode(), sources.partitions(EVENTS)))
    first, last = min(run.began), max(run.began)
    async with tail(KafkaSettings().bootstrap, {where: first}) as consumer:
        place = first
        while place <= last:
            for record in (await consumer.getmany(timeout_ms=1000)).get(where, []):
                if record.offset in run.began:
                    run.decided.append(record.timestamp / 1000 - run.began[record.offset])
                place = record.offset + 1


def spent() -> dict[str, float]:
    """Processor seconds of the platform's processes so far."""
    found: dict[str, float] = {}
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline()).replace("chat_", "chat-")
        except psutil.Error:
            continue
        for role in ROLES:
            if line.endswith(f"millrace {role}") or (role == "kafka" and "kafka.Kafka" in line):
                times = process.cpu_times()
                found[role] = found.get(role, 0.0) + times.user + times.system
    return found


def show(run: Run, cpu: dict[str, float], arguments: argparse.Namespace) -> None:
    """What was measured, and what it was to be."""
    took = sorted(1000 * each for each in run.took)
    count = len(run.written)
    print(f"\n{count} messages at {arguments.rate:g}/s, {arguments.clients} clients")
    print(f"heard: {dict(run.kinds)}")
    in_order = run.offsets == sorted(set(run.offsets))
    print(f"delivered {len(took)}, in order {'and once' if in_order else 'NOT'}")
    for role, seconds in sorted(cpu.items(), key=lambda each: -each[1]):
        each = count / seconds if seconds else 0
        print(f"  {role:<16}{seconds:7.2f} s of processor{each:10.0f} a second of it")
    print(f"on the log, decided: {quantiles(run.decided)}; with a client: {quantiles(run.took)}")
    figures = {"p50": statistics.median(took), "p99": took[int(len(took) * 0.99)]}
    for name, most in REACH.items():
        value = figures[name]
        print(f"reach {name} <= {most:g} ms: {value:.1f} {'met' if value <= most else 'MISSED'}")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def quantiles(seconds: list[float]) -> str:
    """Median and 99th percentile in milliseconds."""
    ordered = sorted(1000 * each for each in seconds)
    return f"p50 {statistics.median(ordered):.1f}, p99 {ordered[int(len(ordered) * 0.99)]:.1f} ms"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    port = ChatEdgeSettings().port
    parser.add_argument("--channel", required=True, help="name of a channel of the platform")
    parser.add_argument("--edge", default=f"ws://127.0.0.1:{port}/chat")
    parser.add_argument("--rate", type=float, default=2000, help="messages a second")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=20)
    arguments = parser.parse_args()
    result: Any = uvloop.run(measure(arguments))
    show(*result, arguments)


if __name__ == "__main__":
    main()

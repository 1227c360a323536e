"""What it costs to decide about a chat: commands moderated per CPU-second, and where that goes.

    python -m benchmarks.chat_rules
    python -m benchmarks.chat_rules --texts tweets.csv --column tweet

The agent runs as a worker runs it, only that the broker is a list in memory: records are decoded,
decided, what is remembered is written to rows, and events are encoded. Then each step runs alone
over the same messages. AutoMod is off; terms are blocked, and links are for moderators.
"""

import argparse
import asyncio
import csv
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from agents.chat.agent import Chats
from agents.chat.backtest.replay import tables_apart
from benchmarks.backtest import (
    BEGINNING,
    CHANNEL,
    PARTITIONS,
    SECOND,
    TERMS,
    WHERE,
    message,
    texts,
)
from infra.clock import ManualClock
from infra.record import Envelope, Meta
from infra.streaming import Message, make_app
from infra.streaming.run import spare_garbage_collector
from infra.streaming.testing import RawRecord, TestWorker
from schemas.chat_emotes import ids_by_name
from schemas.records.chat import AddBlockedTerm, ChangeChatSettings
from schemas.registry import registry
from topologies import chat

REACH: Final = 15_000
"""Commands a CPU-second."""
A_LIST: Final = 500
"""Records that a worker is handed at once."""
A_SECOND: Final = 500
"""Messages of the channel a second."""
USERS: Final = 20_000


def said(file: Path | None, column: str) -> Iterator[str]:
    """What is said: a column of a CSV, or what `benchmarks.backtest` makes up."""
    if file is None:
        return texts(random.Random(1))
    with file.open(newline="") as lines:
        found = [" ".join(row[column].split())[:500] for row in csv.DictReader(lines)]
    return cycle(filter(None, found))


def commands(spoken: Iterator[str], messages: int) -> Iterator[RawRecord]:
    """chat-commands as they lie on the log: the channel is set, then much is said in it."""
    by = {"by_id": "m", "by_login": "wanda", "by_role": "moderator"}
    chance = random.Random(2)
    asked: list[Any] = [AddBlockedTerm(channel_id=CHANNEL, text=text, **by) for text in TERMS]
    asked.append(ChangeChatSettings(channel_id=CHANNEL, links="moderators", **by))
    asked += (
        message(CHANNEL, str(uuid.UUID(int=chance.randrange(USERS))), text)
        for text in islice(spoken, messages)
    )
    for number, command in enumerate(asked):
        identity = str(uuid.UUID(int=(BEGINNING << 64) + number))
        meta = Meta(
            event_id=identity,
            occurred_at=BEGINNING + number * SECOND // A_SECOND,
            producer="chat-edge-0123456789ab",
            sequence=number,
            correlation_id=str(uuid.UUID(int=number % USERS)),
        )
        value = registry().encode(meta, command)
        yield RawRecord("chat-commands", WHERE, number, CHANNEL.encode(), value)


async def whole(records: list[RawRecord]) -> float:
    """CPU-seconds of a worker that decides all of it."""

    def app() -> Any:
        made = make_app(
            "chat",
            bootstrap="unused:9092",
            codec=registry(),
            partitions=lambda topic: PARTITIONS,
            dead_letter_topic=lambda topic: f"{topic}-dlq",
        )
        chat.register(made, emotes=ids_by_name())
        return made

    async with TestWorker(app) as worker:
        began = time.process_time()
        for start in range(0, len(records), A_LIST):
            await worker.take(records[start : start + A_LIST])
        return time.process_time() - began


def steps(records: list[RawRecord]) -> tuple[dict[str, float], Counter[str]]:
    """CPU-seconds of each step alone, and the kinds of events that came."""
    codec, spent = registry(), {}
    began = time.process_time()
    decoded = [codec.decode(record.value or b"") for record in records]
    spent["decode commands"] = time.process_time() - began
    messages = [_message(record, each) for record, each in zip(records, decoded, strict=True)]
    decided: list[Any] = []
    agent = Chats(tables_apart(), ids_by_name(), ManualClock(BEGINNING))

    def send(event: Any, *, key: str | None = None, topic: str | None = None) -> None:
        decided.append(event)

    began = time.process_time()
    for each in messages:
        agent.handle(each, send)
    spent["rules and memory"] = time.process_time() - began
    pairs = [(each.meta, event) for each, event in zip(messages, decided, strict=True)]
    began = time.process_time()
    for meta, event in pairs:
        codec.encode(meta, event)
    spent["encode events"] = time.process_time() - began
    return spent, Counter(type(each).__name__ for each in decided)


def _message(record: RawRecord, envelope: Envelope) -> Message:
    where = record.topic, record.partition, record.offset
    return Message(CHANNEL, envelope.meta, envelope.event, *where)


def main() -> None:
    """Measure some rounds; of each figure the best counts, since other programs only add to it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=Path, help="a CSV with what is said")
    parser.add_argument("--column", default="text", help="of the CSV")
    options = parser.parse_args()
    records = list(commands(said(options.texts, options.column), options.messages))
    spare_garbage_collector()
    best: dict[str, float] = {}
    kinds = Counter[str]()
    for _ in range(options.rounds):
        spent, kinds = steps(records)
        spent["all of it, in a worker"] = asyncio.run(whole(records))
        best = {name: min(each, best.get(name, each)) for name, each in spent.items()}
    *parts, total = best.values()
    best["rows, numbers, journal (the rest)"] = total - sum(parts)
    print(dict(kinds))
    for name, seconds in best.items():
        print(f"{name:36}{seconds / len(records) * 1e6:7.1f} µs")
    rate = len(records) / total
    outcome = "reached" if rate >= REACH else "MISSED"
    print(f"{rate:,.0f} commands a CPU-second (reach {REACH:,}: {outcome})")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()

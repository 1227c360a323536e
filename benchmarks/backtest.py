"""A back-test of a chat: messages re-decided a second and core, without AutoMod.

    uv run python -m benchmarks.backtest
    uv run python -m benchmarks.backtest --kafka 127.0.0.1:9092

A worker decides what is said in a channel that is never quiet. Then other rules run over it from
the records as they lie on the log: decoding counts, and passing over other channels of the
partition. "All rules asked" takes nothing from the log, as a back-test without changes does. With
--kafka it is the whole command, reading the log included; only that is held against the reach.
"""

import argparse
import asyncio
import cProfile
import pstats
import random
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.chat.backtest import Changes, Replay, Report, Window, WindowReplay
from infra.kafka import partition_of
from infra.record import Meta
from infra.streaming import make_app
from infra.streaming.run import spare_garbage_collector
from infra.streaming.testing import RawRecord, TestWorker
from millrace.backtests import Asked, back_test
from schemas.records.chat import AddBlockedTerm, BanUser, SendMessage
from schemas.registry import registry
from topologies import chat

REACH: Final = 50_000
"""Messages a CPU-second, the whole command from a broker."""
SECOND: Final = 1_000_000
BEGINNING: Final = 1_700_000_000 * SECOND
PARTITIONS: Final = 4
CHANNEL: Final = str(uuid.uuid5(uuid.NAMESPACE_DNS, "channel"))
WHERE: Final = partition_of(CHANNEL.encode(), PARTITIONS)
OTHER: Final = next(
    name
    for name in (str(uuid.uuid5(uuid.NAMESPACE_DNS, str(n))) for n in range(99))
    if partition_of(name.encode(), PARTITIONS) == WHERE
)
A_SECOND: Final = 100
"""Messages of the channel a second."""
USERS: Final = 5_000
TERMS: Final = ("spoiler*", "free viewers", "*giveaway*", "buy now", "idiot", "stfu")
CHANGES: Final = Changes.read(
    {"settings": {"slow_seconds": 10, "links": "moderators"}, "terms": {"add": ["noob*", "trash"]}}
)
VOCABULARY: Final = """
the a is it to you I this that so lol what no and of in he was good nice play game go chat man Pog
KEKW LUL stream why when how bro just like really wow trash noob team win lose map ban hype hello
everyone from germany brazil first time here love your streams clutch insane actually cant believe
it's don't happened again sub gifted thanks spoiler raid music song name please
"""
SIGNS: Final = (
    "",
    "",
    "",
    "!",
    "!!!",
    "?",
    " :)",
    " \N{FACE WITH TEARS OF JOY}",
    " www.example.com",
    " né",
)


def texts(chance: random.Random) -> Iterator[str]:
    """What is said: mostly short, at times in capitals, with signs, a link or an emoji."""
    words = VOCABULARY.split()
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    while True:
        count = min(30, 1 + int(chance.expovariate(1 / 6)))
        said = " ".join(chance.choices(words, weights, k=count)) + chance.choice(SIGNS)
        yield said.upper() if chance.random() < 0.05 else said


def commands(messages: int) -> Iterator[tuple[int, str, Any]]:
    """What is asked: time, channel, command. Another channel of the partition says as much."""
    chance = random.Random(1)
    said = texts(chance)
    by = {"by_id": "m", "by_login": "wanda", "by_role": "moderator"}
    for text in TERMS:
        yield BEGINNING, CHANNEL, AddBlockedTerm(channel_id=CHANNEL, text=text, **by)
    for number in range(messages):
        now = BEGINNING + number * SECOND // A_SECOND
        for channel in (CHANNEL, OTHER):
            yield now, channel, message(channel, f"{chance.randrange(USERS):036d}", next(said))
        if number % 2000 == 1999:
            user = f"{chance.randrange(USERS):036d}"
            ban = BanUser(
                channel_id=CHANNEL, user_id=user, login="x", roles=[], seconds=600, reason="", **by
            )
            yield now, CHANNEL, ban


def message(channel: str, user: str, text: str) -> SendMessage:
    """A message of a viewer."""
    return SendMessage(
        channel_id=channel,
        user_id=user,
        login=f"viewer_{user[-4:]}",
        display_name=f"Viewer_{user[-4:]}",
        colour="#1E90FF",
        roles=["subscriber"] if user[-1] in "01" else [],
        followed_at=BEGINNING - 30 * 86_400 * SECOND,
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


def asked(messages: int) -> list[RawRecord]:
    """chat-commands, as they lie on the log."""
    records = []
    for number, (now, channel, command) in enumerate(commands(messages)):
        identity = str(uuid.UUID(int=number + (now << 64)))
        meta = Meta(
            event_id=identity,
            occurred_at=now,
            producer="chat-edge-0123456789ab",
            sequence=number,
            correlation_id=identity,
        )
        value = registry().encode(meta, command)
        records.append(RawRecord("chat-commands", WHERE, number, channel.encode(), value))
    return records


async def decided(records: Sequence[RawRecord]) -> list[RawRecord]:
    """chat-events, as a worker writes them."""

    def app() -> Any:
        made = make_app(
            "chat",
            bootstrap="unused:9092",
            codec=registry(),
            partitions=lambda topic: PARTITIONS,
            dead_letter_topic=lambda topic: f"{topic}-dlq",
        )
        chat.register(made)
        return made

    async with TestWorker(app) as worker:
        for start in range(0, len(records), 1000):
            await worker.take([*records[start : start + 1000]])
        written = worker.log.records["chat-events", WHERE]
    return [
        RawRecord("chat-events", WHERE, number, key, value, tuple(headers))
        for number, (key, value, headers) in enumerate(written)
    ]


def replayed(
    log: tuple[Sequence[RawRecord], Sequence[RawRecord]], changes: Changes, *, trusting: bool
) -> tuple[Report, float]:
    """A back-test of all of it, and what it took of a core. `trusting`: as of `WindowReplay`."""
    began = time.process_time()
    rerun = WindowReplay(
        registry(),
        Replay(CHANNEL, changes, emotes={}, judge=None),
        Window(0, 0, len(log[0])),
        trusting=trusting,
    )
    rerun.commands(log[0])
    rerun.events(log[1])
    report = rerun.report(0, 1)
    return report, time.process_time() - began


def show(what: str, report: Report, seconds: float) -> None:
    """One line."""
    print(
        f"{what}: {report.messages} messages, {report.messages / seconds:,.0f}/s of a core "
        f"({seconds / report.messages * 1e6:.1f} µs each), {report.changed} verdicts change"
    )


def profiled(log: tuple[Sequence[RawRecord], Sequence[RawRecord]]) -> None:
    """Where the time goes."""
    profile = cProfile.Profile()
    profile.runcall(replayed, log, CHANGES, trusting=True)
    pstats.Stats(profile).sort_stats("tottime").print_stats(30)


async def from_kafka(
    kafka: str, log: tuple[Sequence[RawRecord], Sequence[RawRecord]], runs: int
) -> None:
    """The whole command, from a broker."""
    names = [f"bench-{uuid.uuid4().hex[:8]}-{name}" for name in ("commands", "events")]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    kept = {"retention.ms": "-1"}
    await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=kept) for name in names])
    try:
        for name, records in zip(names, log, strict=True):
            await _write(kafka, name, records)
        whole = Asked(CHANNEL, BEGINNING, BEGINNING + 10**12, CHANGES)
        for _ in range(runs):
            began = time.process_time()
            report = await back_test(kafka, whole, None, topics=(names[0], names[1]))
            took = time.process_time() - began
            show("other rules, from Kafka", report, took)
            outcome = "reached" if report.messages / took >= REACH else "MISSED"
            print(f"the reach is {REACH:,}/s: {outcome}")
    finally:
        await admin.delete_topics(names)
        await admin.close()


async def _write(kafka: str, topic: str, records: Sequence[RawRecord]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=20) as producer:
        for each in records:
            await producer.send(
                topic,
                each.value,
                each.key,
                partition=WHERE,
                timestamp_ms=BEGINNING // 1000,
                headers=list(each.headers),
            )


def main() -> None:
    """Make a log, then back-test it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=200_000, help="said in the channel")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--kafka", help="a broker, on which two topics are made and deleted")
    options = parser.parse_args()
    records = asked(options.messages)
    began = time.process_time()
    log = records, asyncio.run(decided(records))
    spare_garbage_collector()
    took = time.process_time() - began
    print(f"the worker decided {len(records) / took:,.0f} commands/s of a core")
    if options.profile:
        profiled(log)
        return
    if options.kafka:
        asyncio.run(from_kafka(options.kafka, log, options.runs))
        return
    for _ in range(options.runs):
        show("the same rules, all asked", *replayed(log, Changes(), trusting=False))
        show("other rules, all asked", *replayed(log, CHANGES, trusting=False))
        show("other rules", *replayed(log, CHANGES, trusting=True))


if __name__ == "__main__":
    main()

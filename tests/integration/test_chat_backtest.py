"""Back-tests of a chat that lies on a real broker."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.chat.backtest import Changes
from infra.errors import InvalidRecord
from millrace.backtests import Asked, back_test
from schemas.registry import registry
from tests.functional.agents.chats_on_the_log import CHANNEL, ChatLog, decide, some_commands
from tests.functional.workers import PARTITIONS, HoldsOnRequest
from tests.integration.broker import delete_topics

COUNT = 3000


@pytest.fixture(scope="module")
def log() -> ChatLog:
    return asyncio.run(decide(some_commands(seed=11, count=COUNT)))


@pytest.fixture
async def topics(kafka: str, log: ChatLog) -> AsyncIterator[tuple[str, str]]:
    """chat-commands and chat-events under names of their own, as the worker wrote them."""
    prefix = f"test-{uuid.uuid4().hex[:8]}-"
    commands, events = names = f"{prefix}chat-commands", f"{prefix}chat-events"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    kept = {"retention.ms": "-1"}
    await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=kept) for name in names])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for name, records in ((commands, log.commands), (events, log.events)):
            for record in records:
                assert record.value is not None
                await producer.send(
                    name,
                    record.value,
                    record.key,
                    partition=record.partition,
                    timestamp_ms=registry().decode(record.value).meta.occurred_at // 1000,
                    headers=list(record.headers),
                )
    yield commands, events
    await delete_topics(kafka, prefix)


def asked(log: ChatLog, start: int, end: int, changes: Changes | None = None) -> Asked:
    """The window from one command to another, by number."""
    return Asked(CHANNEL, log.times[start], log.times[end], changes or Changes())


async def test_a_window_of_the_log_comes_out_as_it_was_decided(
    kafka: str, topics: tuple[str, str], log: ChatLog
) -> None:
    seen: list[tuple[int, int]] = []
    report = await back_test(
        kafka,
        asked(log, 700, 2200),
        HoldsOnRequest(),
        topics=topics,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    expected = log.back_test(700, 2200)
    assert report.messages == expected.messages > 500
    assert (report.before, report.changed) == (expected.before, 0)
    assert seen[-1][1] == len(log.events)


async def test_other_rules_come_out_as_they_do_in_memory(
    kafka: str, topics: tuple[str, str], log: ChatLog
) -> None:
    slow = Changes.read({"settings": {"slow_seconds": 60, "emote_only": False}})
    report = await back_test(kafka, asked(log, 100, 2999, slow), HoldsOnRequest(), topics=topics)
    expected = log.back_test(100, 2999, slow)
    assert report.changed == expected.changed > 50
    assert report.after == expected.after
    assert report.agreement == expected.agreement


async def test_what_cannot_be_answered_is_said(
    kafka: str, topics: tuple[str, str], log: ChatLog
) -> None:
    judge = HoldsOnRequest()
    with pytest.raises(InvalidRecord, match="ends before it begins"):
        await back_test(kafka, Asked(CHANNEL, 2, 1), judge, topics=topics)
    large = Asked(CHANNEL, log.times[0], log.times[-1], most=100)
    with pytest.raises(InvalidRecord, match="2999 commands were written in the window"):
        await back_test(kafka, large, judge, topics=topics)

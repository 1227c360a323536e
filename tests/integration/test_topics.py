"""Provisioning of topics on a real broker."""

import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest

from infra.errors import ConfigurationError, Unavailable
from schemas import provision, sources
from schemas.kafka_topics import topic_admin
from tests.integration.broker import delete_topics


@pytest.fixture
async def topics(kafka: str) -> AsyncIterator[dict[str, sources.Topic]]:
    """Three real topic files under names of their own, deleted afterwards."""
    prefix = f"test-{uuid.uuid4().hex[:8]}-"
    renamed = [
        msgspec.structs.replace(sources.topics()[name], name=prefix + name)
        for name in ("broadcast-commands", "media-parts", "media-segments")
    ]
    yield {topic.name: topic for topic in renamed}
    await delete_topics(kafka, prefix)


def mine(
    changes: list[provision.Change], topics: dict[str, sources.Topic]
) -> list[tuple[str, str]]:
    prefix = next(iter(topics)).removesuffix("broadcast-commands")
    return [
        (change.kind, change.topic.removeprefix(prefix))
        for change in changes
        if change.topic.startswith(prefix)
    ]


async def test_apply_creates_what_diff_announced_and_then_nothing_is_left(
    kafka: str, topics: dict[str, sources.Topic]
) -> None:
    announced = await provision.diff(kafka, topics=topics)
    assert mine(announced, topics) == [
        ("create", "broadcast-commands"),
        ("create", "broadcast-commands-dlq"),
        ("create", "media-parts"),
        ("create", "media-parts-dlq"),
        ("create", "media-segments"),
        ("create", "media-segments-dlq"),
    ]
    done = await provision.apply(kafka, topics=topics)
    assert mine(done, topics) == mine(announced, topics)
    assert await provision.apply(kafka, topics=topics) == []
    found = {topic.name: topic for topic in await provision.listing(kafka)}
    for topic in provision.wanted(topics.values()).values():
        assert found[topic.name].partitions == topic.partitions
        assert found[topic.name].configs == topic.configs


async def test_a_topic_grows_and_keeps_what_the_operator_set(
    kafka: str, topics: dict[str, sources.Topic]
) -> None:
    await provision.apply(kafka, topics=topics)
    found = next(topic for topic in topics.values() if topic.name.endswith("media-parts"))
    parts = msgspec.structs.replace(found, dead_letters=False)
    async with topic_admin(kafka) as admin:
        before = (await admin.topics())[parts.name]
        await admin.configure({parts.name: before.own_configs | {"segment.ms": "3600000"}})
    larger = msgspec.structs.replace(
        parts, partitions=6, retention_ms=7_200_000, max_message_bytes=300_000
    )
    done = await provision.apply(kafka, topics={larger.name: larger})
    assert [change.kind for change in done] == ["grow", "configure"]
    async with topic_admin(kafka) as admin:
        after = (await admin.topics())[parts.name]
    assert after.partitions == 6
    assert after.configs["retention.ms"] == "7200000"
    assert after.configs["max.message.bytes"] == "300000"
    assert after.own_configs["segment.ms"] == "3600000"


@pytest.mark.parametrize("smaller", [{"partitions": 2}, {"retention_ms": 1000}])
async def test_apply_refuses_to_shrink_and_changes_nothing(
    kafka: str, topics: dict[str, sources.Topic], smaller: dict[str, int]
) -> None:
    first, *rest = topics.values()
    await provision.apply(kafka, topics={first.name: first})
    shrunk = msgspec.structs.replace(first, **smaller)
    with pytest.raises(ConfigurationError, match="nothing was changed"):
        await provision.apply(kafka, topics={each.name: each for each in (shrunk, *rest)})
    names = {topic.name for topic in await provision.listing(kafka)}
    assert first.name in names
    assert not names & {topic.name for topic in rest}


async def test_a_broker_that_is_away_is_said_so() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        await provision.diff("127.0.0.1:1")

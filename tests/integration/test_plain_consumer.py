"""A plain registry-aware consumer reads every topic: confluent-kafka, knowing nothing of us."""

import asyncio
import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiokafka import AIOKafkaProducer
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from api.registry import routes
from infra.record import Meta
from schemas import provision, records, sources
from schemas.registry import registry
from schemas.subjects import subjects
from tests.integration.broker import delete_topics

WITHIN = 30.0


def examples() -> list[tuple[str, Path]]:
    return [
        (topic.name, path)
        for topic in sources.topics().values()
        for event in topic.events
        for path in sources.examples(topic.name, event)
    ]


def encoded(path: Path) -> bytes:
    content = json.loads(path.read_text())
    record = next(r for r in records.BY_NAME.values() if r.__name__ == path.parent.name)
    return registry().encode(
        msgspec.convert(content.pop("meta"), Meta), msgspec.convert(content, record)
    )


def consume(bootstrap: str, url: str, topic: str, count: int) -> list[dict[str, Any]]:
    """What the first `count` messages of a topic's partition 0 say. Blocks."""
    client = SchemaRegistryClient({"url": url})
    deserialize = AvroDeserializer(client)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = []
    try:
        for message in consumer.consume(count, timeout=WITHIN):
            context = SerializationContext(topic, MessageField.VALUE)
            found.append(deserialize(message.value(), context))
    finally:
        consumer.close()
    return found


def plain(value: Any) -> Any:
    """What the deserializer made of logical types, as our examples write it."""
    match value:
        case datetime():
            return round(value.timestamp() * 1e6)
        case uuid.UUID():
            return str(value)
        case dict():
            return {key: plain(each) for key, each in value.items()}
        case list():
            return [plain(each) for each in value]
    return value


def named(found: Any, wanted: Any) -> Any:
    """Of what was found the fields that the example names; it may leave out those that are null."""
    if isinstance(wanted, dict):
        return {key: named(found[key], each) for key, each in wanted.items()}
    return found


@pytest.fixture
async def registry_url() -> Any:
    app = web.Application()
    for route in routes(subjects()):
        app.router.add_route(route.method, route.path, route.handler)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/")


async def test_confluent_kafka_reads_every_example_of_every_topic(
    kafka: str, registry_url: str
) -> None:
    prefix = f"test-{uuid.uuid4().hex[:8]}-"
    topics = {
        prefix + topic.name: msgspec.structs.replace(topic, name=prefix + topic.name)
        for topic in sources.topics().values()
    }
    await provision.apply(kafka, topics=topics)
    try:
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            for topic, path in examples():
                # A compacted topic takes no message without a key.
                await producer.send_and_wait(prefix + topic, encoded(path), b"key", partition=0)
        for topic in sources.topics():
            paths = [path for name, path in examples() if name == topic]
            found = await asyncio.to_thread(
                consume, kafka, registry_url, prefix + topic, len(paths)
            )
            wanted = [json.loads(path.read_text()) for path in paths]
            assert [
                named(plain(each), want) for each, want in zip(found, wanted, strict=True)
            ] == wanted
    finally:
        await delete_topics(kafka, prefix)

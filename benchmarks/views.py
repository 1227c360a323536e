"""How fast views are written and proved: `python -m benchmarks.views KAFKA REDIS_URL [MESSAGES]`.

Writes that many stream events to a topic of its own, then lets the writer fill `live-channels` in
Redis, folds the log as `prove` does, rebuilds, and measures how soon a single event is visible.
"""

import asyncio
import contextlib
import resource
import sys
import time
import uuid
from collections.abc import AsyncIterator

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.dead_letters import KafkaDeadLetters
from infra.kafka import LogReader
from infra.record import Meta, Record
from schemas.records.broadcast import StreamEnded, StreamStarted
from schemas.registry import registry
from sinks.prove import prove
from sinks.reader import ViewReader
from sinks.rebuild import rebuild
from sinks.store import Store, clear
from sinks.stores.redis import RedisStore
from sinks.view import View
from sinks.views import VIEWS
from sinks.writer import ViewWriter

CHANNELS = 2000
PARTITIONS = 4


class Events:
    """Streams that start and end, channel after channel."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer, self._topic = producer, topic
        self.count = 0

    async def post(self) -> None:
        """The next event, without waiting."""
        n, stream = self.count % CHANNELS, self.count // (2 * CHANNELS)
        names = {"channel_id": f"c{n}", "stream_id": f"c{n}-{stream}"}
        event: Record = StreamStarted(**names, session_id="s", started_at=1)
        if self.count // CHANNELS % 2:
            event = StreamEnded(**names, reason="gone", started_at=1, interruptions=0)
        partition = n % PARTITIONS
        meta = Meta(
            event_id=str(uuid.uuid4()),
            occurred_at=1,
            producer=f"bench/{partition}",
            sequence=self.count // PARTITIONS,
        )
        value = registry().encode(meta, event)
        await self._producer.send(self._topic, value, partition=partition)
        self.count += 1


async def main(kafka: str, redis: str, messages: int) -> None:
    """Measure and print."""
    topic = f"bench-views-{uuid.uuid4().hex[:8]}"
    view = msgspec.structs.replace(VIEWS["live-channels"], topics=(topic,))
    store = RedisStore(redis, prefix=topic)
    await store.setup([view])
    async with _topic(kafka, topic) as producer, LogReader(kafka) as log:
        events = Events(producer, topic)
        for _ in range(messages):
            await events.post()
        await producer.flush()
        began, processor = time.perf_counter(), _processor()
        async with _writer(kafka, store, view, topic):
            await _until(store, view, messages)
            seconds, processor = time.perf_counter() - began, _processor() - processor
            rate = messages / seconds
            print(
                f"written   {rate:9,.0f} messages/s  {processor / messages * 1e6:.1f} µs CPU each"
            )
            await _delays(events, producer, store)
        proof = await prove(log, store, registry(), view)
        tally = proof.tally
        print(f"proved    {tally.messages / tally.seconds:9,.0f} messages/s  equal: {proof.equal}")
        began = time.perf_counter()
        rebuilt = await rebuild(log, store, registry(), view, linger=0)
        rate = rebuilt.tally.messages / (time.perf_counter() - began)
        print(f"rebuilt   {rate:9,.0f} messages/s  held: {rebuilt.held_seconds * 1e3:.0f} ms")
        await clear(store, view)
    await store.close()


async def _delays(events: Events, producer: AIOKafkaProducer, store: Store) -> None:
    reader = ViewReader({"redis": store})
    while events.count // CHANNELS % 2:
        await events.post()
    await producer.flush()
    delays = []
    for _ in range(200):
        key = f"c{events.count % CHANNELS}"
        while await reader.get("live-channels", key) is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        began = time.perf_counter()
        await events.post()
        while await reader.get("live-channels", key) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.0005)
        delays.append((time.perf_counter() - began) * 1e3)
    delays.sort()
    print(f"visible   p50 {delays[100]:.1f} ms  p99 {delays[197]:.1f} ms after it was sent")


@contextlib.asynccontextmanager
async def _topic(kafka: str, topic: str) -> AsyncIterator[AIOKafkaProducer]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    try:
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            yield producer
    finally:
        await admin.delete_topics([topic])
        await admin.close()


@contextlib.asynccontextmanager
async def _writer(kafka: str, store: Store, view: View, group: str) -> AsyncIterator[None]:
    async with KafkaDeadLetters(kafka) as letters:
        writer = ViewWriter(kafka, store, [view], registry(), dead_letters=letters, group=group)
        task = asyncio.create_task(writer.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _until(store: Store, view: View, messages: int) -> None:
    while True:
        active = (await store.generations(view)).active
        positions = await store.positions(view, active)
        if sum(position.offset for position in positions.values()) >= messages:
            return
        await asyncio.sleep(0.02)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 100_000))

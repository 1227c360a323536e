"""A bare aiokafka + fastavro loop: batches in, a dict, batches out; no journal, no ids."""

import asyncio
import time
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks._peers.work import Job, decode, encode, rule

COMMIT_EVERY = 0.5


async def run(job: Job) -> None:
    """Work until killed: outputs are acknowledged before the offset is committed."""
    consumer = AIOKafkaConsumer(
        job.source,
        bootstrap_servers=job.bootstrap,
        group_id=job.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=262_144,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=job.bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=900_000,
    )
    await consumer.start()
    await producer.start()
    state: dict[str, tuple[int, int]] = {}
    committed = time.monotonic()
    while True:
        futures = []
        for tp, records in (await consumer.getmany(timeout_ms=200, max_records=4000)).items():
            futures += await handle(producer, job.sink, tp, records, state)
        if futures:
            await asyncio.gather(*futures)
        if time.monotonic() - committed > COMMIT_EVERY:
            await consumer.commit()
            committed = time.monotonic()


async def handle(
    producer: AIOKafkaProducer,
    sink: str,
    tp: TopicPartition,
    records: list[Any],
    state: dict[str, tuple[int, int]],
) -> list["asyncio.Future[Any]"]:
    """Handle the records of a partition; the futures are the acknowledgements of the outputs."""
    futures = []
    batch = producer.create_batch()
    for record in records:
        event = decode(record.value)
        channel = event["channel_id"]
        count, largest = state[channel] = rule(state.get(channel, (0, 0)), event["received_bytes"])
        value = encode(event, largest, count)
        if batch.append(key=record.key, value=value, timestamp=None) is None:
            batch.close()
            futures.append(await producer.send_batch(batch, sink, partition=tp.partition))
            batch = producer.create_batch()
            batch.append(key=record.key, value=value, timestamp=None)
    batch.close()
    futures.append(await producer.send_batch(batch, sink, partition=tp.partition))
    return futures


if __name__ == "__main__":
    uvloop.run(run(Job.from_environment()))

"""The clock on a real broker: one of two processes writes, and the other takes over."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.kafka import EventProducer, LogReader
from schemas.records.clock import Tick
from schemas.registry import registry
from tests.waiting import until
from topologies.clock import ClockService

PARTITIONS = 3


@asynccontextmanager
async def clock(kafka: str, commands: str, election: str) -> AsyncIterator[ClockService]:
    """A clock process."""
    producer = EventProducer(kafka, registry(), role="clock", partitions=lambda topic: PARTITIONS)
    async with producer:
        service = ClockService(
            kafka, producer, partitions={commands: PARTITIONS}, election_topic=election
        )
        running = asyncio.create_task(service.run())
        try:
            yield service
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


def ticked(*clocks: ClockService) -> float:
    """When one of them last wrote."""
    return max(clock.ticked_at or 0.0 for clock in clocks)


async def ticks(kafka: str, topic: str) -> dict[int, list[tuple[str, int]]]:
    """(producer, time) of every tick, by partition."""
    found: dict[int, list[tuple[str, int]]] = {}
    async with LogReader(kafka) as log:
        partitions = await log.partitions(topic)
        begins, ends = await log.begins(partitions), await log.ends(partitions)
        async for batch in log.read(begins, ends):
            for record in batch:
                message = registry().decode(record.value)
                assert isinstance(message.event, Tick)
                said = (message.meta.producer, message.meta.occurred_at)
                found.setdefault(record.partition, []).append(said)
    return found


async def test_one_clock_writes_into_every_partition_and_another_takes_over(
    kafka: str, unique: str
):
    commands, election = f"test-{unique}-commands", f"test-{unique}-election"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(commands, PARTITIONS, 1), NewTopic(election, 1, 1)])
    await admin.close()

    async with clock(kafka, commands, election) as first:
        await until(lambda: first.ticked_at is not None)
        async with clock(kafka, commands, election) as second:
            joined = time.monotonic()
            await until(lambda: ticked(first, second) > joined + 3)
            assert first.leads != second.leads
    async with clock(kafka, commands, election) as third:
        await until(lambda: third.ticked_at is not None)

    written = await ticks(kafka, commands)
    assert set(written) == set(range(PARTITIONS))
    for said in written.values():
        assert len({producer for producer, _ in said}) >= 2, "nobody took over"
        times = [time for _, time in said]
        assert times == sorted(times)

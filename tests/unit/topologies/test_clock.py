"""The clock writes into every partition of every commands topic and survives an absent broker."""

import asyncio

from infra.clock import ManualClock
from infra.errors import Unavailable
from infra.kafka import Delivery
from infra.record import Record
from schemas import sources
from schemas.records.clock import Tick
from topologies.clock import ClockService


class Producer:
    """Remembers what was posted; raises while `away`."""

    def __init__(self) -> None:
        self.name = "clock-test"
        self.posted: list[tuple[str, int]] = []
        self.away = False

    async def post(
        self, topic: str, key: str, event: Record, *, partition: int
    ) -> "asyncio.Future[Delivery]":
        assert isinstance(event, Tick)
        if self.away:
            raise Unavailable("Kafka is away")
        self.posted.append((topic, partition))
        future: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        future.set_result(Delivery("id", topic, partition, 0))
        return future


async def test_a_tick_reaches_every_partition_of_every_commands_topic():
    producer = Producer()
    await ClockService("unused", producer, clock=ManualClock()).tick()
    expected = {
        (topic.name, partition)
        for topic in sources.topics().values()
        if topic.name.endswith("-commands")
        for partition in range(topic.partitions)
    }
    assert len(producer.posted) == len(expected)
    assert set(producer.posted) == expected


async def test_a_broker_that_is_away_stops_no_clock():
    producer, clock = Producer(), ManualClock()
    service = ClockService("unused", producer, clock=clock)
    producer.away = True
    await service.tick()
    assert service.ticked_at is None
    producer.away = False
    await service.tick()
    assert service.ticked_at == clock.monotonic()

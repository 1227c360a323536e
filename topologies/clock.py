"""The clock: one `Tick` a second into every partition of every commands topic.

Every process that runs it joins one consumer group; the one that holds partition 0 of the
election topic writes, the others wait. A tick that is late or missing harms nothing: rules compare
times themselves, and the next tick makes visible what has expired.
"""

import asyncio
from collections.abc import Mapping

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.clock import Clock, SystemClock
from infra.errors import Unavailable
from infra.kafka import EventProducer
from schemas import sources
from schemas.records.clock import Tick

ELECTION_TOPIC = "platform-events"
PERIOD = 1.0

log = structlog.get_logger()


def commands_topics() -> dict[str, int]:
    """Partition count by name of every commands topic."""
    return {
        topic.name: topic.partitions
        for topic in sources.topics().values()
        if topic.name.endswith("-commands")
    }


class ClockService:
    """Writes ticks for as long as it is the elected writer."""

    def __init__(
        self,
        bootstrap: str,
        producer: EventProducer,
        *,
        clock: Clock | None = None,
        partitions: Mapping[str, int] | None = None,
        election_topic: str = ELECTION_TOPIC,
    ) -> None:
        """`partitions`: topics that get ticks, and how many each has. Default: commands topics."""
        self._partitions = commands_topics() if partitions is None else partitions
        self._election_topic = election_topic
        self._bootstrap = bootstrap
        self._producer = producer
        self._clock = clock or SystemClock()
        self._leads = False
        self.ticked_at: float | None = None
        """Monotonic time of the last round of ticks, for health."""

    @property
    def leads(self) -> bool:
        """Whether this process is the elected writer."""
        return self._leads

    async def run(self) -> None:
        """Take part in the election and write ticks, until cancelled."""
        consumer = AIOKafkaConsumer(
            self._election_topic,
            bootstrap_servers=self._bootstrap,
            group_id=f"clock-{self._election_topic}",
            enable_auto_commit=False,
            auto_offset_reset="latest",
            session_timeout_ms=6_000,
            heartbeat_interval_ms=1_000,
        )
        await consumer.start()
        try:
            while True:
                await asyncio.sleep(PERIOD - self._clock.now() / 1e6 % PERIOD)
                leads = TopicPartition(self._election_topic, 0) in consumer.assignment()
                if leads != self._leads:
                    log.info("clock election", leads=leads, producer=self._producer.name)
                    self._leads = leads
                if leads:
                    await self.tick()
        finally:
            await consumer.stop()

    async def tick(self) -> None:
        """Write one tick into every partition of every commands topic."""
        try:
            posted = [
                await self._producer.post(topic, "", Tick(), partition=partition)
                for topic, count in self._partitions.items()
                for partition in range(count)
            ]
            await asyncio.gather(*posted)
            self.ticked_at = self._clock.monotonic()
        except Unavailable as error:
            log.warning("ticks not written", error=str(error))

"""Where a reader outside the run loop puts what it cannot take: `<topic>-dlq`, and why."""

from types import TracebackType
from typing import Any, Protocol, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from infra.clock import Clock, SystemClock
from infra.errors import Unavailable
from infra.kafka import connect


class DeadLetters(Protocol):
    """Where messages go that cannot be taken."""

    async def put(self, record: Any, error: Exception, reader: str) -> None:
        """Keep a raw message and why `reader` cannot take it.

        Raises Unavailable; trying again may repeat it.
        """
        ...


class KafkaDeadLetters:
    """Writes to `<topic>-dlq`: same key and value, and headers as the run loop's, with `reader`."""

    def __init__(self, bootstrap: str, clock: Clock | None = None) -> None:
        self._bootstrap = bootstrap
        self._clock = clock or SystemClock()
        self._kafka: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        self._kafka = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True
        )
        await connect(self._kafka, self._bootstrap)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._kafka is not None:
            await self._kafka.stop()

    async def put(self, record: Any, error: Exception, reader: str) -> None:
        """Write a dead letter and wait until it is acknowledged."""
        assert self._kafka is not None, "use `async with`"
        headers = [
            ("error", f"{type(error).__name__}: {error}"[:500].encode()),
            ("origin-topic", record.topic.encode()),
            ("origin-partition", str(record.partition).encode()),
            ("origin-offset", str(record.offset).encode()),
            ("time", str(self._clock.now()).encode()),
            ("reader", reader.encode()),
        ]
        try:
            await self._kafka.send_and_wait(
                f"{record.topic}-dlq", record.value, record.key, headers=headers
            )
        except KafkaError as failure:
            raise Unavailable(f"Kafka did not take a dead letter: {failure}") from failure

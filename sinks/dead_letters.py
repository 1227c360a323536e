"""Messages that a view cannot take go to `<topic>-dlq`, with reason and origin."""

from types import TracebackType
from typing import Protocol, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from infra.clock import Clock, SystemClock
from infra.errors import Unavailable
from infra.kafka import connect
from sinks.projection import Failure


class DeadLetters(Protocol):
    """Where messages go that cannot be taken."""

    async def put(self, failure: Failure) -> None:
        """Keep a message and the reason. Raises Unavailable; trying again may repeat it."""
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

    async def put(self, failure: Failure) -> None:
        """Write a dead letter and wait until it is acknowledged."""
        assert self._kafka is not None, "use `async with`"
        record = failure.message.record
        headers = [
            ("error", f"{type(failure.error).__name__}: {failure.error}"[:500].encode()),
            ("origin-topic", record.topic.encode()),
            ("origin-partition", str(record.partition).encode()),
            ("origin-offset", str(record.offset).encode()),
            ("time", str(self._clock.now()).encode()),
            ("reader", f"views/{failure.view}".encode()),
        ]
        try:
            await self._kafka.send_and_wait(
                f"{record.topic}-dlq", record.value, record.key, headers=headers
            )
        except KafkaError as error:
            raise Unavailable(f"Kafka did not take a dead letter: {error}") from error

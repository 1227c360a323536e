"""Writing whole record batches: outputs in order, and the journal as its owner."""

from collections.abc import Awaitable, Iterable
from typing import Any

from faust.transport.drivers import aiokafka as driver

from infra.errors import ConfigurationError
from infra.streaming import journal
from infra.streaming.flush import BATCH_BYTES, Written
from infra.streaming.journal_writer import JournalWriter
from infra.streaming.wire import Output

RECORD_BYTES = 100
"""What a record costs in a batch beside key and value, about, with our headers."""


class Producer(driver.Producer):
    """Writes whole record batches: acknowledged by all in-sync replicas, without repeats."""

    _journal: JournalWriter | None = None

    def _settings_extra(self) -> dict[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def claim(self, partition: int, term: int, records: list[Output]) -> None:
        """Append the first batch of a term to the app's journal. Raises FencedError."""
        if self._journal is None:
            topic = journal.topic_of(self.transport.app.conf.id)
            self._journal = JournalWriter(self._ensure_producer(), topic)
        await self._journal.claim(partition, term, records)

    async def append(self, lists: dict[int, list[Output]]) -> dict[int, Written]:
        """Append one batch to each of these partitions of the journal. Raises FencedError."""
        assert self._journal is not None, "claim first"
        return await self._journal.append(lists)

    async def ship(
        self, topic: str, partition: int, records: Iterable[Output], *, limit: int = BATCH_BYTES
    ) -> list[Awaitable[Written]]:
        """Queue the records, in as few batches as they fit; one acknowledgement a batch."""
        producer = self._ensure_producer()
        shipped: list[Awaitable[Written]] = []
        batch, count, size = producer.create_batch(), 0, 0
        for key, value, headers in records:
            length = RECORD_BYTES + len(key or b"") + len(value or b"")
            if count and size + length > limit:
                shipped.append(await _sent(producer, batch, topic, partition, count))
                batch, count, size = producer.create_batch(), 0, 0
            if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                raise ConfigurationError(f"{topic}: a record of {length} bytes exceeds a batch")
            count += 1
            size += length
        shipped.append(await _sent(producer, batch, topic, partition, count))
        return shipped


async def _sent(producer: Any, batch: Any, topic: str, partition: int, count: int) -> Any:
    batch.close()
    acknowledged = await producer.send_batch(batch, topic, partition=partition)

    async def written() -> Written:
        return Written((await acknowledged).offset, count)

    return written()

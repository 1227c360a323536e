"""A partition read batch by batch, as it was written: records as aiokafka's parser leaves them.

Its consumer makes another record of each, in Python (5 µs of the processor). Who reads millions and
looks at a few fields of most takes them from here. A batch is parsed when it is asked for: what was
parsed long before comes from memory again, which takes longer than parsing.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import CorruptRecordException, KafkaError, LeaderNotAvailableError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords

from infra.errors import Unavailable

FETCHED_BYTES: Final = 1 << 22
"""Of batches that are fetched at once; one that is larger is fetched alone."""
PATIENCE_SECONDS: Final = 30
"""How long a broker is asked again that gives none."""
_WAIT_MS: Final = 50
_PAUSE_SECONDS: Final = 0.2
_UNCOMMITTED: Final = 0


async def batches(
    client: AIOKafkaClient, partition: TopicPartition, start: int, end: int
) -> AsyncIterator[list[Any]]:
    """Records from `start` up to before `end`, each with offset, timestamp, key, value, headers.

    No list is empty. Raises Unavailable if the partition cannot be read, or not from there.
    """
    while start < end:
        fetched = MemoryRecords(await _fetched(client, partition, start))
        while start < end and (batch := fetched.next_batch()) is not None:
            if not batch.validate_crc():
                raise Unavailable(f"Kafka: {CorruptRecordException(str(partition))!r}")
            if not batch.is_control_batch:
                records = [*batch]
                if records and not start <= records[0].offset <= records[-1].offset < end:
                    records = [record for record in records if start <= record.offset < end]
                if records:
                    yield records
            start = max(start, batch.next_offset)


async def _fetched(client: AIOKafkaClient, partition: TopicPartition, start: int) -> bytes:
    """Batches, of which the first may begin before `start`. Asks again what a broker may mend."""
    topic, number = partition
    asked = [(topic, [(number, start, FETCHED_BYTES)])]
    request = FetchRequest(_WAIT_MS, 1, FETCHED_BYTES, _UNCOMMITTED, asked)
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_SECONDS
    while True:
        try:
            leader = client.cluster.leader_for_partition(partition)
            if leader is None or leader < 0:
                raise LeaderNotAvailableError(f"{topic}/{number}")
            response = await client.send(leader, request)
            ((_, ((_, code, *_rest, found),)),) = response.topics
            if not code:
                return bytes(found)
            raise for_code(code)(f"{topic}/{number} from {start}")
        except KafkaError as error:
            if not error.retriable or loop.time() > until:
                raise Unavailable(f"Kafka: {error!r}") from error
            await asyncio.sleep(_PAUSE_SECONDS)
            await client.force_metadata_update()

"""Appending to the journal as its one writer, which the broker holds everybody to.

Kafka numbers an idempotent producer's batches by producer id, epoch and sequence, and a partition
takes no batch whose epoch is below the highest that it has seen of that producer id, whoever sends
it (KIP-98, "Zombie fencing"; kept with the log, so also after a change of leader and compaction).
So all owners of a journal partition write under one producer id, each under an epoch of its own:
its term. The first batch of an owner shuts out all earlier ones, and also one that was paused,
believes itself the owner and wakes: its batch never gets onto the log.
"""

import asyncio
from collections import defaultdict
from typing import Any, Final

import msgspec
import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka import errors as kafka_errors
from aiokafka.protocol.produce import ProduceRequest

from infra.errors import ConfigurationError, MillraceError, Unavailable
from infra.streaming.flush import Written
from infra.streaming.wire import Output

log = structlog.get_logger()

PRODUCER_ID: Final = 1 << 62
"""Kafka gives out producer ids from 0 upwards and never comes here; each partition counts alone."""
EPOCHS: Final = 32_767
"""Epochs 0 to 32 766 of a producer id are terms; 32 767, the highest, closes it for good."""
SEQUENCES: Final = 1 << 31
"""Sequences count to 2³¹ - 1, then from 0 again."""
PATIENCE: Final = 30.0
"""Seconds for which a batch is tried: without a leader, or with too few replicas in sync."""
RETRY_SECONDS: Final = 0.1
_ALL: Final = -1
_NOT_THE_OWNER = (
    kafka_errors.InvalidProducerEpoch,
    kafka_errors.OutOfOrderSequenceNumber,
    kafka_errors.DuplicateSequenceNumber,
)


class FencedError(MillraceError):
    """Another worker has become the owner of a journal partition."""


class Seat(msgspec.Struct):
    """Under which numbers an owner writes its next batch."""

    producer_id: int
    epoch: int
    sequence: int = 0

    @classmethod
    def of(cls, term: int) -> "Seat":
        """The seat of a term."""
        return cls(PRODUCER_ID + term // EPOCHS, term % EPOCHS)

    def closing(self) -> "Seat":
        """The seat that shuts out all owners under the producer id before this one."""
        return Seat(self.producer_id - 1, EPOCHS)


class JournalWriter:
    """Appends to the partitions of one journal, each after it was claimed.

    A batch that may or may not have arrived is sent again as it was: the broker knows the repeat
    by its numbers and answers with the offset of the first.
    """

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._client: Any = producer.client
        self._topic = topic
        self.seats: dict[int, Seat] = {}
        """Of each partition that was claimed here."""

    async def claim(self, partition: int, term: int, records: list[Output]) -> None:
        """Append the first batch of a term. Whose it was, of two at once, only the log tells.

        Raises FencedError if the partition has an owner of this or a later term, Unavailable.
        """
        seat = Seat.of(term)
        if term and seat.epoch == 0:
            await self._deliver({partition: self._batch(seat.closing(), records)})
        await self._deliver({partition: self._batch(seat, records)})
        seat.sequence = len(records)
        self.seats[partition] = seat

    async def append(self, lists: dict[int, list[Output]]) -> dict[int, Written]:
        """Append a batch to each of these partitions. Raises FencedError, Unavailable."""
        batches = {
            partition: self._batch(self.seats[partition], records)
            for partition, records in lists.items()
        }
        offsets = await self._deliver(batches)
        for partition, records in lists.items():
            seat = self.seats[partition]
            seat.sequence = (seat.sequence + len(records)) % SEQUENCES
        return {
            partition: Written(offset, len(lists[partition]))
            for partition, offset in offsets.items()
        }

    def _batch(self, seat: Seat, records: list[Output]) -> Any:
        batch = self._producer.create_batch()
        for key, value, headers in records:
            if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                raise ConfigurationError(f"{self._topic}: what belongs together exceeds a batch")
        batch._set_producer_state(seat.producer_id, seat.epoch, seat.sequence)
        return batch._build()

    async def _deliver(self, batches: dict[int, Any]) -> dict[int, int]:
        """Offsets by partition, when the broker has taken every batch."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._insist(batches)
        except TimeoutError:
            raise Unavailable(f"{self._topic} could not be written for {PATIENCE:.0f} s") from None

    async def _insist(self, batches: dict[int, Any]) -> dict[int, int]:
        await self._client._wait_on_metadata(self._topic)
        offsets: dict[int, int] = {}
        while True:
            for partition, outcome in (await self._attempt(batches)).items():
                if isinstance(outcome, int):
                    offsets[partition] = outcome
                elif isinstance(outcome, _NOT_THE_OWNER):
                    raise FencedError(f"journal {partition}: {outcome}")
                elif not outcome.retriable:
                    raise outcome
                else:
                    log.warning("journal not written yet", partition=partition, error=repr(outcome))
            batches = {each: batches[each] for each in batches.keys() - offsets.keys()}
            if not batches:
                return offsets
            self._client.force_metadata_update()
            await asyncio.sleep(RETRY_SECONDS)
            await self._client._maybe_wait_metadata()

    async def _attempt(self, batches: dict[int, Any]) -> dict[int, Any]:
        """Send each batch to the leader of its partition: offset or error, by partition."""
        by_leader: dict[int, list[int]] = defaultdict(list)
        for partition in batches:
            leader = self._client.cluster.leader_for_partition(
                TopicPartition(self._topic, partition)
            )
            by_leader[-1 if leader is None else leader].append(partition)
        outcomes: dict[int, Any] = {
            partition: kafka_errors.LeaderNotAvailableError() for partition in by_leader.pop(-1, [])
        }
        answers = await asyncio.gather(
            *(
                self._request(leader, {each: batches[each] for each in partitions})
                for leader, partitions in by_leader.items()
            )
        )
        for answer in answers:
            outcomes |= answer
        return outcomes

    async def _request(self, leader: int, batches: dict[int, Any]) -> dict[int, Any]:
        topics = [(self._topic, [*batches.items()])]
        request = ProduceRequest(None, _ALL, int(PATIENCE * 1000), topics)
        try:
            response = await self._client.send(leader, request)
        except kafka_errors.KafkaError:
            error = kafka_errors.RequestTimedOutError()
            return dict.fromkeys(batches, error)
        return {
            partition: kafka_errors.for_code(code)() if code else offset
            for _, partitions in response.topics
            for partition, code, offset, *_ in partitions
        }

"""Which broker leads which partition, and how that changes."""

import asyncio
import time
from collections.abc import Callable, Sequence

from confluent_kafka import ElectionType, KafkaException
from confluent_kafka.admin import AdminClient, PartitionMetadata

from infra.errors import Unavailable

DEADLINE = 60.0

Partitions = dict[tuple[str, int], PartitionMetadata]
"""What a broker says of each topic partition: leader (-1: none), replicas, those in sync."""


class Leaders:
    """The leaders of some topics' partitions."""

    def __init__(self, bootstrap: str, topics: Sequence[str]) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._topics = topics

    async def now(self) -> Partitions:
        """What leads, once every partition has a leader."""
        return await self._wait_for(lambda each: each.leader >= 0)

    async def moved_from(self, broker: int, before: Partitions) -> int:
        """Wait until a broker leads nothing; how many partitions have another leader."""
        after = await self._wait_for(lambda each: each.leader not in (-1, broker))
        return _differing(before, after)

    async def elect_preferred(self) -> int:
        """Once all replicas are in sync, let the first of each lead; how many others lead now."""
        before = await self._wait_for(lambda each: set(each.isrs) == set(each.replicas))
        await asyncio.to_thread(self._admin.elect_leaders(ElectionType.PREFERRED).result, DEADLINE)
        after = await self._wait_for(lambda each: each.leader == each.replicas[0])
        return _differing(before, after)

    async def _wait_for(self, condition: Callable[[PartitionMetadata], bool]) -> Partitions:
        """The partitions, once the condition holds for each. Raises Unavailable."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            try:
                found = (await asyncio.to_thread(self._admin.list_topics, timeout=2)).topics
            except KafkaException:
                continue
            partitions = {
                (topic, number): partition
                for topic in self._topics
                for number, partition in found[topic].partitions.items()
            }
            if all(condition(each) for each in partitions.values()):
                return partitions
            await asyncio.sleep(0.1)
        raise Unavailable(f"the partitions of {self._topics} did not get there in {DEADLINE:g} s")


def _differing(before: Partitions, after: Partitions) -> int:
    return sum(after[where].leader != partition.leader for where, partition in before.items())

"""How a writer takes part in a consumer group: the group shares out partitions, and no more."""

from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition


def member(bootstrap: str, group: str, instance: str | None) -> AIOKafkaConsumer:
    """A consumer that commits nothing. Subscribe it with `Rebalances`, then start it."""
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        group_instance_id=instance,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=1 << 20,
        session_timeout_ms=6000,
        heartbeat_interval_ms=1500,
    )


class Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]
    """Tells which partitions this process has; None while they are shared out."""

    def __init__(self, assign: Callable[[frozenset[TopicPartition] | None], None]) -> None:
        self._assign = assign

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """All partitions are given up before they are shared out anew."""
        self._assign(None)

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """The share of this process, which may be empty."""
        self._assign(frozenset(assigned))

"""How long a broker may hold a fetch that finds nothing: long only if nothing waits for its end.

aiokafka has one fetch under way to a broker. A partition whose records are still being taken is not
in it, and must wait until it ends: then the wait has to be short. Asked like that by a dozen
processes, a broker with nothing to do was busy for a quarter of a core.
"""

from typing import Any, Final

from aiokafka import AIOKafkaConsumer

LEFT_OUT_MS: Final = 20
"""Milliseconds that the broker may hold a fetch which leaves a partition out."""
WHOLE_MS: Final = 250
"""The same for a fetch of all partitions: a record ends it at once, a seek or a rebalance waits."""


def hold_whole_fetches(consumer: AIOKafkaConsumer) -> None:
    """Let the broker hold fetches for as long as nobody waits for them. For a started consumer."""
    fetcher: Any = consumer._fetcher
    plan = fetcher._get_actions_per_node

    def planned(assignment: Any) -> Any:
        left_out = any(
            tp in fetcher._records or assignment.state_value(tp).paused for tp in assignment.tps
        )
        fetcher._fetch_max_wait_ms = LEFT_OUT_MS if left_out else WHOLE_MS
        return plan(assignment)

    fetcher._get_actions_per_node = planned

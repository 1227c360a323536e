"""What calls webhooks as a process of its own, for tests that kill it.

Arguments: Kafka, topic of deliveries, topic of reports, group of consumers.
"""

import asyncio
import signal
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from api.eventsub.calling import Caller
from api.eventsub.naming import Names
from api.eventsub.webhooks import Webhooks
from infra.clock import SystemClock
from infra.kafka import EventProducer
from infra.sealing import MasterKeys
from schemas.registry import registry

MASTER = MasterKeys(SecretStr("A" * 43))
PARTITIONS = 2


class Everyone:
    """Views in which everybody is called the same."""

    async def get(self, view: str, key: str) -> Mapping[str, Any]:
        return {"login": "somebody", "display_name": "Somebody"}


async def main() -> None:
    kafka, topic, reports, group = sys.argv[1:]
    clock, everyone = SystemClock(), Everyone()
    views: Any = everyone
    producing = EventProducer(
        kafka, registry(), role="webhooks", partitions=lambda topic: PARTITIONS, clock=clock
    )
    async with producing as producer, Caller.open(clock, private=True, seconds=2) as caller:
        webhooks = Webhooks(
            *(kafka, registry(), caller, Names(views), producer, MASTER, clock),
            group=group,
            topic=topic,
            reports=reports,
            session_seconds=2,
        )
        running = asyncio.ensure_future(webhooks.run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        await asyncio.wait([running])


if __name__ == "__main__":
    asyncio.run(main())

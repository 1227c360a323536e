"""What a follow costs as its channel grows, one after another up to 100 000 on one channel.

    python -m benchmarks.follows [follows]

The identity worker's agents run in this process with their codec, tables and journal; only the
broker is a list in memory. A cost that grew with the channel would make a storm slow itself down.
"""

import asyncio
import sys
import time

from infra.kafka import partition_of
from infra.observability import logs
from infra.record import Meta
from infra.streaming.testing import RawRecord, TestWorker
from schemas.records.social import FollowChannel
from schemas.registry import registry
from tests.functional.workers import PARTITIONS, identity_app

TOPIC, CHANNEL = "social-commands", "storm"
BLOCKS, LIST = 10, 500


async def main(follows: int) -> None:
    """Print the cost of each tenth."""
    logs.configure("benchmark", level=40)
    async with TestWorker(identity_app) as worker:
        for block in range(BLOCKS):
            size = follows // BLOCKS
            records = [_record(number) for number in range(block * size, (block + 1) * size)]
            began = time.process_time()
            for start in range(0, size, LIST):
                await worker.deliver(records[start : start + LIST])
            each = (time.process_time() - began) * 1e6 / size
            count = worker.rows("followers-by-channel")[CHANNEL]
            print(f"{count:7} followers  {each:6.1f} µs of processor a follow")


def _record(number: int) -> RawRecord:
    meta = Meta(
        event_id=f"{number:036d}", occurred_at=number, producer="benchmark", sequence=number
    )
    command = FollowChannel(channel_id=CHANNEL, user_id=f"user-{number}")
    partition = partition_of(CHANNEL.encode(), PARTITIONS)
    value = registry().encode(meta, command)
    return RawRecord(TOPIC, partition, number, CHANNEL.encode(), value)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))

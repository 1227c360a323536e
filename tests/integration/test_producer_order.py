"""Messages of a producer lie on the log in the order of their numbers, however many ask at once."""

import asyncio

from infra.kafka import EventProducer, LogReader
from schemas.records.social import FollowChannel
from schemas.registry import registry
from tests.integration.views import new_log

AT_ONCE, EACH = 20, 200


async def test_numbers_are_in_order_while_batches_are_full(kafka: str) -> None:
    """A number that comes after a higher one is taken for a repeat, and its command is lost."""
    async with (
        new_log(kafka) as log,
        EventProducer(kafka, registry(), role="test", partitions=lambda _: 1) as producer,
    ):

        async def ask(who: int) -> None:
            for number in range(EACH):
                user = f"{who}-{number}-{'x' * 500}"
                await producer.post(log.topic, "c", FollowChannel(channel_id="c", user_id=user))

        await asyncio.gather(*(ask(who) for who in range(AT_ONCE)))
        await producer.send(log.topic, "c", FollowChannel(channel_id="c", user_id="last"))
        async with LogReader(kafka) as reader:
            partitions = [each for each in await reader.partitions(log.topic) if not each.partition]
            starts, ends = await reader.begins(partitions), await reader.ends(partitions)
            found = [
                registry().decode(record.value).meta.sequence
                async for batch in reader.read(starts, ends)
                for record in batch
            ]
    assert found == list(range(AT_ONCE * EACH + 1))

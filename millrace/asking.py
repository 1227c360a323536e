"""Asks the platform from the command line: a command out, and the event that came of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiokafka import TopicPartition

from infra.errors import Refused, Unavailable
from infra.kafka import EventProducer, LogReader, partition_of
from infra.record import Envelope, Record
from schemas import sources
from schemas.registry import registry

_DEADLINE: Final = 30.0
_ASK_EVERY: Final = 0.1


async def ask(
    bootstrap: str,
    context: str,
    key: str,
    command: Record,
    *outcomes: type[Record],
    before: tuple[tuple[str, str, Record], ...] = (),
) -> Record:
    """Send a command of a context, and wait for one of `outcomes`.

    `before`: messages (topic, key, event) that go first. Raises Refused for a refusal,
    Unavailable if nothing is decided within 30 seconds.
    """
    events = f"{context}-events"
    async with (
        EventProducer(bootstrap, registry(), role="cli", partitions=sources.partitions) as producer,
        LogReader(bootstrap) as log,
    ):
        partitions = await log.partitions(events)
        where = partitions[partition_of(key.encode(), len(partitions))]
        position = await log.ends([where])
        for topic, other, event in before:
            await producer.send(topic, other, event)
        sent = await producer.send(f"{context}-commands", key, command)
        try:
            async with asyncio.timeout(_DEADLINE):
                async for said in _following(log, position):
                    if said.meta.causation_id == sent.event_id:
                        if isinstance(said.event, outcomes):
                            return said.event
                        _check(said.event)
        except TimeoutError as error:
            raise Unavailable(
                f"nothing decided within {_DEADLINE:.0f} s: is `millrace worker identity` "
                "running? See `millrace status`"
            ) from error
    raise AssertionError("a log has no end")


async def _following(
    log: LogReader, position: dict[TopicPartition, int]
) -> AsyncIterator[Envelope]:
    """What is written from a position on, for ever."""
    while True:
        ends = await log.ends(position)
        async for batch in log.read(position, ends):
            for record in batch:
                yield registry().decode(record.value)
        position = ends
        await asyncio.sleep(_ASK_EVERY)


def _check(event: Record) -> None:
    """Raises Refused for a refusal."""
    if event.FULL_NAME.endswith("Refused"):
        raise Refused(getattr(event, "reason", "refused"), getattr(event, "detail", "refused"))

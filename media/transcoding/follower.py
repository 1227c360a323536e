"""What a worker hears: parts and segments of every stream, and what the dispatcher decides."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from aiokafka import TopicPartition

from infra.clock import Clock
from infra.dead_letters import DeadLetters
from infra.errors import InvalidRecord
from infra.kafka import LogReader, tail
from infra.record import Codec, Envelope
from media.transcoding import metrics
from media.transcoding.topics import Topics

log = structlog.get_logger()

LOOK_BACK: Final = 15.0
"""Seconds of media announcements read before now: some segments of every stream."""
_POLL_MS: Final = 500
READER: Final = "transcoder"

Hear = Callable[[Envelope, Any], Awaitable[None]]
"""Takes a message and the consumer's own record."""


class Follower:
    """Reads outside any group: media from a little back, decisions from now on."""

    def __init__(
        self,
        bootstrap: str,
        codec: Codec,
        dead_letters: DeadLetters,
        clock: Clock,
        topics: Topics,
    ) -> None:
        self._bootstrap, self._codec = bootstrap, codec
        self._dead_letters, self._clock = dead_letters, clock
        self._topics = topics
        self.following = asyncio.Event()
        """Set when whatever is decided from now on will be heard."""
        self.polled_at = 0.0
        """When the log was last heard of, on the monotonic clock."""

    async def run(self, hear: Hear) -> None:
        """Follow for good. Raises Unavailable."""
        positions = await self._positions()
        try:
            async with tail(self._bootstrap, positions, wait_ms=_POLL_MS) as consumer:
                self.following.set()
                while True:
                    self.polled_at = self._clock.monotonic()
                    for batch in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                        for record in batch:
                            await self._take(record, hear)
        finally:
            self.following.clear()

    async def _positions(self) -> dict[TopicPartition, int]:
        since = self._clock.now() - round(LOOK_BACK * 1e6)
        async with LogReader(self._bootstrap) as reader:
            positions = await reader.ends(await reader.partitions(self._topics.decisions))
            for topic in (self._topics.parts, self._topics.segments):
                positions |= await reader.at(await reader.partitions(topic), since)
        return positions

    async def _take(self, record: Any, hear: Hear) -> None:
        try:
            envelope = self._codec.decode(record.value)
        except InvalidRecord as error:
            metrics.POISON.inc()
            origin = f"{record.topic}/{record.partition}/{record.offset}"
            log.error("dead letter", origin=origin, error=str(error))
            await self._dead_letters.put(record, error, READER)
            return
        await hear(envelope, record)

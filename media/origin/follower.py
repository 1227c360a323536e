"""Keeps the streams up to date with the log: a bounded fold at the start, then its tail."""

from collections.abc import Iterable
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.clock import Clock
from infra.continuity import Continuity
from infra.errors import InvalidRecord
from infra.kafka import LogReader, tail
from infra.record import Codec, Envelope
from media.origin import measures
from media.origin.streams import KEEP_ENDED, Live, Streams
from schemas.records.media import PartProduced

log = structlog.get_logger()

HISTORY: Final = 7 * 86_400.0
"""Seconds of broadcast events read at the start: no stream lasts longer."""
PARTS_BACK: Final = 60.0
"""Seconds of parts read before now, or before the interruption of a stream."""
_POLL_MS: Final = 1000


class Topics:
    """The topics that the origin folds."""

    def __init__(
        self,
        parts: str = "media-parts",
        segments: str = "media-segments",
        broadcast: str = "broadcast-events",
        transcode: str = "transcode-events",
    ) -> None:
        self.parts, self.segments, self.broadcast = parts, segments, broadcast
        self.transcode = transcode


class Follower:
    """Reads the log outside any group and applies it to `streams`."""

    def __init__(
        self, bootstrap: str, codec: Codec, streams: Streams, clock: Clock, topics: Topics
    ) -> None:
        self._bootstrap, self._codec, self._clock = bootstrap, codec, clock
        self._streams, self._topics = streams, topics
        self._continuity: dict[TopicPartition, Continuity] = {}
        self.polled_at = 0.0
        """When the log was last heard of, on the monotonic clock; 0 before the start is folded."""

    async def run(self) -> None:
        """Fold what is there, then follow for good. Raises Unavailable."""
        positions = await self._catch_up()
        async with tail(self._bootstrap, positions) as consumer:
            await self._follow(consumer)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        forgot_at = 0.0
        while True:
            self.polled_at = self._clock.monotonic()
            batches = await consumer.getmany(timeout_ms=_POLL_MS)
            for batch in batches.values():
                self._apply_all(batch)
            if self.polled_at - forgot_at >= 1:
                forgot_at = self.polled_at
                self._streams.forget(self._clock.now())
                measures.STREAMS.set(len(self._streams))

    # The fold at the start.

    async def _catch_up(self) -> dict[TopicPartition, int]:
        """Fold what playlists are made of; the positions to follow from."""
        now = self._clock.now()
        positions: dict[TopicPartition, int] = {}
        async with LogReader(self._bootstrap) as reader:
            since = now - round(HISTORY * 1e6)
            await self._fold(reader, self._topics.broadcast, since, positions)
            self._streams.forget(now)
            await self._fold(reader, self._topics.transcode, self._first_start(now), positions)
            await self._fold(reader, self._topics.segments, self._first_start(now), positions)
            await self._fold(reader, self._topics.parts, self._first_part(now), positions)
        log.info("folded the log", streams=len(self._streams))
        return positions

    def _first_start(self, now: int) -> int:
        """When the oldest stream that can be watched began: its parameters are from then on."""
        starts = [stream.started_at for stream in self._streams.all() if stream.started_at]
        return min([now - round(KEEP_ENDED * 1e6), *starts])

    def _first_part(self, now: int) -> int:
        away = [stream.interrupted_at for stream in self._streams.all() if stream.interrupted_at]
        return min([now, *away]) - round(PARTS_BACK * 1e6)

    async def _fold(
        self, reader: LogReader, topic: str, since: int, positions: dict[TopicPartition, int]
    ) -> None:
        partitions = await reader.partitions(topic)
        ends = await reader.ends(partitions)
        starts = await reader.at(partitions, since)
        positions |= ends
        async for batch in reader.read(starts, ends):
            self._apply_all(batch)

    # One message.

    def _apply_all(self, batch: Iterable[Any]) -> None:
        changed: dict[int, Live] = {}
        for record in batch:
            live = self._apply(record)
            if live is not None:
                changed[id(live)] = live
        for live in changed.values():
            live.touch()

    def _apply(self, record: Any) -> Live | None:
        try:
            envelope = self._codec.decode(record.value)
        except InvalidRecord as error:
            measures.POISON.inc()
            log.warning(
                "passed over an unreadable message",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                error=str(error),
            )
            return None
        if not self._is_new(record, envelope):
            return None
        if isinstance(envelope.event, PartProduced) and self.polled_at:
            measures.PART_DELAY.observe((self._clock.now() - envelope.meta.occurred_at) / 1e6)
        return self._streams.apply(envelope)

    def _is_new(self, record: Any, envelope: Envelope) -> bool:
        partition = TopicPartition(record.topic, record.partition)
        continuity = self._continuity.setdefault(partition, Continuity())
        new, gap = continuity.observe(envelope.meta)
        if not new:
            measures.REPEATS.inc()
        if gap is not None:
            measures.GAPS.inc(gap.found - gap.expected)
            log.warning(
                "messages of a producer never came",
                topic=record.topic,
                partition=record.partition,
                producer=gap.producer,
                expected=gap.expected,
                found=gap.found,
            )
        return new

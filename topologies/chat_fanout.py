"""The fan-out: what happened in chats, from the log into Redis, where the edges hear it.

It keeps no state. Its place on the log is its group's committed offset, and Redis refuses what it
has (`fan_out.lua`). Whenever it begins, or Redis was away, it goes back some way: a Redis that lost
its last second, or everything, has the last events again, and the producers' marks that show
repeats on the log (`infra.continuity`) are known again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import Counter, Gauge, Histogram

from infra.clock import Clock, SystemClock
from infra.continuity import Continuity
from infra.dead_letters import DeadLetters
from infra.errors import InvalidRecord, Unavailable
from infra.fetching import hold_whole_fetches
from infra.kafka import connect
from infra.record import Codec
from infra.redis_link import RedisLink, RedisRefused, Word
from schemas.chat_stream import KEPT, KEPT_SECONDS, MOST, SILENT_SECONDS, encode, key_of
from topologies.recency import Recency

log = structlog.get_logger()

TOPIC: Final = "chat-events"
BACK: Final = 5_000
"""Messages of a partition that are read again when it begins: more than Redis can have lost."""
BATCH: Final = 2_000
"""Messages of a poll."""
CALL: Final = 200
"""Entries of one call of the script: what bounds the time for which others wait."""
RETRY_SECONDS: Final = 0.25
COMMIT_SECONDS: Final = 1.0
_PATIENCE: Final = 5.0
"""Seconds that Redis may be away before the fan-out counts as unhealthy."""
_READER: Final = "chat-fanout"
_SCRIPT: Final = (Path(__file__).parent / "fan_out.lua").read_text()

_WRITTEN: Final = Counter("millrace_chat_fanout_events_total", "Events put into Redis.")
_SECONDS: Final = Histogram(
    "millrace_chat_fanout_delay_seconds",
    "From when the log took an event until Redis had it.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
_LAG: Final = Gauge(
    "millrace_chat_fanout_lag", "Messages behind the end of the log.", ["partition"]
)


class _Call(NamedTuple):
    """Of the script, for one stream."""

    partition: TopicPartition
    key: str
    words: list[Word]
    """For each entry its offset and its JSON."""


class ChatFanout:
    """One of the group's readers. Run as many as the topic has partitions."""

    greetings: tuple[tuple[str, ...], ...] = ()

    def __init__(
        self,
        bootstrap: str,
        link: RedisLink,
        codec: Codec,
        dead_letters: DeadLetters,
        *,
        topic: str = TOPIC,
        prefix: str = "millrace",
        clock: Clock | None = None,
        back: int = BACK,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        self._bootstrap = bootstrap
        self._link = link
        self._codec = codec
        self._dead_letters = dead_letters
        self._topic = topic
        self._prefix = prefix
        self._clock = clock or SystemClock()
        self._back = back
        self._kept_seconds = kept_seconds
        self._recency: dict[TopicPartition, Recency] = {}
        """Of what was put into Redis."""
        self._long: dict[str, TopicPartition] = {}
        """Streams that are longer than they have to be."""
        self._marks: dict[TopicPartition, Continuity] = {}
        self._new_from: dict[TopicPartition, int] = {}
        """Offsets from which on messages were never seen by the group."""
        self._assigned: set[TopicPartition] = set()
        """Partitions to go back in before anything of them is copied."""
        self._digest = b""
        self._away_since: float | None = None
        link.listen(self)

    def pushed(self, message: list[Any]) -> None:
        """See infra.redis_link.Listener: nothing is subscribed to here."""

    def lost(self) -> None:
        """See infra.redis_link.Listener: it may have lost its last second, or everything."""
        self._assigned |= self._marks.keys()

    @property
    def well(self) -> bool:
        """Whether Redis takes what is read, or did until moments ago."""
        since = self._away_since
        return since is None or self._clock.monotonic() - since < _PATIENCE

    async def run(self) -> None:
        """Copy, until cancelled. Raises Unavailable if Kafka is not there."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=f"{_READER}-{self._topic}",
            enable_auto_commit=False,
            auto_offset_reset="latest",
            session_timeout_ms=6_000,
            heartbeat_interval_ms=1_000,
        )
        consumer.subscribe([self._topic], listener=_Rebalance(self._assigned))
        await connect(consumer, self._bootstrap)
        hold_whole_fetches(consumer)
        committed_at = self._clock.monotonic()
        try:
            while True:
                await self._copy(consumer)
                now = self._clock.monotonic()
                if now - committed_at > COMMIT_SECONDS and not self._assigned:
                    committed_at = now
                    await self._commit(consumer)
                    await self._shorten(consumer.assignment())
        except KafkaError as error:
            raise Unavailable(f"Kafka at {self._bootstrap}: {error}") from error
        finally:
            await consumer.stop()

    async def _copy(self, consumer: AIOKafkaConsumer) -> None:
        """One poll: what there is, or first back to what may have been lost."""
        batches = await consumer.getmany(timeout_ms=200, max_records=BATCH)
        if self._assigned:
            await self._go_back(consumer)
            return
        try:
            await self._write(batches)
            self._away_since = None
        except Unavailable as error:
            self._away_since = self._away_since or self._clock.monotonic()
            log.warning("chat is not copied", error=str(error))
            self._assigned |= consumer.assignment()
            await asyncio.sleep(RETRY_SECONDS)

    async def _go_back(self, consumer: AIOKafkaConsumer) -> None:
        """Read the last messages before the committed places again."""
        partitions = sorted(self._assigned & consumer.assignment())
        self._assigned.clear()
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        places = {each: await consumer.committed(each) for each in partitions}
        for partition in set(partitions) & consumer.assignment():
            place = places[partition]
            end = ends[partition] if place is None else place
            start = max(begins[partition], end - self._back)
            self._new_from[partition] = start if place is None else place
            self._marks[partition] = Continuity()
            self._recency[partition] = Recency(self._kept_seconds)
            consumer.seek(partition, start)
        log.info("fan-out goes back", partitions=[each.partition for each in partitions])

    async def _write(self, batches: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Put messages into Redis. Raises Unavailable: then some are there, perhaps."""
        calls: list[_Call] = []
        for partition, records in batches.items():
            entries: defaultdict[str, list[Word]] = defaultdict(list)
            for record in records:
                await self._read(partition, record, entries)
            size = 2 * CALL
            calls += [
                _Call(partition, key, words[start : start + size])
                for key, words in entries.items()
                for start in range(0, len(words), size)
            ]
        await self._call(calls)
        logged = self._clock.now() / 1000
        now = self._clock.monotonic()
        for partition, records in batches.items():
            self._recency[partition].reached(now, records[-1].offset)
            _SECONDS.observe(max(0.0, (logged - records[-1].timestamp) / 1000))

    async def _shorten(self, assignment: Set[TopicPartition]) -> None:
        """Let go of what is old in streams that nobody says anything in any more."""
        held = self._recency.keys() & assignment
        self._long = {key: where for key, where in self._long.items() if where in held}
        try:
            await self._call([_Call(where, key, []) for key, where in self._long.items()])
        except Unavailable as error:
            log.warning("chats are not shortened", error=str(error))

    async def _read(
        self, partition: TopicPartition, record: Any, entries: dict[str, list[Word]]
    ) -> None:
        """The script's words for a message, unless it repeats one."""
        try:
            envelope = self._codec.decode(record.value)
        except InvalidRecord as error:
            if record.offset >= self._new_from[partition]:
                await self._dead_letters.put(record, error, _READER)
            return
        is_new, gap = self._marks[partition].observe(envelope.meta)
        if gap is not None:
            log.error("chat events are missing on the log", offset=record.offset, gap=repr(gap))
        if is_new:
            key = key_of(record.key.decode(), self._prefix)
            logged = record.timestamp * 1000
            entries[key] += (record.offset, encode(record.offset, logged, envelope))

    async def _call(self, calls: Sequence[_Call]) -> None:
        """Some at a time, so that answers never wait for long."""
        now = self._clock.monotonic()
        for start in range(0, len(calls), CALL):
            some = calls[start : start + CALL]
            answers = await self._ask([self._command(call, now) for call in some])
            for call, (added, length) in zip(some, answers, strict=True):
                _WRITTEN.inc(added)
                if length > 2 * KEPT:
                    self._long[call.key] = call.partition
                else:
                    self._long.pop(call.key, None)

    def _command(self, call: _Call, now: float) -> tuple[Word, ...]:
        old = self._recency[call.partition].floor(now)
        return (call.key, MOST, KEPT, old, SILENT_SECONDS * 1000, *call.words)

    async def _ask(self, commands: Sequence[tuple[Word, ...]]) -> list[list[int]]:
        if not self._digest:
            self._digest = await self._link.ask("SCRIPT", "LOAD", _SCRIPT)
        try:
            return await self._link.ask_all(
                [("EVALSHA", self._digest, 1, *words) for words in commands]
            )
        except RedisRefused as refused:
            if refused.code == "NOSCRIPT":
                self._digest = b""  # it was started anew: what is missing there is read again
            raise

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        """Commit what is in Redis; what has just gone to others is read again there."""
        places = {each: await consumer.position(each) for each in consumer.assignment()}
        for partition, place in places.items():
            if (end := consumer.highwater(partition)) is not None:
                _LAG.labels(partition.partition).set(end - place)
        try:
            if places:
                await consumer.commit(places)
        except KafkaError as error:
            log.warning("fan-out did not commit", error=repr(error))


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, assigned: set[TopicPartition]) -> None:
        self._assigned = assigned

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Nothing to do: Redis refuses what it has, whoever brings it."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._assigned.update(assigned)

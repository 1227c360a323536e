"""Follows topics live: one consumer a topic, however many follow it."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import Counter, Gauge

from api.cursor import BEGINNING, Cursor, Place
from api.errors import Gone, TooMany
from api.log import BATCH, Entry, Log, entries, started
from infra.errors import Unavailable
from infra.fetching import hold_whole_fetches
from infra.record import Codec

log = structlog.get_logger()

KEPT_MESSAGES: Final = 5000
"""Messages of a topic that are kept for its followers: whoever is further behind is too slow."""
KEPT_BYTES: Final = 16 << 20
FOLLOWERS: Final = 2000
FOLLOWERS_EACH: Final = 10
"""Followers of one principal."""
HEARTBEAT_SECONDS: Final = 10.0
LINGER_SECONDS: Final = 30.0
"""How long a topic is read after its last follower has left."""
_RETRY_SECONDS: Final = 1.0

_FOLLOWERS = Gauge("millrace_gateway_followers", "Clients that follow a topic.", ["topic"])
_CUT = Counter("millrace_gateway_followers_cut_total", "Followers cut, by reason.", ["reason"])


Wanted = Callable[[Entry], bool]


class Slow(Exception):
    """A follower is further behind than what is kept. Its cursor says where to go on."""


class _Feed:
    """The latest messages of one topic, in the order in which they were read."""

    def __init__(self, topic: str, begins: list[int]) -> None:
        self.topic = topic
        self.floor = list(begins)
        """By partition: everything from this offset on is kept, or still to come."""
        self.first = 0
        """Number of the oldest message kept; they are counted from 0."""
        self.failure: Unavailable | None = None
        self.followers = 0
        self.task: asyncio.Task[None] | None = None
        self._kept: deque[Entry] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()

    def add(self, found: list[Entry]) -> None:
        """Keep messages, forget the oldest, and wake the followers."""
        for entry in found:
            self._kept.append(entry)
            self._bytes += len(entry.json)
        while len(self._kept) > KEPT_MESSAGES or self._bytes > KEPT_BYTES:
            gone = self._kept.popleft()
            self.first += 1
            self._bytes -= len(gone.json)
            self.floor[gone.partition] = gone.offset + 1
        self.wake()

    def wake(self) -> None:
        """Let all followers look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def after(self, number: int, most: int) -> list[Entry]:
        """Messages from a number on. Raises Slow if they are not kept any more."""
        if number < self.first:
            raise Slow
        start = number - self.first
        return [self._kept[n] for n in range(start, min(start + most, len(self._kept)))]

    def covers(self, cursor: Cursor) -> bool:
        """Whether all that the cursor lacks is kept, or still to come."""
        return all(
            place.offset >= floor for place, floor in zip(cursor.places, self.floor, strict=True)
        )

    async def change(self, seconds: float) -> bool:
        """Wait for news; False if there were none in that time."""
        changed = self._changed
        try:
            await asyncio.wait_for(changed.wait(), seconds)
        except TimeoutError:
            return False
        return True


class Feeds:
    """All topics that are followed at this gateway."""

    def __init__(self, bootstrap: str, codec: Codec, pages: Log) -> None:
        self._bootstrap = bootstrap
        self._codec = codec
        self._pages = pages
        self._feeds: dict[str, _Feed] = {}
        self._opening = asyncio.Lock()
        self._each: dict[str, int] = {}

    async def close(self) -> None:
        """Stop reading; followers get Unavailable."""
        for feed in list(self._feeds.values()):
            await self._stop(feed, Unavailable("the gateway stops"))

    async def follow(
        self,
        cursor: Cursor,
        principal: str,
        wanted: Wanted,
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> AsyncGenerator[list[tuple[Entry, str]], None]:
        """What comes after a cursor, from now on: (message, cursor after it), new to the client.

        `wanted` says which messages. An empty list at once, and after every `heartbeat` seconds
        without news. Advances `cursor`. Raises Slow when the caller takes longer than what is
        kept, TooMany, Gone, Unavailable. Use it with `aclosing`.
        """
        if self._each.get(principal, 0) >= FOLLOWERS_EACH:
            raise TooMany(f"at most {FOLLOWERS_EACH} connections follow at the same time", 10)
        if sum(self._each.values()) >= FOLLOWERS:
            raise Unavailable("too many follow already")
        self._each[principal] = self._each.get(principal, 0) + 1
        feed = None
        try:
            feed = await self._feed(cursor.topic)
            feed.followers += 1
            _FOLLOWERS.labels(cursor.topic).inc()
            yield []
            async for found in self._follow(feed, cursor, wanted, heartbeat):
                yield found
        except Slow:
            _CUT.labels("slow").inc()
            raise
        finally:
            self._each[principal] -= 1
            if not self._each[principal]:
                del self._each[principal]
            if feed is not None:
                feed.followers -= 1
                _FOLLOWERS.labels(cursor.topic).dec()

    async def _follow(
        self, feed: _Feed, cursor: Cursor, wanted: Wanted, heartbeat: float
    ) -> AsyncGenerator[list[tuple[Entry, str]], None]:
        while not feed.covers(cursor):
            async with aclosing(self._caught_up(cursor, wanted)) as pieces:
                async for found in pieces:
                    yield found
        number = feed.first
        while True:
            latest = feed.after(number, 500)
            number += len(latest)
            if latest:
                if new := taken(cursor, latest, wanted):
                    yield new
            elif feed.failure is not None:
                raise feed.failure
            elif not await feed.change(heartbeat):
                yield []

    async def _caught_up(
        self, cursor: Cursor, wanted: Wanted
    ) -> AsyncGenerator[list[tuple[Entry, str]], None]:
        """One page from the log, of what is not kept any more."""
        span = await self._pages.span(cursor.topic)
        checked(cursor, span.begins, span.ends)
        starts = {n: place.offset for n, place in enumerate(cursor.places)}
        async with aclosing(self._pages.page(cursor.topic, starts, span.ends)) as pieces:
            async for piece in pieces:
                if new := taken(cursor, piece.entries, wanted):
                    yield new
                place = cursor.places[piece.partition]
                place.offset = max(place.offset, piece.reached)

    async def _feed(self, topic: str) -> _Feed:
        async with self._opening:
            feed = self._feeds.get(topic)
            if feed is None or feed.failure is not None:
                span = await self._pages.span(topic)
                consumer = await _opened(self._bootstrap)
                feed = self._feeds[topic] = _Feed(topic, span.ends)
                feed.task = asyncio.create_task(self._read(feed, consumer, list(span.ends)))
            return feed

    async def _read(self, feed: _Feed, consumer: AIOKafkaConsumer, places: list[int]) -> None:
        tps = [TopicPartition(feed.topic, n) for n in range(len(places))]
        consumer.assign(tps)
        for tp, at in zip(tps, places, strict=True):
            consumer.seek(tp, at)
        hold_whole_fetches(consumer)
        loop = asyncio.get_running_loop()
        wanted = loop.time()
        try:
            while loop.time() - wanted < LINGER_SECONDS:
                batches: dict[Any, Any] = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
                for records in batches.values():
                    feed.add(entries(self._codec, records))
                if feed.followers:
                    wanted = loop.time()
            feed.failure = Unavailable("nobody follows")
        except KafkaError as error:
            log.warning("following a topic was interrupted", topic=feed.topic, error=str(error))
            feed.failure = Unavailable(f"Kafka: {error}")
        finally:
            feed.failure = feed.failure or Unavailable("the gateway stops")
            if self._feeds.get(feed.topic) is feed:
                del self._feeds[feed.topic]
            feed.wake()
            with contextlib.suppress(KafkaError, OSError):
                await consumer.stop()

    async def _stop(self, feed: _Feed, reason: Unavailable) -> None:
        feed.failure = reason
        if feed.task is not None:
            feed.task.cancel()
            await asyncio.gather(feed.task, return_exceptions=True)


def taken(cursor: Cursor, found: list[Entry], wanted: Wanted) -> list[tuple[Entry, str]]:
    """Messages that are new to a cursor, each with the cursor after it; advances it past all."""
    return [
        (entry, cursor.text())
        for entry in found
        if cursor.places[entry.partition].take(entry.offset, entry.meta) and wanted(entry)
    ]


def checked(cursor: Cursor, begins: list[int], ends: list[int]) -> None:
    """Raises Gone if a place is before what the topic keeps, or behind its end: another topic."""
    for place, begin, end in zip(cursor.places, begins, ends, strict=True):
        if place.offset == BEGINNING:
            place.offset = begin
        if not begin <= place.offset <= end:
            oldest = Cursor(cursor.topic, [Place(at) for at in begins])
            raise Gone("The topic does not go back as far as this cursor.", oldest.text())


async def _opened(bootstrap: str) -> AIOKafkaConsumer:
    try:
        async with asyncio.timeout(2):
            return await started(bootstrap)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"Kafka at {bootstrap}: {error!r}") from error

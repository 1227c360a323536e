"""Events of the ingest on their way to the log, and how that goes."""

import asyncio
import uuid
from typing import Any, Final, Protocol

import structlog

from infra.clock import Clock
from infra.errors import Unavailable
from infra.record import Record
from media.ingest.metrics import Metrics

log = structlog.get_logger()

TOPIC: Final = "ingest-events"
HEALTH: Final = "stream-health"
LOAD: Final = "ingest-load"
_WAITING: Final = 500
_REFUSALS_A_SECOND: Final = 20
_RETRY: Final = 1.0


class Log(Protocol):
    """Where events are written. Implemented by `infra.kafka.EventProducer`."""

    name: str

    async def send(
        self, topic: str, key: str, event: Record, *, event_id: str | None = None
    ) -> Any:
        """Write an event and wait until it is acknowledged. Raises Unavailable."""
        ...


class Reports:
    """Writes the ingest's events. Those that nobody waits for go through a bounded queue."""

    def __init__(self, producer: Log, clock: Clock, metrics: Metrics) -> None:
        self.name = producer.name
        self._producer, self._clock, self._metrics = producer, clock, metrics
        self._waiting: asyncio.Queue[tuple[str, str, Record]] = asyncio.Queue(_WAITING)
        self._failing_since: float | None = None
        self._second, self._refusals = 0.0, 0

    @property
    def failing_for(self) -> float:
        """Seconds for which the log has not taken an event; 0 while it does."""
        if self._failing_since is None:
            return 0.0
        return self._clock.monotonic() - self._failing_since

    async def send(
        self, key: str, event: Record, event_id: str | None = None, topic: str = TOPIC
    ) -> None:
        """Write an event and wait until it is acknowledged. Raises Unavailable."""
        try:
            await self._producer.send(topic, key, event, event_id=event_id)
        except Unavailable as error:
            if self._failing_since is None:
                self._failing_since = self._clock.monotonic()
                self._metrics.degraded.set(1)
                log.error("the log takes no events, media is spooled", error=str(error))
            raise
        if self._failing_since is not None:
            log.info("the log takes events again", after_seconds=round(self.failing_for, 1))
            self._failing_since = None
            self._metrics.degraded.set(0)

    async def insist(self, key: str, event: Record, patience: float) -> None:
        """Write an event, again and again with one id, for `patience` seconds."""
        event_id = str(uuid.uuid4())
        try:
            async with asyncio.timeout(patience):
                while True:
                    try:
                        return await self.send(key, event, event_id)
                    except Unavailable:
                        await asyncio.sleep(_RETRY)
        except TimeoutError:
            self._metrics.unsent.inc()
            log.error("gave up an event", event_type=event.FULL_NAME, key=key)

    def post(self, key: str, event: Record, topic: str = TOPIC) -> None:
        """Write an event that nobody waits for; when too many wait, it is dropped and counted."""
        try:
            self._waiting.put_nowait((topic, key, event))
        except asyncio.QueueFull:
            self._metrics.unsent.inc()

    def post_refusal(self, key: str, event: Record) -> None:
        """`post`, at most 20 a second: a flood of refusals does not become one of events."""
        now = self._clock.monotonic()
        if now - self._second >= 1:
            self._second, self._refusals = now, 0
        self._refusals += 1
        if self._refusals > _REFUSALS_A_SECOND:
            self._metrics.unsent.inc()
        else:
            self.post(key, event)

    async def run(self) -> None:
        """Write what was posted, until cancelled."""
        while True:
            topic, key, event = await self._waiting.get()
            try:
                await self.send(key, event, topic=topic)
            except Unavailable:
                self._metrics.unsent.inc()
            finally:
                self._waiting.task_done()

    async def flush(self, patience: float) -> None:
        """Wait until what was posted is written, at most `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                await self._waiting.join()
        except TimeoutError:
            log.error("gave up events", count=self._waiting.qsize())

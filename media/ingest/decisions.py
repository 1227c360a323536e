"""What the platform decides about sessions: the tail of `broadcast-events`."""

import asyncio
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from infra.errors import InvalidRecord
from infra.record import Codec
from schemas.records.broadcast import SessionRefused, StreamEnded, StreamResumed, StreamStarted

log = structlog.get_logger()

_RETRY: Final = 1.0
Decision = StreamStarted | StreamResumed | SessionRefused


class Watch:
    """What is decided about one session."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.decision: asyncio.Future[Decision] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        """Done, with plain words, when the platform wants the session to end."""

    def hear(self, session_id: str, event: Any) -> None:
        """Take an event of any stream."""
        if not self.decision.done():
            if isinstance(event, Decision) and event.session_id == session_id:
                self.decision.set_result(event)
            return
        decided = self.decision.result()
        if isinstance(decided, SessionRefused) or self.ended.done():
            return
        if isinstance(event, StreamEnded) and event.stream_id == decided.stream_id:
            self.ended.set_result("The platform ended the stream.")
        elif (
            isinstance(event, StreamResumed)
            and event.stream_id == decided.stream_id
            and event.session_id != session_id
        ):
            self.ended.set_result("Another connection took over the stream.")


class Decisions:
    """Follows every partition of the topic from its end; `run` in a task."""

    def __init__(self, bootstrap: str, codec: Codec, topic: str = "broadcast-events") -> None:
        self._bootstrap, self._codec, self._topic = bootstrap, codec, topic
        self._watches: dict[str, Watch] = {}
        self.following = asyncio.Event()
        """Set while what is written from now on will be heard."""

    def watch(self, session_id: str) -> Watch:
        """Listen for a session, until `forget`."""
        watch = self._watches[session_id] = Watch()
        return watch

    def forget(self, session_id: str) -> None:
        """Stop listening."""
        self._watches.pop(session_id, None)

    def hear(self, event: Any) -> None:
        """Take an event of the topic."""
        for session_id, watch in self._watches.items():
            watch.hear(session_id, event)

    async def run(self) -> None:
        """Follow the topic until cancelled; when Kafka is away, until it is back."""
        positions: dict[Any, int] = {}
        while True:
            try:
                await self._follow(positions)
            except KafkaError as error:
                log.warning("cannot follow decisions", topic=self._topic, error=str(error))
            finally:
                self.following.clear()
            await asyncio.sleep(_RETRY)

    async def _follow(self, positions: dict[Any, int]) -> None:
        consumer = AIOKafkaConsumer(
            self._topic,
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            fetch_max_wait_ms=100,
        )
        try:
            await consumer.start()
            for partition in consumer.assignment():
                if partition in positions:
                    consumer.seek(partition, positions[partition])
                positions[partition] = await consumer.position(partition)
            self.following.set()
            while True:
                for partition, batch in (await consumer.getmany(timeout_ms=1000)).items():
                    for record in batch:
                        self._take(record)
                    positions[partition] = batch[-1].offset + 1
        finally:
            await consumer.stop()

    def _take(self, record: Any) -> None:
        try:
            event = self._codec.decode(record.value).event
        except InvalidRecord as error:
            at = f"{record.topic}/{record.partition}/{record.offset}"
            log.warning("passed over a record", at=at, error=str(error))
            return
        self.hear(event)

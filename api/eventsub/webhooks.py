"""The role that calls webhooks: reads what is to be sent, sends it, and says what came of it.

Its position on the log moves on only past what is finished, so that whatever was under way when it
stopped is sent again, under the same ids. How much is on its way to one subscriber is decided
where messages are given out (`agents.eventsub.progress`); here is only how much is in all.
"""

import asyncio
import contextlib
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from prometheus_client import Counter, Gauge, Histogram

from api.eventsub.calling import Answer, Caller
from api.eventsub.messages import DELIVERIES, NOTIFICATION, REVOCATION, VERIFICATION
from api.eventsub.naming import Names
from api.eventsub.subscriptions import COMMANDS, purpose
from infra.clock import Clock
from infra.continuity import Continuity
from infra.errors import InvalidRecord, Unavailable
from infra.kafka import EventProducer
from infra.record import Codec, Envelope, Meta, Record
from infra.sealing import MasterKeys
from schemas.records.eventsub import ConfirmSubscription, DeliveryRequested, ReportDelivery

log = structlog.get_logger()

GROUP: Final = "webhooks"
IN_FLIGHT: Final = 500
"""Calls at the same time."""
SESSION_SECONDS: Final = 10.0
COMMIT_SECONDS: Final = 1.0
STOP_SECONDS: Final = 5.0
"""For what is under way when the role is to stop."""
SILENT_SECONDS: Final = 30.0
"""Without a look at the log, after which the role counts as unwell."""
_AGAIN: Final = (1.0, 5.0)
"""Pauses before a revocation is told again."""
_RETRY_SECONDS: Final = 1.0

_CALLS = Counter("millrace_webhooks_calls_total", "Calls, by kind and outcome.", ["kind", "taken"])
_SECONDS = Histogram(
    "millrace_webhooks_call_seconds", "Time of a call.", buckets=(0.01, 0.05, 0.2, 1, 5, 10)
)
_FLYING = Gauge("millrace_webhooks_in_flight", "Calls under way.")


class _Places(ConsumerRebalanceListener):  # type: ignore[misc]
    """What is under way in each partition, and what of it is finished."""

    def __init__(self) -> None:
        self.under_way: dict[TopicPartition, set[int]] = {}
        self.reached: dict[TopicPartition, int] = {}
        self.continuity: dict[TopicPartition, Continuity] = {}

    def on_partitions_revoked(self, revoked: Any) -> None:
        for tp in revoked:
            self.under_way.pop(tp, None)
            self.reached.pop(tp, None)
            self.continuity.pop(tp, None)

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Nothing is known of them yet."""

    def begin(self, tp: TopicPartition, offset: int) -> None:
        self.under_way.setdefault(tp, set()).add(offset)
        self.reached[tp] = offset + 1

    def done(self, tp: TopicPartition, offset: int) -> None:
        self.under_way.get(tp, set()).discard(offset)

    def finished(self) -> dict[TopicPartition, int]:
        """By partition, the first message that is not finished."""
        return {
            tp: min(self.under_way.get(tp) or {reached}) for tp, reached in self.reached.items()
        }


class Webhooks:
    """Runs until cancelled."""

    def __init__(
        self,
        bootstrap: str,
        codec: Codec,
        caller: Caller,
        names: Names,
        producer: EventProducer,
        master: MasterKeys,
        clock: Clock,
        *,
        in_flight: int = IN_FLIGHT,
        group: str = GROUP,
        topic: str = DELIVERIES,
        reports: str = COMMANDS,
        session_seconds: float = SESSION_SECONDS,
    ) -> None:
        """Reads `topic` as a member of `group`; says what came of it on `reports`.

        After `session_seconds` of silence another process of the group goes on.
        """
        self._bootstrap = bootstrap
        self._codec = codec
        self._caller = caller
        self._names = names
        self._producer = producer
        self._master = master
        self._clock = clock
        self._group = group
        self._session_seconds = session_seconds
        self._topic = topic
        self._reports = reports
        self._room = asyncio.Semaphore(in_flight)
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = _Places()
        self._looked = clock.monotonic()

    @property
    def well(self) -> bool:
        """Whether the log is looked at."""
        return self._clock.monotonic() - self._looked < SILENT_SECONDS

    async def run(self) -> None:
        """Send what is to be sent. Raises Unavailable if Kafka is away for long."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(self._session_seconds * 1000),
            heartbeat_interval_ms=int(self._session_seconds * 100),
            fetch_max_wait_ms=100,
        )
        consumer.subscribe([self._topic], listener=self._places)
        try:
            await consumer.start()
            await self._consume(consumer)
        except KafkaError as error:
            raise Unavailable(f"Kafka at {self._bootstrap}: {error}") from error
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
            with contextlib.suppress(KafkaError):
                await self._commit(consumer)
            for task in self._tasks:
                task.cancel()
            await consumer.stop()

    async def _consume(self, consumer: AIOKafkaConsumer) -> None:
        committed = self._clock.monotonic()
        while True:
            batches: dict[Any, Any] = await consumer.getmany(timeout_ms=500, max_records=200)
            self._looked = self._clock.monotonic()
            for tp, records in batches.items():
                for record in records:
                    await self._take(tp, record)
            if self._clock.monotonic() - committed >= COMMIT_SECONDS:
                await self._commit(consumer)
                committed = self._clock.monotonic()

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        finished = {
            tp: at for tp, at in self._places.finished().items() if tp in consumer.assignment()
        }
        if finished:
            with contextlib.suppress(CommitFailedError, IllegalStateError):
                await consumer.commit(finished)

    async def _take(self, tp: TopicPartition, record: Any) -> None:
        """Begin with a message, as soon as there is room."""
        self._places.begin(tp, record.offset)
        message = self._read(tp, record)
        if message is None:
            self._places.done(tp, record.offset)
            return
        await self._room.acquire()
        task = asyncio.create_task(self._finish(tp, record.offset, message))
        self._tasks.add(task)
        _FLYING.set(len(self._tasks))
        task.add_done_callback(self._ended)

    def _read(self, tp: TopicPartition, record: Any) -> Envelope | None:
        """A message that is for a webhook and new."""
        try:
            message = self._codec.decode(record.value)
        except InvalidRecord as error:
            at = f"{record.topic}/{record.partition}/{record.offset}"
            log.warning("passed over a record", at=at, error=str(error))
            return None
        new, _ = self._places.continuity.setdefault(tp, Continuity()).observe(message.meta)
        event = message.event
        wanted = isinstance(event, DeliveryRequested) and event.method == "webhook"
        return message if new and wanted else None

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._room.release()
        _FLYING.set(len(self._tasks))
        if not task.cancelled() and (error := task.exception()):
            log.error("a webhook was not called", error=repr(error))

    async def _finish(self, tp: TopicPartition, offset: int, message: Envelope) -> None:
        delivery: DeliveryRequested = message.event
        started = self._clock.monotonic()
        answer = await self._call(delivery)
        _SECONDS.observe(self._clock.monotonic() - started)
        _CALLS.labels(delivery.kind, str(answer.taken).lower()).inc()
        if not answer.taken:
            log.info(
                "a webhook did not take a message",
                subscription_id=delivery.subscription_id,
                kind=delivery.kind,
                attempt=delivery.attempt,
                detail=answer.detail,
            )
        report = _report(delivery, answer)
        if report is not None:
            await self._say(delivery.channel_id, report, message.meta)
        self._places.done(tp, offset)

    async def _call(self, delivery: DeliveryRequested) -> Answer:
        try:
            secret = self._master.open(
                purpose(delivery.subscription_id), delivery.sealed_secret or ""
            )
        except InvalidRecord as error:
            return Answer(False, str(error))
        match delivery.kind:
            case "webhook_callback_verification":
                return await self._caller.challenge(delivery, secret)
            case "revocation":
                return await self._revocation(delivery, secret)
        event = await self._event(delivery.data)
        return await self._caller.notify(delivery, secret, event)

    async def _revocation(self, delivery: DeliveryRequested, secret: str) -> Answer:
        answer = await self._caller.notify(delivery, secret, None)
        for pause in _AGAIN:
            if answer.taken:
                break
            await asyncio.sleep(pause)
            answer = await self._caller.notify(delivery, secret, None)
        return answer

    async def _event(self, data: str) -> dict[str, Any]:
        """The event with names, as soon as the views can be read."""
        while True:
            try:
                return await self._names.completed(data)
            except Unavailable as error:
                log.warning("names cannot be read", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _say(self, key: str, event: Record, cause: Meta) -> None:
        while True:
            try:
                await self._producer.send(self._reports, key, event, cause=cause)
                return
            except Unavailable as error:
                log.warning("what came of a call cannot be said", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)


def _report(delivery: DeliveryRequested, answer: Answer) -> Record | None:
    """What the platform is to know of a call."""
    if delivery.kind == NOTIFICATION:
        return ReportDelivery(
            channel_id=delivery.channel_id,
            subscription_id=delivery.subscription_id,
            number=delivery.number,
            attempt=delivery.attempt,
            delivered=answer.taken,
            detail=answer.detail,
        )
    if delivery.kind == VERIFICATION:
        return ConfirmSubscription(
            channel_id=delivery.channel_id,
            subscription_id=delivery.subscription_id,
            confirmed=answer.taken,
            detail=answer.detail,
        )
    assert delivery.kind == REVOCATION
    return None

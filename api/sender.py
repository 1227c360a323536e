"""Writes what callers say to the log, whether or not they stay to hear of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec
import structlog

from infra.errors import Unavailable
from infra.kafka import Delivery
from infra.record import Record

log = structlog.get_logger()

ACK_SECONDS: Final = 1.5
"""For the log to take messages. It may still take them later: their ids stay the same."""
PROBE_SECONDS: Final = 0.25
"""While Kafka is silent one request in so long waits for it, and not as long as others would; the
rest hear it at once."""
PROBE_ACK_SECONDS: Final = 0.5
MAX_UNACKNOWLEDGED: Final = 2000
"""Requests whose messages are on their way."""


class Message(msgspec.Struct, frozen=True):
    """A message to be written."""

    topic: str
    key: str
    event: Record
    event_id: str


class NotSent(Unavailable):
    """Nothing was written, and nothing will be."""


class Publisher(Protocol):
    """Writes to the log. Implemented by `infra.kafka.EventProducer`."""

    async def post(
        self, topic: str, key: str, event: Record, *, event_id: str | None = None
    ) -> "asyncio.Future[Delivery]":
        """Queue a message, in order; the future is its acknowledgement, or raises Unavailable."""
        ...


After = Callable[[Sequence[Delivery]], Awaitable[None]]


class Sender:
    """Sends, and bounds how much is on its way."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._waiting: set[asyncio.Task[list[Delivery]]] = set()
        self._next_probe: float | None = None
        """When to try again; None while Kafka answers."""

    async def send(self, messages: Sequence[Message], after: After | None = None) -> list[Delivery]:
        """Write messages in order, then call `after`, even if the caller has gone by then.

        Raises Unavailable if that takes longer than ACK_SECONDS: nothing is known of them; NotSent
        while others wait for Kafka in vain.
        """
        if len(self._waiting) >= MAX_UNACKNOWLEDGED:
            raise NotSent("too many messages wait for Kafka")
        now, patience = asyncio.get_running_loop().time(), ACK_SECONDS
        if self._next_probe is not None:
            if now < self._next_probe:
                raise NotSent("Kafka does not acknowledge anything")
            self._next_probe, patience = now + PROBE_SECONDS, PROBE_ACK_SECONDS
        sending = asyncio.create_task(self._send(messages, after))
        self._waiting.add(sending)
        sending.add_done_callback(self._ended)
        try:
            # Never cancelled half-way: its numbers in the producer's sequence are taken.
            return await asyncio.wait_for(asyncio.shield(sending), patience)
        except TimeoutError as slow:
            self._next_probe = asyncio.get_running_loop().time() + PROBE_SECONDS
            raise Unavailable(f"Kafka did not acknowledge within {patience} s") from slow

    async def _send(self, messages: Sequence[Message], after: After | None) -> list[Delivery]:
        posted = [
            await self._publisher.post(each.topic, each.key, each.event, event_id=each.event_id)
            for each in messages
        ]
        answers = await asyncio.gather(*posted, return_exceptions=True)
        deliveries: list[Delivery] = []
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            deliveries.append(answer)
        if after is not None:
            await after(deliveries)
        return deliveries

    def _ended(self, sending: "asyncio.Task[list[Delivery]]") -> None:
        self._waiting.discard(sending)
        if sending.cancelled():
            return
        if (error := sending.exception()) is None:
            self._next_probe = None
        else:
            log.warning("messages were not acknowledged", error=str(error))

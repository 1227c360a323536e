"""Puts what is said on the log: in the order in which it was said, many at a time."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

import msgspec
import structlog
from prometheus_client import Counter

from infra.clock import Clock
from infra.errors import MillraceError, Unavailable
from infra.kafka import Delivery
from infra.record import Meta, Record

log = structlog.get_logger()

COMMANDS: Final = "chat-commands"
ACK_SECONDS: Final = 2.0
"""For the log to take a message; then who said it is told."""
MOST: Final = 5_000
"""Messages on their way."""
_LOOK_SECONDS: Final = 0.25

_SAID = Counter("millrace_chat_edge_commands_total", "Commands for chats.", ["outcome"])


class Publisher(Protocol):
    """Writes to the log. Implemented by `infra.kafka.EventProducer`."""

    async def post(
        self,
        topic: str,
        key: str,
        event: Record,
        *,
        cause: Meta | None = None,
        event_id: str | None = None,
    ) -> "asyncio.Future[Delivery]":
        """Queue a message, in order; the future is its acknowledgement, or raises Unavailable."""
        ...


class Said(msgspec.Struct, frozen=True, eq=False):
    """A command on its way."""

    connection: str
    """Whose answer it is to be: goes back as the correlation id of what comes of it."""
    channel_id: str
    command: Record
    command_id: str
    failed: Callable[[str, str], None]
    """Called once, with a reason and a text, if it is not known to be on the log."""
    until: float
    """Monotonic time by which it should be."""


class Speaking:
    """Commands of all connections. Run `run` meanwhile."""

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock
        self._queue: deque[Said] = deque()
        self._wake = asyncio.Event()
        self._emptied = asyncio.Event()
        self._unknown: OrderedDict[str, Said] = OrderedDict()
        """Given to the producer, and not acknowledged yet."""
        self._looked_at = 0.0
        """When those who wait for too long were last told."""

    def put(
        self,
        connection: str,
        channel_id: str,
        command: Record,
        command_id: str,
        failed: Callable[[str, str], None],
    ) -> None:
        """Say it. Raises Unavailable if it was not even tried."""
        now = self._clock.monotonic()
        waits = len(self._queue) + len(self._unknown)
        oldest = next(iter(self._unknown.values()), None)
        if waits >= MOST or (oldest is not None and oldest.until < now):
            _SAID.labels("refused").inc()
            raise Unavailable("messages cannot be taken at the moment; try again in a while")
        said = Said(connection, channel_id, command, command_id, failed, now + ACK_SECONDS)
        self._queue.append(said)
        self._wake.set()

    async def run(self) -> None:
        """Write what is said, until cancelled."""
        looking = asyncio.create_task(self._look())
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    await self._post(self._queue.popleft())
        finally:
            looking.cancel()

    async def drain(self) -> None:
        """Wait until all that was said is acknowledged, or is not going to be soon."""
        try:
            async with asyncio.timeout(ACK_SECONDS):
                while self._queue or self._unknown:
                    self._emptied.clear()
                    await self._emptied.wait()
        except TimeoutError:
            log.warning("messages are not acknowledged", count=len(self._unknown))

    async def _post(self, said: Said) -> None:
        cause = Meta(
            event_id=said.connection, occurred_at=self._clock.now(), producer="", sequence=0
        )
        self._unknown[said.command_id] = said
        try:
            answer = await self._publisher.post(
                COMMANDS, said.channel_id, said.command, cause=cause, event_id=said.command_id
            )
        except MillraceError as error:
            self._ended(said, "unavailable", str(error))
            return
        answer.add_done_callback(partial(self._acknowledged, said))

    def _acknowledged(self, said: Said, answer: "asyncio.Future[Delivery]") -> None:
        if answer.cancelled():
            self._ended(said, "unacknowledged", "the edge stopped")
        elif (error := answer.exception()) is not None:
            self._ended(said, "unacknowledged", str(error))
        elif self._unknown.pop(said.command_id, None) is not None:
            _SAID.labels("taken").inc()
        if not self._unknown:
            self._emptied.set()

    def _ended(self, said: Said, reason: str, why: str) -> None:
        log.warning("a message was not acknowledged", channel_id=said.channel_id, error=why)
        if self._unknown.pop(said.command_id, None) is not None and not self._late(said):
            self._tell(said, reason)

    def _tell(self, said: Said, reason: str) -> None:
        _SAID.labels(reason).inc()
        said.failed(reason, _TEXTS[reason])

    def _late(self, said: Said) -> bool:
        """Whether who said it was told already."""
        return said.until < self._looked_at

    async def _look(self) -> None:
        """Tell those who wait for too long: what is in the queue is then not said at all."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = self._clock.monotonic()
            while self._queue and self._queue[0].until < now:
                self._tell(self._queue.popleft(), "unavailable")
            for said in list(self._unknown.values()):
                if said.until >= now:
                    break
                if not self._late(said):
                    self._tell(said, "unacknowledged")
            self._looked_at = now


_TEXTS: Final = {
    "unavailable": "It was not said: messages cannot be taken at the moment.",
    "unacknowledged": "It is not known whether this was said: look before you say it again.",
}

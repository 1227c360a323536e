"""Handle lists of records, then flush outputs, journal and position, in that order.

A flush is a flight: outputs acknowledged → journal acknowledged → events acked → committed by the
consumer's timer. While the journal of flight n is on its way, the outputs of n + 1 already go out
and n + 2 collects. Whatever fails on the way stops the process: nothing of a failed flight is
committed, and the next start reads on from the journal's place.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NoReturn, Protocol

import msgspec
import structlog

from infra.clock import Clock
from infra.continuity import Gap
from infra.record import Codec, Record
from infra.streaming import journal
from infra.streaming.journal import EntryKey, PartitionState, pack
from infra.streaming.metrics import Metrics
from infra.streaming.turn import Turn
from infra.streaming.wire import Handler, Message, Output, dead_letter_headers

log = structlog.get_logger()

RECORDS_A_FLIGHT = 4000
"""Records handled at most before they are flushed."""
FLIGHTS = 2
"""Flights on their way at once."""
ATOM_BYTES = 400_000
"""Journal bytes after which a flight starts another batch; one batch holds at most BATCH_BYTES."""
BATCH_BYTES = 900_000


class Written(msgspec.Struct, frozen=True):
    """An acknowledged record batch: its first offset and how many records it holds."""

    offset: int
    count: int


class Shipper(Protocol):
    """Writes records in order to a topic partition, in as few record batches as they fit."""

    async def ship(
        self, topic: str, partition: int, records: Iterable[Output]
    ) -> list[Awaitable[Written]]:
        """Queue the records; one acknowledgement a batch."""
        ...


class Agent(msgspec.Struct, frozen=True):
    """A registered handler: what it reads, where its outputs and its dead letters go."""

    name: str
    source: str
    sink: str | None
    handler: Handler
    dead_letters: str | None


class GapReport(msgspec.Struct, frozen=True):
    """Where holes in a producer's numbers are announced."""

    topic: str
    event_for: Callable[[Gap, Message], Record]


class Atom:
    """Journal entries that must be written together, with their approximate size."""

    def __init__(self) -> None:
        self.entries: dict[EntryKey, bytes | None] = {}
        self.size = 0

    def put(self, key: EntryKey, value: bytes | None) -> None:
        """Add an entry; a later value of a key replaces the earlier."""
        self.entries[key] = value
        self.size += 60 + (len(value) if value else 0)


class Flight:
    """What was handled since the last flush."""

    def __init__(self) -> None:
        self.outputs: dict[tuple[str, int], list[Output]] = {}
        self.atoms: dict[int, list[Atom]] = {}
        self.events: list[Any] = []
        self.records = 0

    def atom(self, partition: int) -> Atom:
        """Where a record's entries go now: the last atom, or a new one if that is full."""
        atoms = self.atoms.setdefault(partition, [])
        if not atoms or atoms[-1].size > ATOM_BYTES:
            atoms.append(Atom())
        return atoms[-1]


class Outbox:
    """Runs handlers over lists of records and brings what they did to the log."""

    def __init__(
        self,
        app: str,
        *,
        codec: Codec,
        clock: Clock,
        metrics: Metrics,
        turn: Turn,
        ship: Callable[[], Shipper],
        halt: Callable[[str], NoReturn],
        max_consecutive_dead_letters: int,
        gaps: GapReport | None,
    ) -> None:
        self.states: dict[int, PartitionState] = {}
        self.closed = True
        """Whether partitions are being rearranged: nothing is handled meanwhile."""
        self._app = app
        self._decode = codec.decode
        self._clock = clock
        self._metrics = metrics
        self._turn = turn
        self._ship = ship
        self._halt = halt
        self._max_streak = max_consecutive_dead_letters
        self._gaps = gaps
        self._flight = Flight()
        self._last: asyncio.Task[None] | None = None
        self._slots = asyncio.Semaphore(FLIGHTS)
        self._shipping = asyncio.Lock()

    @property
    def full(self) -> bool:
        """Whether what was handled should be flushed before more is."""
        return self._flight.records >= RECORDS_A_FLIGHT

    def handle(self, agent: Agent, event: Any, records: list[Any]) -> None:
        """Run the agent over raw records of one partition. No await: nothing interleaves."""
        partition, topic = records[0].partition, agent.source
        state = self.states.setdefault(partition, PartitionState())
        self._turn.begin(state, agent.sink, f"{self._app}/{topic}/{partition}")
        try:
            for record in records:
                self._handle_one(agent, state, record)
                atom = self._flight.atom(partition)
                atom.put(("place", topic), pack(record.offset + 1))
                state.places[topic] = record.offset + 1
        finally:
            self._turn.end()
        self._flight.events.append(event)
        self._flight.records += len(records)

    def _handle_one(self, agent: Agent, state: PartitionState, record: Any) -> None:
        topic, partition, offset = record.topic, record.partition, record.offset
        turn, atom = self._turn, self._flight.atom(partition)
        try:
            envelope = self._decode(record.value if record.value is not None else b"")
            key = record.key.decode() if record.key else ""
        except Exception as error:  # noqa: BLE001 - any record that cannot be read is a dead letter
            self._put_aside(agent, state, record, error)
            return
        meta = envelope.meta
        new, gap = state.marks(topic).observe(meta)
        if not new:
            self._metrics.repeats.inc()
            return
        atom.put(("mark", topic, meta.producer), pack(meta.sequence))
        message = Message(key, meta, envelope.event, topic, partition, offset)
        turn.open(message, record.headers)
        try:
            if gap is not None:
                self._announce(gap, message)
                self._take_over(state, atom, partition)
                turn.open(message, record.headers)
            agent.handler(message, turn.send)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a dead letter
            turn.close()
            self._put_aside(agent, state, record, error)
            return
        self._take_over(state, atom, partition)
        if state.streaks.pop(topic, None):
            atom.put(("streak", topic), None)

    def _take_over(self, state: PartitionState, atom: Atom, partition: int) -> None:
        """The turn's writes and outputs count."""
        turn = self._turn
        for (name, key), value in turn.writes.items():
            rows = state.table(name)
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value
            atom.put(("table", name, key), value)
        outputs = self._flight.outputs
        topic = turn.topic
        for sink, where, output in turn.outputs:
            outputs.setdefault((sink, where), []).append(output)
            number = state.sequences.get((topic, sink, where), 0) + 1
            state.sequences[topic, sink, where] = number
            atom.put(("sequence", topic, sink, where), pack(number))
        turn.close()

    def _announce(self, gap: Gap, message: Message) -> None:
        self._metrics.gaps.inc(gap.found - gap.expected)
        log.warning(
            "messages of a producer never came",
            topic=message.topic,
            partition=message.partition,
            producer=gap.producer,
            expected=gap.expected,
            found=gap.found,
        )
        if self._gaps is not None:
            event = self._gaps.event_for(gap, message)
            self._turn.emit(self._gaps.topic, event, message.key, index="gap")

    def _put_aside(
        self, agent: Agent, state: PartitionState, record: Any, error: Exception
    ) -> None:
        """Dead-letter a record as it came, or stop: too many in a row, or nowhere to put it."""
        topic, partition, offset = record.topic, record.partition, record.offset
        where = f"{topic}/{partition}@{offset}"
        log.warning("dead letter", agent=agent.name, record=where, error=repr(error)[:500])
        if agent.dead_letters is None:
            self._halt(f"{where}: {error!r}, and {topic} has no dead-letter topic")
        streak = state.streaks.get(topic, 0) + 1
        if streak >= self._max_streak:
            self._halt(f"{where}: {streak} dead letters in a row; the last: {error!r}")
        state.streaks[topic] = streak
        self._flight.atom(partition).put(("streak", topic), pack(streak))
        headers = dead_letter_headers(topic, partition, offset, error, self._clock.now())
        letters = self._flight.outputs.setdefault((agent.dead_letters, partition), [])
        letters.append((record.key, record.value, headers))
        self._metrics.dead_letters.labels(topic).inc()

    async def launch(self) -> None:
        """Send off what was handled. Waits while too many flights are on their way."""
        if not self._flight.events:
            return
        await self._slots.acquire()
        flight, self._flight = self._flight, Flight()
        self._last = asyncio.create_task(self._fly(flight, self._last))

    async def flush(self) -> None:
        """Send off what was handled, and wait until all of it is journaled."""
        await self.launch()
        while self._last is not None and not self._last.done():
            await asyncio.shield(self._last)

    async def _fly(self, flight: Flight, previous: "asyncio.Task[None] | None") -> None:
        started = time.monotonic()
        try:
            async with self._shipping:
                acknowledged = [
                    one
                    for (topic, partition), records in flight.outputs.items()
                    for one in await self._ship().ship(topic, partition, records)
                ]
            for written in acknowledged:
                await written
            if previous is not None:
                await previous
            await self._write_journal(flight)
            for event in flight.events:
                event.ack()
        except Exception as error:  # noqa: BLE001 - nothing may be committed after a failed flight
            self._halt(f"flush: {error!r}")
        finally:
            self._slots.release()
        self._metrics.flushed(flight.records, time.monotonic() - started)

    async def _write_journal(self, flight: Flight) -> None:
        for partition, atoms in flight.atoms.items():
            for atom in atoms:
                await self.append(partition, atom.entries.items())

    async def append(
        self, partition: int, entries: Iterable[tuple[EntryKey, bytes | None]]
    ) -> None:
        """Append one batch to a partition of the journal, as its only writer."""
        state = self.states[partition]
        records = journal.write(entries, state.term)
        acknowledged = await self._ship().ship(journal.topic_of(self._app), partition, records)
        if len(acknowledged) != 1:
            self._halt(f"the state that one record touched exceeds a batch of {BATCH_BYTES} bytes")
        written = await acknowledged[0]
        if written.offset != state.end:
            self._halt(
                f"journal {partition}: wrote at {written.offset}, expected {state.end}: "
                "another writer is alive"
            )
        state.end += written.count

"""What was handled goes to the log: outputs, then the journal, then the position.

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

from infra.streaming import journal
from infra.streaming.journal import EntryKey, PartitionState, pack
from infra.streaming.metrics import Metrics
from infra.streaming.wire import Output

RECORDS_A_FLIGHT = 4000
"""Records handled at most before they are flushed."""
SECONDS_A_FLIGHT = 0.05
"""How long records are handled at most before they are flushed: where each costs more, or the
processor is busy, a flight carries fewer, and nobody waits longer."""
QUIET_SECONDS = 0.25
"""How long a flight collects at most that has changed nothing. Nobody hears of it, and who dies
meanwhile reads its records again."""
FLIGHTS = 3
"""Flights on their way at once."""
ATOM_BYTES = 400_000
"""Journal bytes after which a flight begins another batch."""
BATCH_BYTES = 900_000
"""Bytes of a record batch at most; Kafka takes 1 MB unless a topic says otherwise."""


class Written(msgspec.Struct, frozen=True):
    """An acknowledged record batch: its first offset and how many records it holds."""

    offset: int
    count: int


class Shipper(Protocol):
    """Writes records in order to a topic partition, in as few record batches as they fit."""

    async def ship(
        self, topic: str, partition: int, records: Iterable[Output], *, limit: int = BATCH_BYTES
    ) -> list[Awaitable[Written]]:
        """Queue the records in batches of at most `limit` bytes; one acknowledgement a batch."""
        ...

    async def append(self, lists: dict[int, list[Output]]) -> dict[int, Written]:
        """Append one batch to each of these journal partitions, as their owner."""
        ...


class Atom:
    """What one batch of the journal says: all of it happened, or none.

    Places, marks and sequences are collected as numbers and packed once, when it is written.
    """

    __slots__ = ("marks", "places", "rows", "sequences", "size", "streaks")

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], bytes | None] = {}
        self.places: dict[str, int] = {}
        self.marks: dict[tuple[str, str], int] = {}
        self.sequences: dict[tuple[str, str, int], int] = {}
        self.streaks: dict[str, int | None] = {}
        self.size = 0
        """Bytes of the rows in the journal, about."""

    def entries(self) -> list[tuple[EntryKey, bytes | None]]:
        """The entries to be written."""
        written: list[tuple[EntryKey, bytes | None]] = []
        written += [(("table", *row), value) for row, value in self.rows.items()]
        written += [
            (("sequence", *where), pack(number)) for where, number in self.sequences.items()
        ]
        written += [(("mark", *mark), pack(number)) for mark, number in self.marks.items()]
        for topic, streak in self.streaks.items():
            written.append((("streak", topic), None if streak is None else pack(streak)))
        written += [(("place", topic), pack(place)) for topic, place in self.places.items()]
        return written


class Flight:
    """What was handled since the last flush."""

    def __init__(self) -> None:
        self.outputs: dict[tuple[str, int], list[Output]] = {}
        self.atoms: dict[int, list[Atom]] = {}
        self.events: list[Any] = []
        self.records = 0
        self.began = 0.0
        """When the first of them was handled (monotonic seconds)."""

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to say but how far was read."""
        return not self.outputs and not any(
            atom.rows or atom.streaks for atoms in self.atoms.values() for atom in atoms
        )

    def atom(self, partition: int) -> Atom:
        """Where the next record's changes go, all of them: the last atom, or a new one if full."""
        atoms = self.atoms.setdefault(partition, [])
        if not atoms or atoms[-1].size > ATOM_BYTES:
            atoms.append(Atom())
        return atoms[-1]


class Flusher:
    """Sends flights off, in order, `FLIGHTS` of them at a time."""

    def __init__(
        self,
        *,
        states: dict[int, PartitionState],
        ship: Callable[[], Shipper],
        output_limit: int,
        halt: Callable[[str], NoReturn],
        metrics: Metrics,
    ) -> None:
        self.flight = Flight()
        """Where what is being handled collects."""
        self._states = states
        self._ship = ship
        self._output_limit = output_limit
        self._halt = halt
        self._metrics = metrics
        self._last: asyncio.Task[None] | None = None
        self._launching: asyncio.Task[None] | None = None
        """Kept, or it may be collected before it has run."""
        self._waiting: asyncio.TimerHandle | None = None
        """What sends off a quiet flight that nothing follows."""
        self._slots = asyncio.Semaphore(FLIGHTS)
        self._shipping = asyncio.Lock()

    @property
    def full(self) -> bool:
        """Whether what was handled should be flushed before more is."""
        flight = self.flight
        return flight.records >= RECORDS_A_FLIGHT or (
            flight.records > 0 and time.monotonic() - flight.began >= SECONDS_A_FLIGHT
        )

    async def launch(self) -> None:
        """Send off what was handled, a quiet flight a little later.

        Waits while too many flights are on their way.
        """
        flight = self.flight
        left = flight.began + QUIET_SECONDS - time.monotonic()
        if left > 0 and flight.records < RECORDS_A_FLIGHT and flight.quiet:
            if self._waiting is None:
                self._waiting = asyncio.get_running_loop().call_later(left, self._waited)
        else:
            await self._depart()

    def _waited(self) -> None:
        self._waiting = None
        if self.flight.events:
            self._launching = asyncio.create_task(self.launch())

    async def _depart(self) -> None:
        if not self.flight.events:
            return
        await self._slots.acquire()
        if not self.flight.events:  # it departed while this one waited
            self._slots.release()
            return
        flight, self.flight = self.flight, Flight()
        self._last = asyncio.create_task(self._fly(flight, self._last))

    async def flush(self) -> None:
        """Send off what was handled, and wait until all of it is journaled."""
        await self._depart()
        while self._last is not None and not self._last.done():
            await asyncio.shield(self._last)

    async def _fly(self, flight: Flight, previous: "asyncio.Task[None] | None") -> None:
        started = time.monotonic()
        try:
            for written in await self._ship_outputs(flight):
                await written
            if previous is not None:
                await previous
            while due := {where: atoms.pop(0) for where, atoms in flight.atoms.items() if atoms}:
                await self._append(due)
            for event in flight.events:
                event.ack()
        except Exception as error:  # noqa: BLE001 - nothing may be committed after a failed flight
            self._halt(f"flush: {error!r}")
        finally:
            self._slots.release()
        self._metrics.flushed(flight.records, time.monotonic() - started)

    async def _ship_outputs(self, flight: Flight) -> list[Awaitable[Written]]:
        shipper = self._ship()
        async with self._shipping:  # flights' outputs go out in order
            return [
                batch
                for (topic, partition), records in flight.outputs.items()
                for batch in await shipper.ship(topic, partition, records, limit=self._output_limit)
            ]

    async def _append(self, atoms: dict[int, Atom]) -> None:
        """Append a batch to each of these partitions of the journal, as their only writer."""
        written = await self._ship().append(
            {partition: journal.write(atom.entries()) for partition, atom in atoms.items()}
        )
        for partition, batch in written.items():
            state = self._states[partition]
            if batch.offset != state.end:
                self._halt(
                    f"journal {partition}: wrote at {batch.offset}, expected {state.end}: "
                    "something else writes to it"
                )
            state.end += batch.count

"""One view as its writer sees it: the active generation and how far each partition is in it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import TopicPartition

from infra.clock import Clock
from infra.errors import ConfigurationError
from sinks.projection import Message, Reading, Taken
from sinks.store import Position, Store, Superseded
from sinks.view import View

OWED_SECONDS: Final = 0.5
"""How long positions may be owed that messages without changes have brought. Who dies meanwhile
reads those messages again."""


class Lane:
    """Takes messages of its partitions and writes what follows into one generation of a view."""

    def __init__(self, view: View, store: Store, clock: Clock) -> None:
        self.view = view
        self._store = store
        self._clock = clock
        self._owed: dict[TopicPartition, Position] = {}
        """Positions that are not in the store yet, though all rows before them are."""
        self._paid = clock.monotonic()
        self._generation = ""
        self._readings: dict[TopicPartition, Reading] = {}
        self._stored: dict[TopicPartition, int] = {}
        self.news = asyncio.Event()
        """Set when there may be something to do."""
        self.oldest: int | None = None
        """When the oldest message known that is not in the view was written, in milliseconds."""

    def reads(self, topic: str) -> bool:
        """Whether the view is fed by the topic."""
        return topic in self.view.topics

    def lacks(self, partition: TopicPartition) -> bool:
        """Whether the position in a partition it reads is not known yet."""
        return self.reads(partition.topic) and partition not in self._readings

    @property
    def leads(self) -> bool:
        """Whether it goes before the views that tell what came of a command."""
        return self.view.lasting

    def offset(self, partition: TopicPartition) -> int | None:
        """Offset of the next message it needs; None if it has not taken up the partition."""
        reading = self._readings.get(partition)
        return reading.offset if reading else None

    @property
    def offsets(self) -> dict[TopicPartition, int]:
        """Offset of the next message it needs, by partition that it has taken up."""
        return {partition: reading.offset for partition, reading in self._readings.items()}

    def stored(self, partition: TopicPartition) -> int:
        """Offset up to which messages are in the rows; 0 if that is not known."""
        return self._stored.get(partition, 0)

    @property
    def failures_in_a_row(self) -> int:
        """Dead letters of a partition since its last good message, the most of all partitions."""
        return max((reading.failures_in_a_row for reading in self._readings.values()), default=0)

    def forget(self) -> None:
        """Give up all partitions, until they are loaded again."""
        self._readings.clear()
        self._stored.clear()
        self._owed.clear()

    async def load(
        self, ends: Mapping[TopicPartition, int], recent: Mapping[TopicPartition, int]
    ) -> None:
        """Take up the partitions that it lacks, where the active generation stands.

        Rows that expire need only the `recent` end of the log. Raises ConfigurationError if the log
        ends before the position: then it is another log.
        """
        self._generation = (await self._store.generations(self.view)).active
        stored = await self._store.positions(self.view, self._generation)
        for partition in [partition for partition in ends if self.lacks(partition)]:
            position = stored.get(partition, Position(0))
            if not self.view.lasting and not (
                recent[partition] <= position.offset <= ends[partition]
            ):
                position = Position(recent[partition])
            if position.offset > ends[partition]:
                raise ConfigurationError(
                    f"view {self.view.name} has read {partition.topic}/{partition.partition} up to "
                    f"{position.offset}, but it ends at {ends[partition]}: the topic is another. "
                    f"Run `millrace rebuild {self.view.name}`"
                )
            self._readings[partition] = Reading(self.view, position)
            self._stored[partition] = position.offset

    def take(self, batches: Mapping[TopicPartition, Sequence[Message]]) -> Taken:
        """What follows from messages; positions advance."""
        taken = Taken()
        for partition, messages in batches.items():
            if partition in self._readings:
                self._readings[partition].take(messages, taken)
                taken.positions[partition] = self._readings[partition].position
        return taken

    async def write(self, taken: Taken) -> None:
        """Store changes, then the positions. Raises Unavailable.

        Most messages change most views in nothing: their positions alone are stored now and then.
        If another generation is active by now, nothing is lost: the next messages are loaded from
        where that one stands.
        """
        if not taken.positions:
            return
        quiet = not (taken.rows or taken.failures or taken.holes)
        if quiet and self._clock.monotonic() - self._paid < OWED_SECONDS:
            self._owed |= taken.positions
        elif not await self._apply(taken):
            return
        for partition, position in taken.positions.items():
            if partition in self._readings:
                self._stored[partition] = position.offset

    async def settle(self) -> None:
        """Store the positions that are owed. Raises Unavailable."""
        if self._owed:
            await self._apply(Taken())

    @property
    def owes(self) -> bool:
        """Whether there are positions that are not stored yet."""
        return bool(self._owed)

    async def _apply(self, taken: Taken) -> bool:
        """Store all there is; False: another generation is active."""
        positions = self._owed | taken.positions
        try:
            await self._store.apply(self.view, self._generation, taken.rows, positions, live=True)
        except Superseded:
            self.forget()
            return False
        self._owed.clear()
        self._paid = self._clock.monotonic()
        return True

    def follow(self, active: str) -> None:
        """Forget the positions if another generation is active by now."""
        if active != self._generation:
            self.forget()
            self.news.set()

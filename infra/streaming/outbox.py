"""Runs handlers over lists of records: what they did counts whole or, if one fails, not at all."""

import time
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec
import structlog

from infra.clock import Clock
from infra.continuity import Gap
from infra.errors import InvalidRecord
from infra.record import Codec, Record
from infra.streaming.flush import Atom, Flusher, Shipper
from infra.streaming.journal import PartitionState
from infra.streaming.metrics import Metrics
from infra.streaming.turn import Turn
from infra.streaming.wire import Handler, Message, dead_letter_headers

log = structlog.get_logger()

CHANGES_BYTES = 400_000
"""Bytes of rows that one message may write: they must fit one batch of the journal."""


class Agent(msgspec.Struct, frozen=True):
    """A registered handler: what it reads, where its outputs and its dead letters go."""

    name: str
    source: str
    sink: str | None
    handler: Handler
    dead_letters: str | None
    background: bool = False
    """Whether nobody waits for what it does."""


class GapReport(msgspec.Struct, frozen=True):
    """Where holes in a producer's numbers are announced."""

    topic: str
    event_for: Callable[[Gap, Message], Record]


class Outbox:
    """What handlers did, until the flusher has brought it to the log."""

    def __init__(
        self,
        app: str,
        *,
        codec: Codec,
        clock: Clock,
        metrics: Metrics,
        turn: Turn,
        ship: Callable[[], Shipper],
        output_limit: int,
        halt: Callable[[str], NoReturn],
        max_consecutive_dead_letters: int,
        gaps: GapReport | None,
    ) -> None:
        self.states: dict[int, PartitionState] = {}
        self.closed = True
        """Whether partitions are being rearranged: nothing is handled meanwhile."""
        self.flusher = Flusher(
            states=self.states,
            ship=ship,
            output_limit=output_limit,
            halt=halt,
            metrics=metrics,
        )
        self._app = app
        self._decode = codec.decode
        self._clock = clock
        self._metrics = metrics
        self._turn = turn
        self._halt = halt
        self._max_streak = max_consecutive_dead_letters
        self._gaps = gaps

    def handle(self, agent: Agent, event: Any, records: list[Any]) -> None:
        """Run the agent over raw records of one partition. No await: nothing interleaves."""
        partition, topic = records[0].partition, agent.source
        state, flight = self.states[partition], self.flusher.flight
        if not flight.records:
            flight.began = time.monotonic()
        self._turn.begin(state, agent.sink, f"{self._app}/{topic}/{partition}")
        try:
            for record in records:
                atom = flight.atom(partition)
                self._handle_one(agent, state, atom, record)
                atom.places[topic] = state.places[topic] = record.offset + 1
        finally:
            self._turn.end()
        flight.events.append(event)
        flight.records += len(records)

    def _handle_one(self, agent: Agent, state: PartitionState, atom: Atom, record: Any) -> None:
        turn, topic = self._turn, agent.source
        try:
            if record.value is None:
                raise InvalidRecord("no value")
            envelope = self._decode(record.value)
            raw = record.key or b""
            key = raw.decode()
        except Exception as error:  # noqa: BLE001 - any record that cannot be read is a dead letter
            self._put_aside(agent, state, atom, record, error)
            return
        meta = envelope.meta
        new, gap = state.marks(topic).observe(meta)
        if not new:
            self._metrics.repeats.inc()
            return
        atom.marks[topic, meta.producer] = meta.sequence
        message = Message(key, meta, envelope.event, topic, record.partition, record.offset)
        turn.open(message, raw, record.headers)
        try:
            if gap is not None:
                self._announce(gap, message)
                self._take_over(state, atom)
                turn.open(message, raw, record.headers)
            agent.handler(message, turn.send)
            self._take_over(state, atom)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a dead letter
            turn.close()
            state.derived.clear()
            self._put_aside(agent, state, atom, record, error)
            return
        if topic in state.streaks:
            del state.streaks[topic]
            atom.streaks[topic] = None

    def _take_over(self, state: PartitionState, atom: Atom) -> None:
        """The turn's writes and outputs count. Raises InvalidRecord if it wrote too much."""
        turn = self._turn
        if turn.writes:
            size = turn.written_bytes
            if size > CHANGES_BYTES:
                raise InvalidRecord(f"{size} bytes of rows, one message may write {CHANGES_BYTES}")
            atom.size += size
            for row, value in turn.writes.items():
                atom.rows[row] = value
                rows = state.table(row[0])
                if value is None:
                    rows.pop(row[1], None)
                else:
                    rows[row[1]] = value
        if turn.outputs:
            outputs = self.flusher.flight.outputs
            for sink, where, output in turn.outputs:
                outputs.setdefault((sink, where), []).append(output)
            state.sequences.update(turn.sequences)
            atom.sequences.update(turn.sequences)
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
        self, agent: Agent, state: PartitionState, atom: Atom, record: Any, error: Exception
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
        state.streaks[topic] = atom.streaks[topic] = streak
        headers = dead_letter_headers(topic, partition, offset, error, self._clock.now())
        letters = self.flusher.flight.outputs.setdefault((agent.dead_letters, partition), [])
        letters.append((record.key, record.value, headers))
        self._metrics.dead_letters.labels(topic).inc()

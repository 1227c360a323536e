"""What the logs must hold after a run, against what they hold."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

import msgspec

from infra.continuity import Continuity
from infra.errors import InvalidRecord
from infra.streaming.journal import PartitionState
from infra.streaming.wire import ORIGIN
from tests.faults.records import Counted, FaultCodec, is_poison

Place = tuple[int, int]
"""Partition and offset of a source record."""


class Logs(NamedTuple):
    """Everything that was written in a run, each topic in order within its partitions."""

    inputs: list[Any]
    outputs: list[Any]
    dead_letters: list[Any]
    journal: list[Any]
    handled: list[Place]
    """What handlers noted, in every life of every worker."""


class Verdict(msgspec.Struct):
    """Counters; all but `repeated` and `handled_again` must be 0."""

    skipped: int = 0
    """Source records no handler ever saw."""
    missing: int = 0
    """Source records without their output."""
    wrong: int = 0
    """Outputs that differ from what the input says they are."""
    unequal_repeats: int = 0
    """Outputs written twice that differ in id, sequence or content: readers cannot drop them."""
    dead_missing: int = 0
    dead_wrong: int = 0
    table_differences: int = 0
    """Rows, and places, of the journal's fold that differ from the fold of the input."""
    holes: int = 0
    """Numbers of a producer that never came."""
    read_wrong: int = 0
    """Outputs that a reader with infra.continuity did not get exactly once."""
    left: int = 0
    """Source records not yet committed when the run was given up."""
    stuck: int = 0
    """Workers that did not leave on SIGTERM."""
    repeated: int = 0
    """Outputs written again: allowed."""
    handled_again: int = 0
    """Records that a handler saw again after a fault: allowed, their first effect was void."""

    ALLOWED: ClassVar = ("repeated", "handled_again")

    @property
    def failures(self) -> dict[str, int]:
        """Counters that must be 0 and are not."""
        return {
            name: count
            for name, count in msgspec.structs.asdict(self).items()
            if count and name not in self.ALLOWED
        }


class Expected:
    """The fold of the input: what every log must hold."""

    def __init__(self, inputs: Iterable[Any]) -> None:
        self.outputs: dict[Place, Counted] = {}
        self.dead: set[Place] = set()
        self.orders: set[Place] = set()
        self.counts: Counter[tuple[int, str]] = Counter()
        self.sums: Counter[int] = Counter()
        self.ends: Counter[int] = Counter()
        codec = FaultCodec()
        for record in inputs:
            place = record.partition, record.offset
            self.ends[record.partition] = record.offset + 1
            try:
                order = codec.decode(record.value).event
            except InvalidRecord:
                self.dead.add(place)
                continue
            self.orders.add(place)
            if is_poison(order):
                self.dead.add(place)
                continue
            counted = self.counts[record.partition, order.name] + 1
            self.counts[record.partition, order.name] = counted
            self.sums[record.partition] += order.number
            self.outputs[place] = Counted(number=order.number, name=order.name, count=counted)


def judge(logs: Logs, *, journaled: bool = True) -> Verdict:
    """Compare a run's logs with the fold of its input."""
    expected, verdict = Expected(logs.inputs), Verdict()
    seen = set(logs.handled)
    verdict.skipped = len(expected.orders - seen)
    verdict.handled_again = len(logs.handled) - len(seen)
    _judge_outputs(logs.outputs, expected, verdict)
    dead = {dead_place_of(record) for record in logs.dead_letters}
    verdict.dead_missing = len(expected.dead - dead)
    verdict.dead_wrong = len(dead - expected.dead)
    if journaled:
        _judge_journal(logs.journal, expected, verdict)
        _judge_reading(logs.outputs, expected, verdict)
    return verdict


def place_of(record: Any) -> Place:
    """The source record that an output was derived from."""
    origin = dict(record.headers)[ORIGIN].decode()
    _, partition, offset, _ = origin.rsplit("/", 3)
    return int(partition), int(offset)


def dead_place_of(record: Any) -> Place:
    """The source record that a dead letter is."""
    headers = dict(record.headers)
    return int(headers["origin-partition"]), int(headers["origin-offset"])


def _judge_outputs(outputs: list[Any], expected: Expected, verdict: Verdict) -> None:
    codec = FaultCodec()
    written: dict[Place, Any] = {}
    numbers: dict[tuple[int, str], set[int]] = defaultdict(set)
    for record in outputs:
        place, envelope = place_of(record), codec.decode(record.value)
        numbers[record.partition, envelope.meta.producer].add(envelope.meta.sequence)
        if place in written:
            verdict.repeated += 1
            verdict.unequal_repeats += written[place] != (record.partition, envelope)
        written[place] = record.partition, envelope
        verdict.wrong += envelope.event != expected.outputs.get(place)
    verdict.missing = len(expected.outputs.keys() - written.keys())
    verdict.holes = sum(max(found) + 1 - len(found) for found in numbers.values())


def _judge_reading(outputs: list[Any], expected: Expected, verdict: Verdict) -> None:
    """A reader that drops what is not above its marks sees each output once, and no gap."""
    codec, readers = FaultCodec(), defaultdict[int, Continuity](Continuity)
    read: Counter[Place] = Counter()
    for record in outputs:
        new, gap = readers[record.partition].observe(codec.decode(record.value).meta)
        verdict.read_wrong += gap is not None
        read[place_of(record)] += new
    verdict.read_wrong += sum(read[place] != 1 for place in expected.outputs)


def _judge_journal(journal: list[Any], expected: Expected, verdict: Verdict) -> None:
    """Fold the journal as a restart would, and compare each row and place."""
    states: dict[int, PartitionState] = defaultdict(PartitionState)
    for record in journal:
        states[record.partition].absorb(record.key, record.value)
    unpack = msgspec.msgpack.decode
    found, places = {}, {}
    for partition, state in states.items():
        for table, rows in state.tables.items():
            found.update({(partition, table, key): unpack(raw) for key, raw in rows.items()})
        places[partition] = max(state.places.values(), default=0)
    wanted = {(p, "count-by-key", key): count for (p, key), count in expected.counts.items()}
    wanted.update({(p, "sum-by-partition", "sum"): total for p, total in expected.sums.items()})
    addresses = found.keys() | wanted.keys()
    verdict.table_differences = sum(found.get(at) != wanted.get(at) for at in addresses)
    verdict.table_differences += sum(
        places.get(partition) != end for partition, end in expected.ends.items()
    )

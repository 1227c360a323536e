"""The dispatcher: commands in; what becomes of ladders, workers and reservations out.

`decide` changes the pool and says what it did. It knows no clock but the log's: time is what ticks
say, and a command's own time if that is later.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from agents.transcode import reservations, streams, workers
from agents.transcode.case import Case
from agents.transcode.pool import Pool
from agents.transcode.rows import SECOND, Clock
from infra.record import Record
from schemas.records.clock import Tick
from schemas.records.transcode import (
    AdmitStream,
    CancelReservation,
    DescribeSource,
    DropRung,
    PoolMeasured,
    ReleaseStream,
    ReportDeath,
    ReportWorker,
    RequestRenditions,
    ReserveCapacity,
    SetTier,
)

MEASURED_EVERY: Final = 10 * SECOND
CHANGES: Final = 600
"""Rows that may be written before what else is due waits for the next command: a message's
changes must fit one batch of the journal."""

_RULES: Final[dict[type[Record], Callable[[Case, Any], None]]] = {
    AdmitStream: streams.admit,
    DescribeSource: streams.describe,
    ReleaseStream: streams.release,
    SetTier: streams.set_tier,
    RequestRenditions: streams.request,
    ReportWorker: workers.report,
    DropRung: workers.drop,
    ReportDeath: workers.die,
    ReserveCapacity: reservations.reserve,
    CancelReservation: reservations.cancel,
}


def decide(pool: Pool, command: Record, occurred_at: int) -> list[Record]:
    """What follows from a command. The pool has changed; `take_changes` has the rows to write."""
    if isinstance(command, Tick):
        if not pool.rows["clock"]:
            return []  # the pool is in another partition, or there is none yet
        pool.put("clock", "", replace(pool.clock, ticked_at=max(pool.clock.ticked_at, occurred_at)))
    elif not pool.rows["clock"]:
        pool.put("clock", "", Clock())
    if isinstance(command, ReportWorker) and workers.is_as_known(pool, command):
        pool.put("heard", command.worker_id, max(pool.clock.ticked_at, occurred_at))
        if not pool.is_anything_due:
            return []
    case = Case(pool, occurred_at)
    rule = _RULES.get(type(command))
    if rule is not None:
        rule(case, command)
    _turn(case)
    if len(pool.changed) > 1 or pool.grown:
        case.balance.settle()
        workers.dismiss_drained(case)
    case.said += case.draft.events()
    if isinstance(command, Tick):
        _measure(case)
    return case.said


def _turn(case: Case) -> None:
    """What is due by time."""
    pool = case.pool
    while len(pool.changed) < CHANGES and (due := pool.take_due()):
        table, key = due
        match table:
            case "stream":
                streams.turn(case, pool.streams[key])
            case "reservation":
                reservations.turn(case, pool.rows["reservation"][key])
            case "heard":
                workers.silent(case, key)
            case "replaced":
                workers.forget_replaced(case, key)


def _measure(case: Case) -> None:
    pool, clock = case.pool, case.pool.clock
    if clock.measured_at + MEASURED_EVERY > clock.ticked_at:
        return
    pool.put("clock", "", replace(clock, measured_at=clock.ticked_at))
    totals = pool.totals
    capacity = sum(worker.capacity for worker in pool.workers.values())
    case.said.append(
        PoolMeasured(
            pool=case.rules.pool,
            workers=len(pool.workers),
            streams=totals.streams,
            transcoded=totals.transcoded,
            capacity=capacity,
            used=totals.used,
            guaranteed=totals.firm,
            reserved=int(case.rules.reserve * totals.capacity) + totals.held,
            wanted=totals.wanted,
            served=totals.served,
        )
    )

"""What happens to workers: they come, say what they can do, fall behind, and go."""

from typing import Final

from agents.transcode.balance import others
from agents.transcode.case import Case
from agents.transcode.pool import Pool
from agents.transcode.rows import SECOND, STREAMS, BackOff, Held, Stream, Worker, with_rungs
from schemas.records.transcode import (
    DropRung,
    ReportDeath,
    ReportWorker,
    StreamQuarantined,
    WorkerJoined,
    WorkerLeft,
)

DEATHS: Final = 3
"""Processes that may die of a stream within `DEATHS_WITHIN`; then it is made no more."""
DEATHS_WITHIN: Final = 600 * SECOND
LONGEST_BACK_OFF: Final = 3_600 * SECOND


def report(case: Case, command: ReportWorker) -> None:
    """A worker says that it is there, and what it can do."""
    pool, worker_id = case.pool, command.worker_id
    if worker_id in pool.rows["replaced"]:
        pool.put("replaced", worker_id, case.now)
        return
    worker = _described(command)
    before = pool.workers.get(worker_id)
    if before is None:
        if not worker.draining:
            _join(case, worker)
        return
    pool.put("heard", worker_id, case.now)
    if before == worker:
        return
    if before.decoding != worker.decoding:
        case.balance.unhold(worker_id)
    if worker.draining:
        case.balance.drain(worker)
    else:
        pool.put_worker(worker_id, worker)
    case.balance.shed(worker_id)


def is_as_known(pool: Pool, command: ReportWorker) -> bool:
    """Whether a worker says nothing new but that it is there: most of what is said."""
    known = pool.workers.get(command.worker_id)
    return known is not None and known == _described(command)


def _described(command: ReportWorker) -> Worker:
    return Worker(
        worker_id=command.worker_id,
        name=command.name,
        capacity=max(0, command.capacity),
        decoding=max(0, command.decoding),
        streams=min(max(0, command.streams), STREAMS),
        encoders=tuple(command.encoders),
        draining=command.draining,
    )


def _join(case: Case, worker: Worker) -> None:
    pool, worker_id = case.pool, worker.worker_id
    former = pool.names.get(worker.name)
    pool.put_worker(worker_id, worker)
    pool.put("heard", worker_id, case.now)
    pool.watch("heard", worker_id)
    case.said.append(
        WorkerJoined(
            pool=case.rules.pool,
            worker_id=worker_id,
            name=worker.name,
            capacity=worker.capacity,
            encoders=list(worker.encoders),
        )
    )
    if former is not None:
        pool.put("replaced", former, case.now)
        pool.watch("replaced", former)
        _leave(case, former, "replaced", worker_id)


def silent(case: Case, worker_id: str) -> None:
    """A worker has said nothing for too long."""
    _leave(case, worker_id, "lost")


def forget_replaced(case: Case, worker_id: str) -> None:
    """Nothing was heard any more of a worker whose place another has taken."""
    case.pool.put("replaced", worker_id, None)


def dismiss_drained(case: Case) -> None:
    """Workers that wanted to be rid of their streams are."""
    for worker_id in sorted(case.pool.draining):
        if not case.pool.loads[worker_id].streams:
            _leave(case, worker_id, "drained")


def _leave(case: Case, worker_id: str, reason: str, prefer: str = "") -> None:
    name = case.pool.workers[worker_id].name
    case.balance.lose(worker_id, f"worker_{reason}", prefer)
    case.pool.put("heard", worker_id, None)
    case.said.append(
        WorkerLeft(
            pool=case.rules.pool,
            worker_id=worker_id,
            name=name,
            reason=reason,  # type: ignore[arg-type]
        )
    )


def drop(case: Case, command: DropRung) -> None:
    """A worker cannot go on making a rung: it waits, here for longer each time."""
    stream = _assigned(case, command)
    names = [each.name for each in stream.ladder.renditions] if stream else []
    if stream is None or command.rendition not in names:
        return
    rung = names.index(command.rendition)
    if stream.rungs[rung].state not in ("granted", "going"):
        return
    reason = "encoder_failed" if command.reason == "encoder_failed" else "worker_behind"
    delay = case.rules.back_off
    for each in stream.backoffs:
        if each.name == command.rendition and each.worker_id == stream.worker_id:
            delay = min(2 * each.delay, LONGEST_BACK_OFF)
    rest = BackOff(command.rendition, stream.worker_id, case.now + delay, delay)
    after = case.draft.mend(
        stream,
        reason,
        rungs=with_rungs(stream, {rung: Held("waiting", reason)}),
        backoffs=(*others(stream, command.rendition), rest),
        since=case.now,
    )
    if after.standing == "partner":
        case.sharing.serve(after, reason)


def die(case: Case, command: ReportDeath) -> None:
    """A process died of a stream: the third time, no other is given it."""
    stream = _assigned(case, command)
    if stream is None or stream.quarantined:
        return
    recent = tuple(each for each in stream.deaths if each + DEATHS_WITHIN > case.now)
    deaths = (*recent, case.now)
    if len(deaths) < DEATHS:
        case.draft.edit(stream, "quarantined", deaths=deaths)
        return
    case.said.append(
        StreamQuarantined(
            stream_id=stream.stream_id,
            channel_id=stream.channel_id,
            deaths=len(deaths),
            media_sequence=command.media_sequence,
            kept_object=command.kept_object,
            detail=command.detail,
        )
    )
    case.draft.mend(
        stream, "quarantined", deaths=deaths, quarantined=True, rungs=(), worker_id="", target=""
    )


def _assigned(case: Case, command: DropRung | ReportDeath) -> Stream | None:
    """The stream that a worker speaks of, if it is still its to make."""
    stream = case.pool.streams.get(command.stream_id)
    if stream is None or not stream.worker_id or stream.worker_id != command.worker_id:
        return None
    return stream if stream.assignment == command.assignment else None

"""Commands for tests of the dispatcher, and a pool that hears them."""

from typing import Any

import msgspec

from agents.transcode.model import decide
from agents.transcode.pool import TABLES, Pool
from agents.transcode.rows import Rules
from infra.record import Record
from schemas.records.clock import Tick
from schemas.records.transcode import (
    AdmitStream,
    CancelReservation,
    DescribeSource,
    DropRung,
    LadderChanged,
    ReleaseStream,
    ReportDeath,
    ReportWorker,
    RequestRenditions,
    ReserveCapacity,
    SetTier,
)

SECOND = 1_000_000
BEGINNING = 1_700_000_000 * SECOND
POOL = "default"
FULL_HD = (1920, 1080, 60.0)
HD = (1280, 720, 30.0)
SD = (854, 480, 30.0)
NONE = (0, 0, 0.0)
FULL = 297_600
"""What all rungs of a 1080p60 source cost: 216 000 + 48 600 + 27 600 + 5 400."""


def report(name: str, capacity: int, *, run: int = 1, **more: Any) -> ReportWorker:
    given = {"decoding": 0, "streams": 100, "draining": False} | more
    return ReportWorker(
        pool=POOL,
        worker_id=f"{name}.{run}",
        name=name,
        capacity=capacity,
        encoders=["libx264"],
        **given,
    )


def tier(channel: str, tier: Any) -> SetTier:
    return SetTier(pool=POOL, channel_id=channel, tier=tier)


def admit(stream: str, channel: str | None = None, session: str = "p1") -> AdmitStream:
    return AdmitStream(
        pool=POOL, stream_id=stream, channel_id=channel or f"of-{stream}", session_id=session
    )


def describe(stream: str, source: tuple[int, int, float] = FULL_HD) -> DescribeSource:
    width, height, rate = source
    return DescribeSource(
        pool=POOL, stream_id=stream, session_id="p1", width=width, height=height, frame_rate=rate
    )


def release(stream: str) -> ReleaseStream:
    return ReleaseStream(pool=POOL, stream_id=stream)


def wish(stream: str, viewer: str) -> RequestRenditions:
    return RequestRenditions(pool=POOL, stream_id=stream, viewer=viewer)


def reserve(name: str, channel: str, begins: int, ends: int) -> ReserveCapacity:
    return ReserveCapacity(
        pool=POOL,
        reservation_id=name,
        channel_id=channel,
        begins_at=begins,
        ends_at=ends,
        width=1920,
        height=1080,
        frame_rate=60.0,
    )


def cancel(name: str) -> CancelReservation:
    return CancelReservation(pool=POOL, reservation_id=name)


def drop(
    worker: str, stream: str, assignment: int, rendition: str, reason: str = "worker_behind"
) -> DropRung:
    return DropRung(
        pool=POOL,
        worker_id=worker,
        stream_id=stream,
        assignment=assignment,
        rendition=rendition,
        reason=reason,
        detail="0.8x",
    )


def death(worker: str, stream: str, assignment: int) -> ReportDeath:
    return ReportDeath(
        pool=POOL,
        worker_id=worker,
        stream_id=stream,
        assignment=assignment,
        media_sequence=7,
        kept_object="kept/7.mp4",
        detail="signal 11",
    )


def copied(pool: Pool) -> Pool:
    """The pool as it is restored from its rows."""
    rows = [
        (table, key, msgspec.msgpack.decode(msgspec.msgpack.encode(row), type=TABLES[table]))
        for table, found in pool.rows.items()
        for key, row in found.items()
    ]
    return Pool(pool.rules, rows[::-1])


class Dispatcher:
    """A pool, the time, and what was last said of each stream."""

    def __init__(self, **rules: Any) -> None:
        self.pool = Pool(Rules(**rules))
        self.now = BEGINNING
        self.ladders: dict[str, LadderChanged] = {}
        self.workers: dict[str, ReportWorker] = {}

    def put(self, *commands: Record) -> list[Record]:
        """What follows from the commands."""
        said = []
        for command in commands:
            if isinstance(command, ReportWorker):
                self.workers[command.name] = command
            said += decide(self.pool, command, self.now)
            self.pool.take_changes()
        for event in said:
            if isinstance(event, LadderChanged):
                self.ladders[event.stream_id] = event
        return said

    def wait(self, seconds: int) -> list[Record]:
        """What follows while so many seconds pass; workers go on reporting."""
        said = []
        for _ in range(seconds):
            self.now += SECOND
            said += self.put(*self.workers.values(), Tick())
        return said

    def stream(
        self, name: str, tier_: Any, source: tuple[int, int, float] = FULL_HD
    ) -> list[Record]:
        """A stream of that tier comes."""
        self.now += 1
        return self.put(tier(f"of-{name}", tier_), admit(name), describe(name, source))

    def rungs(self, stream: str) -> dict[str, tuple[str, str]]:
        """State and reason of each rung, as last said."""
        return {each.name: (each.state, each.reason) for each in self.ladders[stream].rungs}

    def made(self, stream: str) -> list[str]:
        """Rungs that are made for as long as nobody wants their room."""
        return [each.name for each in self.ladders[stream].rungs if each.state == "granted"]


TIER = ("granted", "tier")
IDLE = ("granted", "idle_capacity")
GOING = ("going", "preempted")
CLAIM = ("waiting", "awaiting_preemption")
NO_ROOM = ("waiting", "no_capacity")
NOT_ITS = ("refused", "tier")
WHOLE = ["720p60", "480p30", "360p30", "160p30"]


def of(said: list[Any], kind: type) -> list[Any]:
    return [each for each in said if isinstance(each, kind)]


def causes(said: list[Any]) -> list[tuple[str, str]]:
    return [(each.stream_id, each.cause) for each in of(said, LadderChanged)]

"""Which renditions of which streams this worker makes, as the dispatcher says. Pure."""

import msgspec

from schemas.records.transcode import LadderChanged, Rung

MADE = ("granted", "going")
"""States of rungs that are made."""


class Work(msgspec.Struct, frozen=True):
    """What is made of a stream."""

    stream_id: str
    assignment: int
    rungs: tuple[Rung, ...]

    def same(self, other: "Work") -> bool:
        """Whether both are the same pictures of the same stream."""
        return [*map(_shape, self.rungs)] == [*map(_shape, other.rungs)]


def work_of(ladder: LadderChanged, worker_id: str) -> Work | None:
    """A worker's share of a decision; None if there is none."""
    rungs = tuple(rung for rung in ladder.rungs if rung.state in MADE)
    if ladder.worker_id != worker_id or not rungs:
        return None
    return Work(ladder.stream_id, ladder.assignment, rungs)


def made_elsewhere(ladder: LadderChanged, worker_id: str) -> bool:
    """Whether another worker goes on with the stream."""
    made = any(rung.state in MADE for rung in ladder.rungs)
    return made and ladder.worker_id not in ("", worker_id)


def macroblocks(rung: Rung) -> float:
    """What a rung costs: 16x16 blocks a second (ITU-T H.264, A.3.1)."""
    return -(-rung.width // 16) * -(-rung.height // 16) * rung.frame_rate


def _shape(rung: Rung) -> tuple[str, int, int, float, int]:
    return rung.name, rung.width, rung.height, rung.frame_rate, rung.bitrate

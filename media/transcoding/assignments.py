"""Which renditions of which streams this worker makes, as the dispatcher says. Pure."""

import msgspec

from media.encoding.sizes import macroblocks
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


def cost(rung: Rung) -> float:
    """Macroblocks of a rung in a second."""
    return macroblocks(rung.width, rung.height) * rung.frame_rate


def _shape(rung: Rung) -> tuple[str, int, int, float, int]:
    return rung.name, rung.width, rung.height, rung.frame_rate, rung.bitrate

"""Precision, recall and F1, and where a score is best cut."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Quality:
    """How well the flagged messages match the labelled ones."""

    precision: float
    recall: float
    f1: float


def quality(flagged: npt.NDArray[np.bool_], truth: npt.NDArray[np.int_]) -> Quality:
    """Compares what was flagged with labels 0 and 1."""
    right = int((flagged & (truth == 1)).sum())
    precision = right / max(int(flagged.sum()), 1)
    recall = right / max(int((truth == 1).sum()), 1)
    return Quality(precision, recall, 2 * precision * recall / max(precision + recall, 1e-9))


def best_cut(scores: npt.NDArray[np.float64], truth: npt.NDArray[np.int_]) -> tuple[float, float]:
    """The score from which flagging gives the best F1, and that F1."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(truth[order] == 1)
    flagged = np.arange(1, len(order) + 1)
    f1 = 2 * right / (flagged + max(int((truth == 1).sum()), 1))
    best = int(np.argmax(f1))
    after = scores[order[best + 1]] if best + 1 < len(order) else scores[order[best]]
    return float((scores[order[best]] + after) / 2), float(f1[best])

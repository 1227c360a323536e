"""Trains AutoMod's model from a folder of public sets: python -m benchmarks.train_automod DATA."""

import argparse
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agents.chat.automod import CATEGORIES
from agents.chat.automod.network import DIGEST_LENGTH, dump
from benchmarks._automod import fit
from benchmarks._automod.disguise import disguised
from benchmarks._automod.figures import best_cut
from benchmarks._automod.sources import YES, Example, examples, gold
from benchmarks._automod.synthetic import synthetic

SEEDS = (1, 2)
RARE = ("sexual", "aggression", "spam")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", type=Path, help="folder with the sets that docs/explanation/automod.md names"
    )
    parser.add_argument("--into", type=Path, default=Path("agents/chat/automod"))
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rate", type=float, default=0.015)
    parser.add_argument("--decay", type=float, default=1.0)
    options = parser.parse_args()
    everything = [*examples(options.data), *synthetic()]
    training = [example for example in everything if example.split == "train"]
    tuning = [example for example in everything if example.split == "tune"]
    texts, labels, importance = training_rows(training)
    print(f"{len(training)} examples, {len(texts)} rows", file=sys.stderr)
    documents = fit.documents_of(texts)
    names = fit.vocabulary(documents, labels)
    rows = fit.matrix_of(documents, names)
    del documents
    print(f"{len(names)} features", file=sys.stderr)
    weights = fit.together(
        [
            fit.fit(
                rows, labels, importance,
                epochs=options.epochs, rate=options.rate, decay=options.decay, seed=seed,
            )
            for seed in SEEDS
        ]
    )  # fmt: skip
    content = finished(weights, names, tuning)
    version = f"automod-1-{sha256(content).hexdigest()[:DIGEST_LENGTH]}"
    (options.into / f"{version}.model").write_bytes(content)
    print(version, len(content))


def training_rows(
    training: Sequence[Example],
) -> tuple[list[str], npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Each example as it is and disguised; those of rare categories in more disguises."""
    texts, labels, importance = [], [], []
    for example in training:
        rare = any(example.labels[CATEGORIES.index(category)] == YES for category in RARE)
        made = example.source.startswith("made")
        copies = 3 if rare or made else 1
        versions = [example.text, *(disguised(example.text, str(copy)) for copy in range(copies))]
        texts += versions
        labels += [example.labels] * len(versions)
        importance += [source_weight(example)] * len(versions)
    return texts, np.array(labels, np.int8), np.array(importance, np.float32)[:, None]


def source_weight(example: Example) -> float:
    """What is written for a test counts less than what somebody said; harmless chat counts more."""
    return {"templates": 0.3, "made-fine": 3.0}.get(example.source, 1.0)


def finished(weights: fit.Weights, names: Sequence[str], tuning: Sequence[Example]) -> bytes:
    """The model's file, its scores such that 500 is where F1 is best on the tuning side."""
    texts = [example.text for example in tuning]
    texts += [disguised(example.text, "tune") for example in tuning]
    rows = fit.matrix_of(fit.documents_of(texts), names)
    found = fit.sums(weights, rows)
    shift = []
    for place, category in enumerate(CATEGORIES):
        used = [decides(example, category) for example in tuning] * 2
        truth = np.array([example.labels[place] for example in tuning] * 2)
        chosen = np.array(used) & (truth >= 0)
        cut, f1 = best_cut(found[chosen, place], truth[chosen])
        print(f"{category}: F1 {f1:.3f} at {cut:.2f} on the tuning side", file=sys.stderr)
        shift.append(-cut)
    layers, lanes = fit.whole_numbers(weights, [1.0] * len(CATEGORIES), shift)
    return dump(layers, names, lanes)


def decides(example: Example, category: str) -> bool:
    """Whether an example has a say in where scores are cut: what people labelled, harmless chat.

    In two categories people labelled so little that made messages have one too.
    """
    thin = category in ("sexual", "aggression") and example.source.startswith("made")
    return thin or example.source == "made-fine" or gold(example, category)


if __name__ == "__main__":
    main()

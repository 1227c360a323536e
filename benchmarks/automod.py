"""AutoMod on messages it has not seen, against a word list and a linear bag of words.

`uv run --group bench python -m benchmarks.automod DATA`, with the folder that
docs/explanation/automod.md describes. Precision, recall and F1 by category: on messages as they
were written, in disguises it was trained against, and in disguises it was not. Then microseconds a
message on one core.
"""

import argparse
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from agents.chat.automod import CATEGORIES, HELD_FROM, MODEL, AutoMod, score
from benchmarks._automod.disguise import TRAINED, UNSEEN, disguised
from benchmarks._automod.figures import Quality, best_cut, quality
from benchmarks._automod.sources import NO, UNKNOWN, Example, examples, gold
from benchmarks._automod.synthetic import synthetic

WORD_LIST = "blocked_terms_en.txt"
Flagger = Callable[[Sequence[str]], npt.NDArray[np.bool_]]
OUT = Console(width=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    folder = parser.parse_args().data
    everything = [*examples(folder), *synthetic()]
    sides = {side: [e for e in everything if e.split == side] for side in ("train", "tune", "test")}
    listed = word_list(folder / WORD_LIST)
    table = Table("category", "messages", "of the test side", "word list", "bag of words", MODEL)
    for category in CATEGORIES:
        bag = bag_of_words(category, sides["train"], sides["tune"])
        for name, texts, truth in conditions(category, sides["test"]):
            flagged = [flagger(texts) for flagger in (listed, bag, automod(category, 3))]
            cells = [shown(quality(each, truth)) for each in flagged]
            table.add_row(category, f"{truth.sum()} of {len(truth)}", name, *cells)
        table.add_section()
    OUT.print("precision / recall / F1; AutoMod at level 3", table)
    OUT.print("precision / recall / F1 of AutoMod by level", by_level(sides["test"]))
    OUT.print("harmless messages held with all categories on", held_harmless(sides["test"]))
    OUT.print(speed([example.text for example in sides["test"] if example.source != "jigsaw"]))


def conditions(
    category: str, test: Sequence[Example]
) -> list[tuple[str, list[str], npt.NDArray[np.int_]]]:
    """The messages of the test side: those that people labelled, plain and disguised; made ones."""
    place = CATEGORIES.index(category)
    said = [example for example in test if gold(example, category)]
    made = [
        example for example in test
        if example.source.startswith("made") and example.labels[place] != UNKNOWN
    ]  # fmt: skip
    labels = np.array([example.labels[place] for example in said])
    plain = [example.text for example in said]
    return [
        ("as written", plain, labels),
        ("disguised", [disguised(text, "test", TRAINED) for text in plain], labels),
        ("disguised, unseen kinds", [disguised(text, "test", UNSEEN) for text in plain], labels),
        ("made, patterns unseen", [example.text for example in made],
         np.array([example.labels[place] for example in made])),
    ]  # fmt: skip


def word_list(path: Path) -> Flagger:
    """Flags a message with any term of the list as a whole word, in any category."""
    terms = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    pattern = re.compile(
        r"(?<!\w)(?:" + "|".join(map(re.escape, terms)) + r")(?!\w)", re.IGNORECASE
    )
    return lambda texts: np.array([bool(pattern.search(text)) for text in texts])


def bag_of_words(category: str, train: Sequence[Example], tune: Sequence[Example]) -> Flagger:
    """Logistic regression on words and pairs of them, cut where F1 is best on the tuning side."""
    place = CATEGORIES.index(category)
    known = [example for example in train if example.labels[place] != UNKNOWN]
    words = CountVectorizer(ngram_range=(1, 2), min_df=2, binary=True)
    rows = words.fit_transform([example.text for example in known])
    model = LogisticRegression(C=1.0, max_iter=300, solver="liblinear")
    model.fit(rows, [example.labels[place] for example in known])
    chosen = [example for example in tune if gold(example, category)]
    truth = np.array([example.labels[place] for example in chosen])
    scored = model.decision_function(words.transform([example.text for example in chosen]))
    cut, _ = best_cut(scored, truth)
    return lambda texts: model.decision_function(words.transform(texts)) >= cut


def automod(category: str, level: int) -> Flagger:
    """What a channel with this level holds."""
    return lambda texts: np.array(
        [getattr(each, category) >= HELD_FROM[level] for each in score(texts)]
    )


def by_level(test: Sequence[Example]) -> Table:
    """What each level holds of the messages as they were written."""
    table = Table("category", *(f"level {level}" for level in range(1, 5)))
    for category in CATEGORIES:
        _, texts, truth = conditions(category, test)[0]
        flagged = (automod(category, level)(texts) for level in range(1, 5))
        table.add_row(category, *(shown(quality(each, truth)) for each in flagged))
    return table


def held_harmless(test: Sequence[Example]) -> Table:
    """The share of harmless messages that would wait for a moderator at the same level in all."""
    table = Table("messages", *(f"level {level}" for level in range(1, 5)))
    spam = CATEGORIES.index("spam")
    for name, source in (
        ("made chat of games, patterns unseen", "made-fine"),
        ("text messages that are no spam", "sms"),
        ("comments under videos that are no spam", "youtube"),
    ):
        chosen = score([e.text for e in test if e.source == source and e.labels[spam] == NO])
        highest = [max(getattr(each, category) for category in CATEGORIES) for each in chosen]
        shares = (sum(each >= least for each in highest) / len(highest) for least in HELD_FROM[1:])
        table.add_row(f"{len(highest)} {name}", *(f"{share:.1%}" for share in shares))
    return table


def speed(texts: Sequence[str]) -> str:
    """Microseconds a message: in lists of 500, one a call, and before any word is remembered."""
    AutoMod()
    length = sum(map(len, texts)) / len(texts)
    batches = [texts[start : start + 500] for start in range(0, len(texts), 500)]
    first = _seconds(lambda: [score(batch) for batch in batches])
    listed = _seconds(lambda: [score(batch) for batch in batches])
    single = _seconds(lambda: [score((text,)) for text in texts])
    micros = [f"{1e6 * seconds / len(texts):.0f}" for seconds in (listed, single, first)]
    return (
        f"microseconds a message of {length:.0f} characters ({len(texts)} messages): "
        f"{micros[0]} in lists of 500, {micros[1]} one a call, {micros[2]} the first time"
    )


def shown(found: Quality) -> str:
    """Three figures in a cell."""
    return f"{found.precision:.2f} / {found.recall:.2f} / {found.f1:.3f}"


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()

"""Messages made from patterns, for what public sets have little of; a seed, so always the same.

A pattern is one group of the split: no message of the test side is of a pattern trained on.
"""

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from agents.chat.automod import CATEGORIES
from benchmarks._automod.sources import NO, UNKNOWN, YES, Example

PATTERNS: Final = Path(__file__).with_name("patterns.txt")
_A_PATTERN: Final = 14
_SLOT: Final = re.compile(r"\{(\w+)\}")
_KINDS: Final = {
    "fine": {},
    "toxic": {"toxicity": YES},
    "hate": {"toxicity": YES, "identity_hate": YES},
    "threat": {"toxicity": YES, "aggression": YES},
    "sexual": {"toxicity": UNKNOWN, "sexual": YES},
    "spam": {"spam": YES},
}


def synthetic(seed: int = 1) -> Iterator[Example]:
    """All made messages, pattern by pattern."""
    sections = _sections(PATTERNS.read_text(encoding="utf-8"))
    words = dict(_list(line) for line in sections["words"])
    for kind, known in _KINDS.items():
        labels = tuple(known.get(category, NO) for category in CATEGORIES)
        for pattern in "|".join(sections[kind]).split("|"):
            chance = random.Random(f"{seed}:{pattern}")
            texts = {_filled(pattern, words, chance) for _ in range(_A_PATTERN)}
            for text in sorted(texts):
                yield Example(text, labels, f"made-{kind}", pattern)


def _sections(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("= "):
            lines = found[line[2:]] = []
        elif line:
            lines.append(line)
    return found


def _list(line: str) -> tuple[str, list[str]]:
    name, _, words = line.partition(": ")
    return name, words.split("|")


def _filled(pattern: str, words: dict[str, Sequence[str]], chance: random.Random) -> str:
    text = _SLOT.sub(lambda slot: chance.choice(words[slot[1]]), pattern)
    style = chance.random()
    return text.upper() if style < 0.06 else text.capitalize() if style < 0.2 else text

"""AutoMod: a shipped model that says how toxic, hateful, sexual, aggressive, spam a message is."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from agents.chat.automod.network import Network, load

CATEGORIES: Final = ("toxicity", "identity_hate", "sexual", "aggression", "spam")
"""What they mean: docs/explanation/automod.md."""

MODEL: Final = "automod-1-06886597"
"""What a verdict records: the end is the digest of the model's file."""

HELD_FROM: Final = (1001, 900, 750, 500, 300)
"""The score from which a message is held, by level: 0 holds none, 4 is strictest."""


class Scores(msgspec.Struct, frozen=True):
    """A score from 0 to 1000 for each category; at 500 the model was most often right."""

    toxicity: int
    identity_hate: int
    sexual: int
    aggression: int
    spam: int


def score(texts: Sequence[str], model: str = MODEL) -> list[Scores]:
    """The scores of each text: a function of the text and the model alone, on any machine.

    One text a call costs the same a text as many. Only the first 1000 characters count.
    """
    network = _network(model)
    return [Scores(*network.score(text)) for text in texts]


def held(scores: Scores, levels: Mapping[str, int]) -> tuple[str, int] | None:
    """The category that a message waits for, and the lowest level that holds it; None: it passes.

    `levels` is 0 (off) to 4 (strictest) by category; a category that is left out is off. Of
    several categories the one with the highest score is named, the first of them on a tie.
    """
    over = [
        (getattr(scores, category), -place, category)
        for place, category in enumerate(CATEGORIES)
        if getattr(scores, category) >= HELD_FROM[levels.get(category, 0)]
    ]
    if not over:
        return None
    scored, _, category = max(over)
    return category, next(level for level, least in enumerate(HELD_FROM) if scored >= least)


class AutoMod:
    """The judge that the chat's rules ask: the shipped model, or an older one by its name.

    Reads the model when it is made (a quarter of a second, some 30 MB), so that no message waits.
    """

    def __init__(self, version: str = MODEL) -> None:
        self.version = version
        self._network = _network(version)

    def held(self, text: str, levels: Mapping[str, int]) -> tuple[str, int] | None:
        """The category and the lowest level that holds the text, if these levels hold it."""
        return held(Scores(*self._network.score(text)), levels)


@cache
def _network(model: str) -> Network:
    return load(Path(__file__).parent, model)

"""What the model has weights for: the words of a message, their parts, and their neighbours."""

from collections.abc import Iterable, Iterator
from typing import Final

from agents.chat.automod.words import WHOLE, views, words

PART_LENGTHS: Final = (3, 4, 5)
_JOINED_LENGTH: Final = 8
_SHORT: Final = 3


def features(text: str) -> list[str]:
    """All features of a message, with repetitions."""
    found: list[str] = []
    before = ("", "")
    for token in words(text):
        readings = views(token)
        found += parts(readings)
        word = readings[0].lstrip(WHOLE)
        found += neighbours(*before, word)
        before = (before[1], word)
    return found


def parts(readings: Iterable[str]) -> Iterator[str]:
    """The word with its ends marked, and all runs of 3 to 5 characters in it."""
    for word in readings:
        if word.startswith("="):
            yield word
            continue
        if word.startswith(WHOLE):
            yield f"<{word[1:]}>"
            continue
        marked = f"<{word}>"
        yield marked
        for length in PART_LENGTHS:
            for start in range(len(marked) - length + 1):
                run = marked[start : start + length]
                if run != marked:
                    yield run


def neighbours(second_before: str, before: str, word: str) -> Iterator[str]:
    """A word with the one before it and the one before that; and both as one, if they are short."""
    if not before:
        return
    yield f"{before} {word}"
    if second_before:
        yield f"{second_before}  {word}"
    if len(before) + len(word) <= _JOINED_LENGTH and (len(before) < _SHORT or len(word) < _SHORT):
        yield f"<{before}{word}>"

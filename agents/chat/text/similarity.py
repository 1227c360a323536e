"""Texts that are nearly the same: of one user who changes a word, of many who paste one text."""

from typing import Final
from zlib import crc32

from agents.chat.text.skeleton import fingerprint_of, fold, skeleton
from agents.chat.text.words import Known

WORDS: Final = 6
"""Different words from which on a text is long. What is shorter many say at once, and may."""
ALIKE: Final = 0.75
"""Share of words that long texts have in common which are nearly the same."""
_SKETCH: Final = 8
_HASHES: Final = Known(lambda word: crc32(word.encode()))


def sketch(text: str) -> tuple[int, ...]:
    """The least eight hashes of a long text's words, sorted; empty if the text is short.

    Two texts share of their sketches about what they share of words (MinHash, bottom-k; Broder,
    "On the resemblance and containment of documents", 1997).
    """
    folded = fold(text)
    return sketch_of(set(folded.split(" "))) if folded.count(" ") >= WORDS - 1 else ()


def sketch_of(words: set[str]) -> tuple[int, ...]:
    """`sketch`, of the different words of a folded text."""
    if len(words) < WORDS:
        return ()
    return tuple(sorted(map(_HASHES.__getitem__, words))[:_SKETCH])


def fingerprint_and_sketch(text: str) -> tuple[int, tuple[int, ...]]:
    """Both, with the words parted once."""
    folded = fold(text)
    words = (folded or skeleton(text)).split(" ")
    different = set(words)
    return fingerprint_of(words, different), sketch_of(different) if folded else ()


def alike(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two long texts, given by sketches, are nearly the same; short ones never are."""
    shared = {*one}.intersection(other)
    if len(shared) < ALIKE * WORDS:
        return False
    least = sorted({*one, *other})[:_SKETCH]
    return len(shared.intersection(least)) >= ALIKE * len(least)

"""The ways in which a text may be read that tries to hide what it says."""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final, NamedTuple

from agents.chat.text.skeleton import FOLDED, fold, fold_word
from agents.chat.text.words import Known

STRETCHED = re.compile(r"(.)\1\1")
_STRETCHED_LETTER = re.compile(r"([^\W\d_])\1\1", re.IGNORECASE)
_DOUBLE = re.compile(r"([^\W\d])\1+")
_SIGNS = (
    r'["#%&()*+,\-./:;<=>?\[\\\]^_`{}~\xa1-\xbf\u2010-\u2017\u201c-\u205e\u2190-\u2bff'
    "\U0001f000-\U0001faff]"
)
_SIGN = re.compile(_SIGNS)
_BREAK = re.compile(rf"{_SIGNS}(?<=[^\W_]{_SIGNS}){_SIGNS}*(?=[^\W_])")
_OTHER = re.compile(r"[1!|@](?:(?=[A-Za-z])|(?<=[A-Za-z]1))")
_OTHER_LETTERS: Final = str.maketrans("1!|@", "llla")
_SPELLED = re.compile(r" \S \S \S ")
SPELLED: Final = 3
"""Letters of a word that is spelled, at least."""
_LEFT_OUT = "\N{MIDDLE DOT}"

Read = Callable[[str], str]


class Reading(NamedTuple):
    """What a text may read like, and where words of that (first, last) stand in the text."""

    said: str
    locate: Callable[[int, int], tuple[int, int]]
    shrunk: bool = False
    """Whether no letter is doubled in what is said."""


@lru_cache(maxsize=1024)
def readings(text: str) -> tuple[Reading, ...]:
    """What a text may read like: its skeleton, then words of it that may be read otherwise."""
    folded = fold(text)
    found = [Reading(folded, partial(located, text, fold))]
    if folded.count(" ") > text.count(" "):
        found.append(_of(text, _BREAK, _closed))
    if _OTHER.search(text):
        found.append(_of(text, _OTHER, _otherwise))
    if STRETCHED.search(text.lower()):
        found.append(_of(text, _STRETCHED_LETTER, _shrunk)._replace(shrunk=True))
    if spells(text):
        found.append(_spelled(text, folded.split()))
    return tuple(found)


def spells(text: str) -> bool:
    """Whether letters that stand apart in a text make a word."""
    return _SPELLED.search(f" {fold(text)} ") is not None


class Parts(NamedTuple):
    """Words that a word is, or is a part of, in readings of whatever text it stands in."""

    said: tuple[str, ...]
    shrunk: tuple[str, ...] = ()
    """Those of readings in which no letter is doubled."""


def _parts_of(word: str) -> Parts:
    """All but the spelled reading, of which only letters can be a part."""
    said = FOLDED[word].split()
    stretched = _STRETCHED_LETTER.search(word)
    if len(said) < 2 and not stretched and not _OTHER.search(word):
        return Parts(tuple(said))
    for sign, read in ((_BREAK, _closed), (_OTHER, _otherwise)):
        if sign.search(word):
            said += read(word).split()
    return Parts(tuple(said), tuple(_shrunk(word).split()) if stretched else ())


PARTS: Final = Known(_parts_of)


def _of(text: str, sign: re.Pattern[str], read: Read) -> Reading:
    """What those words of a text read like that have a sign; neighbours make phrases."""
    said: list[str] = []
    spans: list[tuple[int, int]] = []
    end = -1
    for each in sign.finditer(text):
        if each.start() < end:
            continue
        start = text.rfind(" ", 0, each.start()) + 1
        if said and start > end + 1:
            said.append(_LEFT_OUT)
            spans.append((start, start))
        end = text.find(" ", each.end())
        end = len(text) if end < 0 else end
        parts = read(text[start:end]).split()
        said += parts
        spans += [(start, end)] * len(parts)
    return Reading(" ".join(said), lambda first, last: (spans[first][0], spans[last][1]))


def located(text: str, read: Read, first: int, last: int) -> tuple[int, int]:
    """Where words, counted in what a text reads like, stand in it: code points, end excluded."""
    start, end, count = -1, len(text), 0
    for word in re.finditer(r"\S+", text):
        count += len(read(word[0]).split())
        if start < 0 and count > first:
            start = word.start()
        if count > last:
            end = word.end()
            break
    return max(start, 0), end


def as_it_is(text: str) -> str:
    """Read with nothing folded but case."""
    return " ".join(text.casefold().split())


def shrink(folded: str) -> str:
    """A folded text with no letter doubled."""
    return _DOUBLE.sub(lambda double: double[1], folded)


def _closed(word: str) -> str:
    """Read without the signs in it: "f.o.o"."""
    return fold_word(_SIGN.sub("", word))


def _otherwise(word: str) -> str:
    """Read with the other letters that signs may stand for: 1 as l, a first @ as a."""
    return fold_word(word.translate(_OTHER_LETTERS))


def _shrunk(word: str) -> str:
    """Read with each letter once: "fffoooo"."""
    return shrink(fold(word))


def _spelled(text: str, words: list[str]) -> Reading:
    """Read with single letters joined to words: "f o o".

    The first may be an article and the last a "u", so that they are read without those, too.
    """
    said: list[str] = []
    spans: list[tuple[int, int]] = []
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and len(words[end]) == 1:
            end += 1
        if end - at >= SPELLED:
            for first, last in ((at, end), (at + 1, end), (at, end - 1), (at + 1, end - 1)):
                said.append("".join(words[first:last]))
                spans.append((first, last - 1))
        at = max(end, at + 1)

    def locate(first: int, last: int) -> tuple[int, int]:
        return located(text, fold, spans[first][0], spans[last][1])

    return Reading(" ".join(said), locate)

"""Blocked terms: words and phrases that a text may not have, however it writes them."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from importlib.resources import files
from typing import Final, NamedTuple

from agents.chat.text.readings import (
    PARTS,
    SPELLED,
    STRETCHED,
    as_it_is,
    located,
    readings,
    shrink,
    spells,
)
from agents.chat.text.skeleton import fold
from agents.chat.text.words import Known
from infra.errors import Refused

SHORTEST: Final = 2
LONGEST: Final = 500
"""Characters of a term, wildcards among them."""
WORDS: Final = 8192
"""Words of which a channel's terms remember that none begins in them."""
_KEY = 4
"""Characters by which a place is found where a term may begin."""


class InvalidTerm(Refused):
    """What cannot be a blocked term; the message names the rule."""

    def __init__(self, message: str) -> None:
        super().__init__("invalid-term", message)


class Found(NamedTuple):
    """A blocked term in a text: the words from `start` to before `end`, in code points."""

    term: str
    start: int
    end: int


class _Place(NamedTuple):
    """Where a term was found in a folded text: its first and last word."""

    term: str
    first: int
    last: int


class Terms:
    """Blocked terms, compiled: found in time that grows with the text, hardly with their number.

    `foo` is a word, `foo bar` words that follow each other, `foo*` a word that begins so, `*foo`
    one that ends so, `*foo*` one that has it in it. Case, accents, look-alikes, digits for letters
    and stretched letters do not matter, nor whether letters stand apart ("f o o", "f.o.o").
    """

    def __init__(self, folded: "_Index", shrunk: "_Index", plain: "_Index") -> None:
        self._folded = folded
        self._shrunk = shrunk
        self._plain = plain
        self._letters = Known(self._letters_of, WORDS)

    @classmethod
    def compile(cls, terms: Iterable[str]) -> "Terms":
        """Terms to look for. Raises `InvalidTerm`."""
        folded: dict[str, str] = {}
        shrunk: dict[str, str] = {}
        plain: dict[str, str] = {}
        for term in terms:
            pattern, is_folded = _pattern(term)
            (folded if is_folded else plain).setdefault(pattern, term)
            if is_folded and shrink(pattern) != pattern:
                shrunk.setdefault(shrink(pattern), term)
        return cls(_Index(folded), _Index(shrunk), _Index(plain))

    def find(self, text: str) -> Found | None:
        """A blocked term in a text, the first one as it reads; none if there is none."""
        if not self._folded and not self._plain:
            return None
        letters = [*map(self._letters.__getitem__, text.split())]
        if sum(letters) < SPELLED or (max(letters) < SPELLED and not spells(text)):
            return None
        return self.search(text)

    def search(self, text: str) -> Found | None:
        """`find`, for texts of which the words alone do not say that there is none."""
        if self._folded:
            for reading in readings(text):
                index = self._shrunk if reading.shrunk else self._folded
                if place := index.find(reading.said):
                    return Found(place.term, *reading.locate(place.first, place.last))
        if self._plain and (place := self._plain.find(as_it_is(text))):
            return Found(place.term, *located(text, as_it_is, place.first, place.last))
        return None

    def _letters_of(self, word: str) -> int:
        """Single letters in a word, by which one may be spelled; of a word in which a term may
        begin, however it is read, as many as are looked at."""
        parts = PARTS[word]
        if (
            any(map(self._folded.begins_in, parts.said))
            or any(map(self._shrunk.begins_in, parts.shrunk))
            or (self._plain and self._plain.begins_in(as_it_is(word)))
        ):
            return SPELLED
        return sum(len(each) == 1 for each in parts.said)


class _Index:
    """Terms by what is sought for them in a text with a space before and behind each word."""

    def __init__(self, terms: dict[str, str]) -> None:
        self._terms = terms
        self._sought = sorted(terms)
        self._longest = max(map(len, terms), default=0)
        self._within: list[int] = []
        """For each, the longest other one that it begins with."""
        for number, sought in enumerate(self._sought):
            last = number - 1
            while last >= 0 and not sought.startswith(self._sought[last]):
                last = self._within[last]
            self._within.append(last)
        keys: list[str] = []
        for key in sorted({_key(sought) for sought in terms}):
            if not keys or not key.startswith(keys[-1]):
                keys.append(key)
        self._start = re.compile(_one_of(keys)) if keys else None

    def __bool__(self) -> bool:
        return self._start is not None

    def begins_in(self, word: str) -> bool:
        """Whether a term may begin in a folded word, whatever follows."""
        return self._start is not None and self._start.search(f" {word} ") is not None

    def find(self, folded: str) -> _Place | None:
        """The first term in a folded text."""
        if self._start is None:
            return None
        text = f" {folded} "
        found = self._start.search(text)
        while found:
            at = found.start()
            # Of what is sought, all that the text begins with here is within what sorts before it.
            last = bisect_right(self._sought, text[at : at + self._longest]) - 1
            while last >= 0:
                sought = self._sought[last]
                if text.startswith(sought, at):
                    return _place(self._terms[sought], text, at, at + len(sought))
                last = self._within[last]
            found = self._start.search(text, at + 1)
        return None


def _pattern(term: str) -> tuple[str, bool]:
    """What is sought for a term, and whether in what a text reads like, or in the text itself.

    Signs alone ("<3", ":)") read like nothing, and are sought as they are; so is "xxx".
    """
    if not SHORTEST <= len(term) <= LONGEST:
        raise InvalidTerm(f"a term has {SHORTEST} to {LONGEST} characters")
    words = term.strip().strip("*").split()
    if not words:
        raise InvalidTerm("a term is not empty, and has more than wildcards")
    if "*" in "".join(words):
        raise InvalidTerm("a wildcard stands at the beginning or the end of a term")
    is_folded = all(_reads(word) for word in words)
    said = " ".join(fold(word) if is_folded else as_it_is(word) for word in words)
    before = "" if term.strip()[0] == "*" else " "
    after = "" if term.strip()[-1] == "*" else " "
    return f"{before}{said}{after}", is_folded


def _reads(word: str) -> bool:
    """Whether a word of a term is more than signs, and is not stretched itself ("xxx")."""
    return len(fold(word)) >= min(len(word), SHORTEST) and not STRETCHED.search(word)


def _key(sought: str) -> str:
    """How what is sought begins, within one word: so a word tells whether it may begin there."""
    end = sought.find(" ", 1)
    return sought[: min(_KEY, end + 1 if end > 0 else _KEY)]


def _one_of(keys: list[str]) -> str:
    """A pattern of any of some keys, none of which begins another: it never looks back."""
    tails: dict[str, list[str]] = {}
    for key in keys:
        tails.setdefault(key[0], []).append(key[1:])
    ends = "".join(re.escape(head) for head, rest in tails.items() if rest == [""])
    ways = [re.escape(head) + _one_of(rest) for head, rest in tails.items() if rest != [""]]
    if ends:
        ways.append(f"[{ends}]")
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"


def _place(term: str, text: str, start: int, end: int) -> _Place:
    start += text[start] == " "
    end -= text[end - 1] == " "
    return _Place(term, text.count(" ", 0, start) - 1, text.count(" ", 0, end) - 1)


GLOBAL: Final = Terms.compile(
    line
    for line in files(__package__).joinpath("data/global_terms.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
)
"""What no channel may say: slurs and abuse of children. Everything milder is a channel's choice."""

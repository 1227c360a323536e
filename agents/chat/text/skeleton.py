"""What a text reads like: the form in which messages and blocked terms are compared."""

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from itertools import groupby
from string import punctuation
from typing import Final

from agents.chat.text.words import Known


def _look_alikes() -> dict[int, str]:
    """ASCII for what looks like it, by code point; each apostrophe is one."""
    table = {}
    lines = files(__package__).joinpath("data/confusables.txt").read_text("utf-8").splitlines()
    for line in lines:
        if not line.startswith("#"):
            letter, alike = line.split(" ")
            table.update(dict.fromkeys(map(ord, alike), letter))
    table.update(dict.fromkeys((*range(0x2018, 0x201C), *range(0x2B9, 0x2C0)), "'"))
    for at in range(26):
        # Letters in circles and squares that no normalisation knows, and those that flags are
        # made of.
        for first in (0x1F150, 0x1F170, 0x1F1E6):
            table[first + at] = chr(ord("a") + at)
    return table


_LOOK_ALIKES: Final = _look_alikes()
_UNSEEN = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U0001f3fb-\U0001f3ff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]+"
)
"""Accents, tints and what draws nothing."""
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_SYMBOL = re.compile("[\u2190-\u2bff\U0001f000-\U0001fbff]")
_SEPARATOR = re.compile(r"[\xa1-\xbf\u2010-\u205e\u3001-\u3020\u3030]")
_SEPARATORS: Final = bytes.maketrans(punctuation.encode(), b" " * len(punctuation))
_CONTRACTED = re.compile(r"'(?=(?:ll|re)\b)")
"""Without this, "he'll" and "who're" would be other words."""
_MAY_BE_LEET = re.compile(r"[0-9@$!|](?:(?=[a-z])|(?<=[a-z][0-9$]))")
_LEET = re.compile(r"[0-9@$!|]+")
_LEET_LETTERS: Final = str.maketrans("0123456789@$!|", "oizeasgtbgasii")
_MAY_RUN = re.compile(r"(.)\1\1")
_RUN = re.compile(r"([^\W\d])\1\1+")
_ANY_RUN = re.compile(r"(\S)\1\1+")


@lru_cache(maxsize=1024)
def fold(text: str) -> str:
    """`skeleton`, but empty where nothing but separators is said."""
    return " ".join(filter(None, map(FOLDED.__getitem__, text.split())))


def fold_word(word: str) -> str:
    """`fold` of what has no white space in it. It may become several words, or none."""
    if word.isascii():
        text = word.lower()
        if word.isalpha() or word.isdecimal():
            return _RUN.sub(_once, text) if _MAY_RUN.search(text) else text
    else:
        text = _latin(word)
    if "'" in text:
        text = _CONTRACTED.sub(" ", text).replace("'", "")
    if _MAY_BE_LEET.search(text):
        text = _LEET.sub(_unleet, text)
    text = " ".join(text.encode().translate(_SEPARATORS).decode().split())
    return _RUN.sub(_once, text) if _MAY_RUN.search(text) else text


FOLDED: Final = Known(fold_word)
"""`fold_word`, remembered."""


def _once(run: re.Match[str]) -> str:
    # A template (r"\1") would be filled in by Python code of its own, which takes longer.
    return run[1]


def skeleton(text: str) -> str:
    """What the text reads like: lower case, look-alikes as ASCII, words apart by one space.

    Accents, apostrophes and tints of emoji are off; digits and signs within words are the letters
    that they stand for ("5h1t"), numbers stay; other punctuation parts words; each emoji is a
    word; a letter that stands three times or more in a row stands once. A text of punctuation
    alone is kept, with its runs shortened. The skeleton of a skeleton is itself.
    """
    return fold(text) or _ANY_RUN.sub(r"\1\1", " ".join(_UNSEEN.sub("", text.casefold()).split()))


def fingerprint(text: str) -> int:
    """64 bits that are equal for texts that say the same; stable everywhere and for good.

    Of the skeleton, without spaces, with words that follow themselves counted once.
    """
    words = skeleton(text).split(" ")
    return fingerprint_of(words, set(words))


def fingerprint_of(words: list[str], different: set[str]) -> int:
    """`fingerprint`, of the words of a skeleton, and the different ones among them."""
    if len(different) < len(words):
        words = [word for word, _ in groupby(words)]
    said = "".join(words)
    written = said.encode() if said.isascii() else said.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(written, digest_size=8).digest(), "big")


def _latin(text: str) -> str:
    """Case, compatibility forms, accents and look-alikes folded; separators as spaces."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    text = _FOREIGN.sub(lambda part: part[0].translate(_LOOK_ALIKES), _UNSEEN.sub("", text))
    text = _SEPARATOR.sub(" ", _SYMBOL.sub(r" \g<0> ", text))
    return unicodedata.normalize("NFC", text)


def _unleet(signs: re.Match[str]) -> str:
    """Letters for digits and signs beside letters; a number stays, and signs around a word."""
    said, text = signs[0], f" {signs.string} "
    follows, leads = "a" <= text[signs.start()] <= "z", "a" <= text[signs.end() + 1] <= "z"
    if not follows and not leads:
        return said
    start = 0 if follows else len(said) - len(said.lstrip("!|@"))
    end = len(said) if leads else len(said.rstrip("!|@"))
    return said[:start] + said[start:end].translate(_LEET_LETTERS) + said[end:]

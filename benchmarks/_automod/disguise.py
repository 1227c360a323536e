"""Writes a message the way people do who want to get past a filter."""

# ruff: noqa: RUF001 (letters that look alike are what this is about)

import random
from collections.abc import Callable
from typing import Final

_LEET: Final = {
    "a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7+", "l": "1|", "b": "8",
}  # fmt: skip
_LIKE: Final = {
    "a": "аɑα", "c": "сⅽ", "e": "еҽ", "i": "іɪı", "o": "оοσ", "p": "рρ", "x": "хχ", "y": "уγ",
    "k": "кκ", "s": "ѕ", "h": "һ", "n": "ո", "u": "υս", "t": "т", "m": "м", "d": "ԁ", "g": "ɡ",
    "v": "ν", "b": "Ь",
}  # fmt: skip
_EMOTES: Final = [
    "Kappa", "LUL", "KEKW", "PogChamp", "OMEGALUL", "monkaS", "Pog", "EZ", "Clap", "4Head",
    "TriHard", "xD", "😂", "💀", "🔥",
]  # fmt: skip
_UNSEEN_EMOTES: Final = [
    "PauseChamp", "widepeepoHappy", "Madge", "COPIUM", "ICANT", "NODDERS", "🤡", "🥱", "✨",
]  # fmt: skip
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"

Disguise = Callable[[str, random.Random], str]


def leet(text: str, chance: random.Random) -> str:
    """Digits and signs for letters: `1d1ot`."""
    return "".join(
        chance.choice(_LEET.get(character.lower(), character)) if chance.random() < 0.6
        else character
        for character in text
    )  # fmt: skip


def look_alike(text: str, chance: random.Random) -> str:
    """Letters of another script that are drawn the same."""
    return "".join(
        chance.choice(_LIKE.get(character.lower(), character)) if chance.random() < 0.5
        else character
        for character in text
    )  # fmt: skip


def spaced(text: str, chance: random.Random) -> str:
    """Letters apart: all of them, or those of the longest words."""
    sign = chance.choice(" .-_ ")
    parts = text.split(" ")
    if chance.random() < 0.4 and len(text) < 60:
        return (sign * 2 if sign == " " else " ").join(sign.join(word) for word in parts)
    longest = sorted(parts, key=len)[-max(1, len(parts) // 3) :]
    return " ".join(
        sign.join(word) if word in longest and len(word) < 12 else word for word in parts
    )


def repeated(text: str, chance: random.Random) -> str:
    """Letters held down: `looooser`."""
    return "".join(
        character * chance.randint(3, 6) if character.isalpha() and chance.random() < 0.2
        else character
        for character in text
    )  # fmt: skip


def emotes(text: str, chance: random.Random) -> str:
    """Emotes between the words."""
    return _mixed(text, chance, _EMOTES)


def starred(text: str, chance: random.Random) -> str:
    """A vowel of a word hidden: `idi*t`."""
    return " ".join(_starred(word, chance) for word in text.split(" "))


def hidden(text: str, chance: random.Random) -> str:
    """Characters between the letters that are not seen."""
    return "".join(
        character + chance.choice("\u200b\u200d\u2060\u00ad")
        if chance.random() < 0.3
        else character
        for character in text
    )


def accented(text: str, chance: random.Random) -> str:
    """Marks above and below the letters."""
    return "".join(
        character + chance.choice("\u0301\u0308\u0327\u0332\u0303")
        if character.isalpha() and chance.random() < 0.4 else character
        for character in text
    )  # fmt: skip


def misspelt(text: str, chance: random.Random) -> str:
    """A letter doubled, dropped or swapped in every third word."""
    return " ".join(
        _misspelt(word, chance) if len(word) > 3 and chance.random() < 0.4 else word
        for word in text.split(" ")
    )


def split_up(text: str, chance: random.Random) -> str:
    """A space or a point inside words: `los er`."""
    words = []
    for word in text.split(" "):
        place = len(word) // 2
        cut = chance.choice((" ", ".", "-")) if len(word) > 3 and chance.random() < 0.4 else ""
        words.append(word[:place] + cut + word[place:])
    return " ".join(words)


def wide(text: str, chance: random.Random) -> str:
    """Letters of another width or hand (not trained on)."""
    start = chance.choice((0xFF41, 0x1D41A, 0x1D4EA, 0x1D5EE, 0x1D622, 0x24D0))
    return "".join(
        chr(start + ord(character) - 97) if character in _LETTERS else character
        for character in text.lower()
    )


def unseen_emotes(text: str, chance: random.Random) -> str:
    """Emotes between the words (others than those trained on)."""
    return _mixed(text, chance, _UNSEEN_EMOTES)


def several(text: str, chance: random.Random) -> str:
    """Two disguises, one over the other (not trained on)."""
    first, second = chance.sample((leet, look_alike, repeated, emotes, starred), 2)
    return second(first(text, chance), chance)


TRAINED: Final[tuple[Disguise, ...]] = (
    leet, look_alike, spaced, repeated, emotes, starred, hidden, accented, misspelt, split_up,
)  # fmt: skip
UNSEEN: Final[tuple[Disguise, ...]] = (wide, unseen_emotes, several)


def disguised(text: str, seed: str, kinds: tuple[Disguise, ...] = TRAINED) -> str:
    """The message in one disguise, chosen by the seed and the text."""
    chance = random.Random(f"{seed}:{text}")
    return chance.choice(kinds)(text, chance)


def _mixed(text: str, chance: random.Random, emotes: list[str]) -> str:
    words = text.split(" ")
    for _ in range(chance.randint(1, 4)):
        words.insert(chance.randint(0, len(words)), chance.choice(emotes))
    return " ".join(words)


def _starred(word: str, chance: random.Random) -> str:
    places = [place for place, letter in enumerate(word) if place and letter.lower() in "aeiou"]
    if not places or len(word) < 4 or chance.random() > 0.6:
        return word
    place = chance.choice(places)
    return word[:place] + chance.choice("***#@") + word[place + 1 :]


def _misspelt(word: str, chance: random.Random) -> str:
    place, kind = chance.randrange(1, len(word) - 1), chance.randrange(3)
    if kind == 0:
        return word[:place] + word[place] + word[place:]
    if kind == 1:
        return word[:place] + word[place + 1 :]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]

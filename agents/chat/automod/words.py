"""Turns a message into the words and marks that the model knows; frozen with the model."""

# ruff: noqa: RUF001 (letters that look alike are what this is about)

import re
import unicodedata
from typing import Final

LONGEST_TEXT: Final = 1000
LONGEST_WORD: Final = 32
WHOLE: Final = "~"
"""Before a word that counts as a whole only: the parts of an emote's name mean little."""

# Pairs of a letter of another script and the Latin one it is drawn like (NFKD knows the others).
_DRAWN_LIKE: Final = (
    "аaвbсcԁdеeғfԍgһhнhіiјjкkӏlмmпnоoрpԛqгrѕsтtѵvԝwѡwхxуyзeдdиnαaβbςcδdεeϝfηnιiκk"
    "λlμuνvοoρpσoτtυuχxγyζzωwθoıiɩiłløođdħhŧtƒfɑaɡgɪiʀrʏyʙbʜhʟlᴀaᴄcᴅdᴇeɢgᴊjᴋkᴍmɴn"
    "ᴏoᴘpᴛtᴜuᴠvᴡwᴢzꜱsƨsꞵbɐaɔcǝeɟfɥhʞkɯmɹrʇtʌvʍwʎyɓbƈcɗdɠgƙkƞnƥpƭtʋvƶzոnսuօoհhҽeьb"
    "ßsæaœoðdþp"
)
_LOOK_ALIKES: Final = str.maketrans(dict(zip(_DRAWN_LIKE[::2], _DRAWN_LIKE[1::2], strict=True)))
_LEET: Final = str.maketrans("0134578@$!|+", "oieastbasiit")
_PLAIN: Final = re.compile(r"[^\W\d_]+", re.ASCII)
_LINK: Final = re.compile(
    r"https?://\S+|www\.\S+"
    r"|(?<![\w.-])[\w-]{1,63}(?:\.[\w-]{1,63}){0,3}?\.(?:com|net|org|tv|gg|io|ru|xyz|ly|me|co|info|biz|live|store|shop"
    r"|online|site|top|link|club|uk|de|us|be)\b(?:/\S*)?",
    re.IGNORECASE,
)
_MENTION: Final = re.compile(r"(?<!\w)@\w+")
_LETTER_RUN: Final = re.compile(
    r"(?<![\w*'])[^\W_]([ .\-_*,/|+])\1?[^\W_](?:\1{1,2}[^\W_])+(?![\w*'])"
)
_SPLIT_UP: Final = re.compile(r"(?<!\w)[^\W_]{1,2}(?:[.\-_|]+[^\W_]{1,2})+(?!\w)")
_REPEATED: Final = re.compile(r"(.)\1{2,}", re.DOTALL)
_TOKEN: Final = re.compile(r"~?(?=[@$*#!|+'’]{0,4}\w)[\w@$*#!|+'’]++|[^\w\s\x00-\x7f]")
_CAMEL: Final = re.compile(r"\b(?:[a-z]{2,}[A-Z]|[A-Z][a-z]{2,}[A-Z])[a-zA-Z]*\b")
_HUMP: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_DIGITS: Final = re.compile(r"\d+")


def words(text: str) -> list[str]:
    """The words of a message, without the disguises that are known, and marks such as `=link`."""
    text = text[:LONGEST_TEXT].replace(WHOLE, "-")
    marks = []
    if "." in text or "/" in text:
        text, links = _LINK.subn(_named_link, text)
        if links:
            marks.append("=link" if links == 1 else "=links")
    if "@" in text:
        text, mentions = _MENTION.subn(" ", text)
        if mentions:
            marks.append("=mention" if mentions < 3 else "=mentions")
    if _is_shouted(text):
        marks.append("=shouted")
    text = plain(_CAMEL.sub(_humps, text))
    found = _TOKEN.findall(_without_gaps(text))
    return found + marks


def plain(text: str) -> str:
    """Lower case in Latin letters: no accents, no invisible characters, no look-alikes."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold().translate(_LOOK_ALIKES)
    return "".join(
        character
        for character in decomposed
        if unicodedata.category(character) not in ("Mn", "Me", "Cf", "Cc", "Cn", "Co")
        or character in "\n\t"
    )


def views(word: str) -> tuple[str, ...]:
    """The ways to read a word: as it stands, digits and signs as letters, repeats taken out."""
    word = word[:LONGEST_WORD]
    if word[0] == WHOLE:
        return (word,)
    if _PLAIN.fullmatch(word):
        if not _REPEATED.search(word):
            return (word,)
        return _shortened(word)
    word = word.replace("’", "'").replace("#", "*").strip("'+|_!")
    if "*" in word:
        return _shortened(word)
    bare = word.replace("'", "").replace("_", "").replace("+", "t").replace("|", "i")
    if not any(character.isalpha() for character in bare):
        return (_DIGITS.sub(lambda run: "0" * min(len(run[0]), 6), bare),)
    letters = bare.translate(_LEET)
    if letters == bare:
        return _shortened(letters)
    return (*_shortened(letters), WHOLE + bare.rstrip("0123456789"))


def _shortened(word: str) -> tuple[str, ...]:
    twice = _REPEATED.sub(r"\1\1", word)
    return (word,) if twice == word else (_REPEATED.sub(r"\1", word), twice)


def _named_link(link: re.Match[str]) -> str:
    """A link is its host: the path says little and is different each time."""
    host = link[0].lower().removeprefix("https://").removeprefix("http://").removeprefix("www.")
    return " " + host.partition("/")[0].replace(".", "_") + " "


def _humps(camel: re.Match[str]) -> str:
    """`PogChamp` is two words, as `YouIdiot` is."""
    return "".join(f" {WHOLE}{hump}" for hump in _HUMP.findall(camel[0])) + " "


def _is_shouted(text: str) -> bool:
    return len(text) >= 12 and text.isupper()


def _without_gaps(text: str) -> str:
    """Puts words together again that were written letter by letter: `l i k e  t h i s`."""
    text = _LETTER_RUN.sub(_joined, text)
    return _SPLIT_UP.sub(_joined, text)


def _joined(run: re.Match[str]) -> str:
    letters = re.sub(r"[^\w\s]|_", "", run[0])
    if letters.replace(" ", "").isdigit():
        return run[0]
    return " ".join(re.sub(r"\s", "", part) for part in re.split(r"\s{2,}", letters))

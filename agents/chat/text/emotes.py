"""Emotes in a text."""

import re
from collections.abc import Mapping
from typing import Final

from schemas.records.chat import EmoteRange

_PICTURE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]"
)
_EMOJI: Final = re.compile(
    # Flags, keycaps, and pictures with a presentation, a tint or tags, joined to others (UTS #51).
    "(?:[\U0001f1e6-\U0001f1ff]{2}|[0-9#*]\ufe0f?\u20e3"
    f"|{_PICTURE}[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*(?:\u200d(?={_PICTURE}))?)+"
)


def find_emotes(text: str, emotes: Mapping[str, str]) -> list[EmoteRange]:
    """Where emotes stand in a text, as whole words between spaces, in order.

    `emotes` has the id of each by its name. Ranges are code points, the last one included, as the
    tag `emotes` of IRC has them.
    """
    words = text.split(" ")
    if emotes.keys().isdisjoint(words):
        return []
    found, start = [], 0
    for word in words:
        emote = emotes.get(word)
        if emote is not None:
            found.append(EmoteRange(id=emote, start=start, end=start + len(word) - 1))
        start += len(word) + 1
    return found


def only_emotes(text: str, emotes: Mapping[str, str]) -> bool:
    """Whether a text consists of emotes and emoji and has one."""
    words = text.split()
    if text.isascii():
        return bool(words) and all(map(emotes.__contains__, words))
    return bool(words) and all(word in emotes or _EMOJI.fullmatch(word) for word in words)

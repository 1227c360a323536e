"""What was said last: whether a user says the same again, and whether many say one text at once.

Times are microseconds of the log. What a `Struct` holds is a row of a table and never changes.
"""

from collections.abc import Iterable, Mapping
from itertools import count as counted
from typing import Final
from zlib import crc32

from msgspec import Struct

from agents.chat.limits import LIMITS, SECOND, Limits
from agents.chat.text import alike, fingerprint, fingerprint_and_sketch, only_emotes, sketch
from infra.once import Once

TEXTS: Final = 32
"""Long texts that a chat remembers."""
_LEAST = 3
FAR: Final = 1 << 62
"""A time that does not come (microseconds)."""


class Mark(Struct, frozen=True, array_like=True, gc=False):
    """What of a text is compared."""

    fingerprint: int
    sketch: tuple[int, ...] = ()
    """Empty if the text is short."""


class Said(Struct, frozen=True, array_like=True, gc=False):
    """A message of a user."""

    at: int
    mark: Mark


class UserRecent(Struct, frozen=True, array_like=True, gc=False):
    """What a user said last in a chat, newest last."""

    said: tuple[Said, ...] = ()


class Text(Struct, frozen=True, array_like=True, gc=False):
    """A long text that goes round: who said it when, each user once, the latest last."""

    mark: Mark
    """Of the text as it was said last."""
    users: tuple[tuple[int, int], ...]
    number: int = 0
    """Counts what is long in a chat: its last time that this was said."""


class ChannelRecent:
    """Long texts of a chat, the one said last at the end; each has a slot of its own.

    What is said changes it in place: `note` tells which slots are others now.
    """

    def __init__(self, texts: Iterable[Text] = ()) -> None:
        self.texts: dict[int, Text] = {}
        """By slot, in the order in which they were said last."""
        self._by_least: dict[tuple[int, ...], list[int]] = {}
        """Slots by the least hashes of a text."""
        self._number = 0
        self._oldest = FAR
        """No text was said last before then (microseconds)."""
        for slot, text in enumerate(texts):
            self.put(slot, text)

    @property
    def last(self) -> int:
        """When something long was said last (microseconds); 0: never."""
        return next((text.users[-1][0] for text in reversed(self.texts.values())), 0)

    def put(self, slot: int, text: Text) -> None:
        """A text that was said last, into a slot that is free."""
        self.texts[slot] = text
        self._by_least.setdefault(text.mark.sketch[:_LEAST], []).append(slot)
        self._number = max(self._number, text.number)
        self._oldest = min(self._oldest, text.users[-1][0])

    def crowd(
        self, now: int, user_id: str, said: Mark, limits: Limits = LIMITS
    ) -> tuple[tuple[int, int], ...]:
        """Who says this long text within a while, with this one: at most as many as are a flood."""
        user, since = crc32(user_id.encode()), now - limits.window_seconds * SECOND
        same = self._same(said)
        if not same:
            return ((now, user),)
        before = self.texts[same[-1]].users
        others = (each for each in before if each[0] > since and each[1] != user)
        return (*others, (now, user))[-limits.flood_users :]

    def note(
        self, now: int, said: Mark, users: tuple[tuple[int, int], ...], limits: Limits = LIMITS
    ) -> dict[int, Text | None]:
        """A long text was said, by a `crowd`: what stands in slots now; None: nothing any more."""
        since = now - limits.window_seconds * SECOND
        gone = self._same(said)
        self._drop(gone)
        if self._oldest <= since:
            gone += (old := [s for s, text in self.texts.items() if text.users[-1][0] <= since])
            self._drop(old)
            self._oldest = min((text.users[-1][0] for text in self.texts.values()), default=FAR)
        while len(self.texts) >= TEXTS:
            gone.append(self._least_said())
            self._drop(gone[-1:])
        slot = gone[0] if gone else next(s for s in counted() if s not in self.texts)
        text = Text(said, users, self._number + 1)
        self.put(slot, text)
        return {**dict.fromkeys(gone), slot: text}

    def _same(self, said: Mark) -> list[int]:
        """Where a long text is. The least hashes are compared first, as that is fast; alone they
        would take sentences for one text that share their commonest words."""
        like = self._by_least.get(said.sketch[:_LEAST], ())
        return [slot for slot in like if alike(self.texts[slot].mark.sketch, said.sketch)]

    def _least_said(self) -> int:
        """The text that the fewest say; of several the one that was said last the longest ago."""
        fewest, found = FAR, 0
        for slot, text in self.texts.items():
            if len(text.users) < fewest:
                fewest, found = len(text.users), slot
                if fewest == 1:
                    break
        return found

    def _drop(self, slots: list[int]) -> None:
        for slot in slots:
            least = self.texts.pop(slot).mark.sketch[:_LEAST]
            like = self._by_least[least]
            like.remove(slot)
            if not like:
                del self._by_least[least]


def mark(text: str, *, only_emotes: bool) -> Mark:
    """What is compared of a text. Emotes alone are never long."""
    fingerprint, sketch = fingerprint_and_sketch(text)
    return Mark(fingerprint, () if only_emotes else sketch)


class LateMark:
    """A `Mark` that is worked out when it is asked for. Most are not, where nothing is stored."""

    def __init__(self, text: str, emotes: Mapping[str, str]) -> None:
        self._text = text
        self._emotes = emotes

    @Once
    def fingerprint(self) -> int:
        """As of `mark`."""
        return fingerprint(self._text)

    @Once
    def sketch(self) -> tuple[int, ...]:
        """As of `mark`."""
        found = sketch(self._text)
        return () if found and only_emotes(self._text, self._emotes) else found


def repeated(recent: UserRecent, now: int, said: Mark, limits: Limits = LIMITS) -> bool:
    """Whether a user says something too often with this."""
    count, since = 1, now - limits.window_seconds * SECOND
    for each in recent.said:
        if each.at > since:
            same = each.mark.fingerprint == said.fingerprint
            count += same or alike(each.mark.sketch, said.sketch)
    return count >= (limits.repeats if said.sketch else limits.short_repeats)


def after(recent: UserRecent, now: int, said: Mark, limits: Limits = LIMITS) -> UserRecent:
    """What a user said last, with this."""
    return UserRecent((*recent.said, Said(now, said))[-limits.remembered :])

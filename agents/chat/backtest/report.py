"""What a back-test says."""

from heapq import heappush, heappushpop
from itertools import count
from zlib import crc32

import msgspec

from schemas.chat_backtest import Agreement, Counts, Fate, Verdict

SENT = Verdict("sent")


class Example(msgspec.Struct):
    """A message whose verdict changes."""

    message_id: str
    at: int
    """Microseconds since 1970."""
    user_id: str
    login: str
    text: str
    rules_then: str
    """Versions of the rules that decided then."""
    fate: Fate


class Change(msgspec.Struct, frozen=True):
    """Messages whose verdict changes from one to another."""

    before: Verdict
    after: Verdict
    messages: int
    users: int
    examples: list[Example]
    """Some of them, chosen by chance, in the order of time."""


class Report(msgspec.Struct, frozen=True):
    """What other rules would have done."""

    channel_id: str
    start: int
    end: int
    """The window, in microseconds since 1970; `end` is not in it."""
    messages: int
    undecided: int
    """Messages asked for in the window about which nothing was decided; not in the counts."""
    rules: str
    """Versions of the rules that were run."""
    before: Counts
    after: Counts
    changed: int
    changes: list[Change]
    """The most frequent first."""
    agreement: Agreement
    unknown_terms: list[str]
    """Terms to be removed that were not blocked at any time in the window."""


class Kind:
    """Gathers the messages whose verdict changes in one way."""

    def __init__(self, examples: int) -> None:
        self._most = examples
        self._users: set[str] = set()
        self._examples: list[tuple[int, int, Example]] = []
        self._number = count()
        self.messages = 0

    def take(self, message_id: str, at: int, user_id: str, text: str, fate: Fate) -> Example | None:
        """One more; the example if it is kept for now, which wants for `login` and `rules_then`.

        Kept are those with the least hashes: chance that comes out the same again.
        """
        self.messages += 1
        self._users.add(user_id)
        place = -crc32(message_id.encode())
        room = len(self._examples) < self._most
        if not room and (not self._most or place < self._examples[0][0]):
            return None
        example = Example(message_id, at, user_id, "", text, "", fate)
        entry = (place, next(self._number), example)
        if room:
            heappush(self._examples, entry)
        else:
            heappushpop(self._examples, entry)
        return example

    def change(self, before: Verdict, after: Verdict) -> Change:
        """All of it."""
        examples = sorted((entry[2] for entry in self._examples), key=lambda each: each.at)
        return Change(before, after, self.messages, len(self._users), examples)

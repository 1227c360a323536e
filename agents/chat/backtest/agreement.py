"""What moderators made of messages, within five minutes of each."""

from collections import Counter, OrderedDict
from typing import Any, Final

import msgspec

from agents.chat.backtest.report import Example
from agents.chat.limits import SECOND
from schemas.chat_backtest import Agreement, Caught, Fate, Verdict
from schemas.records.chat import HeldMessageReviewed, MessageDeleted, UserBanned

SECONDS: Final = 300
"""How long moderators have: as long as a held message waits."""
REMOVED: Final = frozenset({"deleted", "banned", "timed out", "denied"})
STOOD: Final = frozenset({"stood", "approved"})
FIRST_FATE: Final[dict[str, Fate]] = {"sent": "stood", "held": "expired", "rejected": "unseen"}
"""What becomes of a message, by outcome, unless a moderator does something."""


class _Watched(msgspec.Struct, gc=False):
    at: int
    user_id: str
    before: Verdict
    after: Verdict
    fate: Fate
    example: Example | None


class Watch:
    """Watches messages until moderators can no longer have removed them in time."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Watched] = OrderedDict()
        self._unseen = 0
        self._settled: Counter[tuple[Fate, bool, bool]] = Counter()
        """By fate, and whether the message was stopped then, and would be now."""

    def say(
        self,
        message_id: str,
        user_id: str,
        at: int,
        verdicts: tuple[Verdict, Verdict],
        example: Example | None,
    ) -> None:
        """A message, with its verdicts then and now."""
        before, after = verdicts
        if before.outcome == "rejected":
            self._unseen += 1
            return
        fate = FIRST_FATE[before.outcome]
        self._settle(at - SECONDS * SECOND)
        self._open[message_id] = _Watched(at, user_id, before, after, fate, example)

    def happened(self, event: Any, at: int) -> None:
        """Something that moderators may have done."""
        match event:
            case MessageDeleted() if event.by_id not in ("", event.user_id):
                self._fate(self._open.get(event.message_id), "deleted", at)
            case UserBanned() if event.by_id:
                fate: Fate = "banned" if event.until is None else "timed out"
                for watched in self._open.values():
                    if watched.user_id == event.user_id:
                        self._fate(watched, fate, at)
            case HeldMessageReviewed(outcome="approved" | "denied" as outcome):
                self._fate(self._open.get(event.message_id), outcome, at)

    def agreement(self) -> Agreement:
        """What came of all of them."""
        self._settle(None)
        counted = self._settled
        removed = sum(n for (fate, _, _), n in counted.items() if fate in REMOVED)
        stood = sum(n for (fate, _, _), n in counted.items() if fate in STOOD)
        return Agreement(
            removed=removed,
            stood=stood,
            unjudged=self._unseen + counted.total() - removed - stood,
            before=self._caught(1, removed),
            after=self._caught(2, removed),
        )

    def _caught(self, place: int, removed: int) -> Caught:
        stopped = [(key[0], n) for key, n in self._settled.items() if key[place]]
        return Caught.of(
            sum(n for fate, n in stopped if fate in REMOVED),
            sum(n for fate, n in stopped if fate in STOOD),
            removed,
        )

    def _fate(self, watched: _Watched | None, fate: Fate, at: int) -> None:
        """The last fate counts, if it comes in time."""
        if watched is not None and at - watched.at <= SECONDS * SECOND:
            watched.fate = fate
            if watched.example is not None:
                watched.example.fate = fate

    def _settle(self, before: int | None) -> None:
        """Of messages said before then nothing will be heard any more; None: of any."""
        while self._open:
            message_id = next(iter(self._open))
            watched = self._open[message_id]
            if before is not None and watched.at >= before:
                return
            del self._open[message_id]
            self._settled[watched.fate, watched.before.stopped, watched.after.stopped] += 1

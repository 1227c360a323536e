"""What moderators made of messages, within five minutes of each."""

from collections import Counter
from collections.abc import Iterator, Mapping
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

Verdicts = tuple[Verdict, Verdict]
"""Then and now."""


class _Watched(msgspec.Struct, gc=False):
    at: int
    user_id: str
    verdicts: Verdicts
    fate: Fate
    example: Example | None


class Watch:
    """Watches messages until moderators can no longer have removed them in time."""

    def __init__(self) -> None:
        self._young: dict[str, _Watched] = {}
        self._old: dict[str, _Watched] = {}
        """Said before the young ones: at times all of them are forgotten, and the young are old."""
        self._ages_at = 0
        self._moved: Counter[tuple[Fate, Verdicts]] = Counter()
        """Messages that met another fate than the first, less those that did not meet that one."""

    def say(
        self, message_id: str, user_id: str, at: int, verdicts: Verdicts, example: Example | None
    ) -> None:
        """A message, with its verdicts then and now. Nobody sees what was rejected then."""
        fate = FIRST_FATE[verdicts[0].outcome]
        if fate == "unseen":
            return
        if at >= self._ages_at:
            self._old, self._young = self._young, {}
            self._ages_at = at + SECONDS * SECOND
        self._young[message_id] = _Watched(at, user_id, verdicts, fate, example)

    def happened(self, event: Any, at: int) -> None:
        """Something that moderators may have done."""
        match event:
            case MessageDeleted() if event.by_id not in ("", event.user_id):
                self._fate(event.message_id, "deleted", at)
            case UserBanned() if event.by_id:
                fate: Fate = "banned" if event.until is None else "timed out"
                for message_id in [*self._of_user(event.user_id)]:
                    self._fate(message_id, fate, at)
            case HeldMessageReviewed(outcome="approved" | "denied" as outcome):
                self._fate(event.message_id, outcome, at)

    def agreement(self, said: Mapping[Verdicts, int]) -> Agreement:
        """What came of all that was said, which is given by verdicts."""
        counted = Counter(self._moved)
        for verdicts, messages in said.items():
            counted[FIRST_FATE[verdicts[0].outcome], verdicts] += messages
        removed = sum(n for (fate, _), n in counted.items() if fate in REMOVED)
        stood = sum(n for (fate, _), n in counted.items() if fate in STOOD)
        return Agreement(
            removed=removed,
            stood=stood,
            unjudged=counted.total() - removed - stood,
            before=_caught(counted, 0, removed),
            after=_caught(counted, 1, removed),
        )

    def _of_user(self, user_id: str) -> Iterator[str]:
        for messages in (self._old, self._young):
            yield from (each for each, said in messages.items() if said.user_id == user_id)

    def _fate(self, message_id: str, fate: Fate, at: int) -> None:
        """The last fate counts, if it comes in time."""
        watched = self._young.get(message_id) or self._old.get(message_id)
        if watched is None or at - watched.at > SECONDS * SECOND:
            return
        self._moved[watched.fate, watched.verdicts] -= 1
        self._moved[fate, watched.verdicts] += 1
        watched.fate = fate
        if watched.example is not None:
            watched.example.fate = fate


def _caught(counted: Mapping[tuple[Fate, Verdicts], int], place: int, removed: int) -> Caught:
    stopped = [(fate, n) for (fate, verdicts), n in counted.items() if verdicts[place].stopped]
    return Caught.of(
        sum(n for fate, n in stopped if fate in REMOVED),
        sum(n for fate, n in stopped if fate in STOOD),
        removed,
    )

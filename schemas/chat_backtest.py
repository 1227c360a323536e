"""What a back-test of a chat counts, as the agents' code reports it and the gateway answers it."""

from collections import Counter
from collections.abc import Mapping
from typing import Literal

import msgspec

Fate = Literal["stood", "approved", "deleted", "banned", "timed out", "denied", "expired", "unseen"]
"""What moderators made of a message within five minutes; unseen: it was rejected at once."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What became of a message."""

    outcome: Literal["sent", "held", "rejected"]
    rule: str = ""
    """The rule that held or rejected it, or AutoMod's category: `automod/toxicity`."""

    @property
    def stopped(self) -> bool:
        """Whether it was not seen at once."""
        return self.outcome != "sent"


class Counts(msgspec.Struct, frozen=True):
    """Messages by what became of them."""

    sent: int
    held: int
    rejected: int
    rules: dict[str, int]
    """By the rule that held or rejected them, the most frequent first."""

    @classmethod
    def of(cls, verdicts: Mapping[Verdict, int]) -> "Counts":
        """Counts of some verdicts."""
        outcomes = Counter[str]()
        rules = Counter[str]()
        for verdict, messages in verdicts.items():
            outcomes[verdict.outcome] += messages
            if verdict.rule:
                rules[verdict.rule] += messages
        return cls(
            outcomes["sent"], outcomes["held"], outcomes["rejected"], dict(rules.most_common())
        )


class Caught(msgspec.Struct, frozen=True):
    """How rules agree with moderators. Stopped: held or rejected."""

    removed_stopped: int
    """Of the messages that moderators removed."""
    stood_stopped: int
    """Of those that they let stand."""
    precision: float | None
    """Share of removed messages among those stopped; null: none was."""
    recall: float | None
    """Share of the removed messages that were stopped; null: none was removed."""

    @classmethod
    def of(cls, removed_stopped: int, stood_stopped: int, removed: int) -> "Caught":
        """From the counts."""
        stopped = removed_stopped + stood_stopped
        return cls(
            removed_stopped,
            stood_stopped,
            removed_stopped / stopped if stopped else None,
            removed_stopped / removed if removed else None,
        )


class Agreement(msgspec.Struct, frozen=True):
    """What moderators did then, and what rules would have done."""

    removed: int
    """Messages deleted or denied, or whose author was shut out, within five minutes."""
    stood: int
    """Messages that were seen and let stand, or approved."""
    unjudged: int
    """Messages that no moderator saw: rejected at once, or held until they expired."""
    before: Caught
    after: Caught

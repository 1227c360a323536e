"""Runs other rules over what was said, as if they had held then. Writes nothing anywhere."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from agents.chat import model, moderation, settings
from agents.chat.agent import Tables
from agents.chat.backtest.again import asked_again
from agents.chat.backtest.agreement import FIRST_FATE, Watch
from agents.chat.backtest.changes import Changes
from agents.chat.backtest.report import SENT, Example, Kind, Report
from agents.chat.limits import SECOND
from agents.chat.memory import Memory
from agents.chat.recent import LateMark
from agents.chat.rules import Rejected, Waits, judged
from agents.chat.saying import Judge, Said, Saying
from agents.chat.state import Room, Standing, Term
from agents.chat.text import Terms
from infra.streaming import TablesApart
from schemas.chat_backtest import Counts, Verdict
from schemas.records.chat import (
    BlockedTermAdded,
    BlockedTermRemoved,
    MessageHeld,
    MessageRejected,
    MessageSent,
)

_FADE_EVERY: Final = 60 * SECOND


class Replay:
    """A channel's chat under other rules.

    What moderators did stays as it happened, and so does a storm's slow mode. What rules remember
    of messages follows from their own verdicts: a message that is rejected now was not said.
    """

    def __init__(
        self,
        channel_id: str,
        changes: Changes,
        *,
        emotes: Mapping[str, str],
        judge: Judge | None,
        examples: int = 5,
    ) -> None:
        self.channel_id = channel_id
        self._changes = changes
        self._limits = changes.counted()
        self._emotes = emotes
        self._judge = judge
        self._examples = examples
        self._tables = tables_apart()
        self._room = Room()
        self._terms: tuple[Term, ...] = ()
        self._known_terms: set[str] = set()
        self._fades_at = 0
        self.rules = model.versions(judge)
        """Versions of the rules that are run."""
        self._verdicts: dict[tuple[Verdict, Verdict], int] = {}
        self._kinds: dict[tuple[Verdict, Verdict], Kind] = {}
        self._watch = Watch()
        self._apply()

    def remember(self, said: Said, now: int) -> None:
        """Something was said before the window, as it was decided then."""
        self._tables.memory.note(self._saying(said, now))

    def say(self, message_id: str, said: Said, now: int, before: Verdict) -> Example | None:
        """Something was said in the window: what becomes of it now?

        `before`: what became of it then. An example if it is another thing, and is to be shown.
        """
        saying = self._saying(said, now)
        return self._judged(message_id, saying, before, judged(saying))

    def say_again(self, message_id: str, said: Said, now: int) -> Example | None:
        """Something that `passed`: as `say`, but most rules have said already what they say."""
        saying = self._saying(said, now)
        saying.terms = self._more_terms
        return self._judged(message_id, saying, SENT, judged(saying, self._again))

    def _judged(
        self, message_id: str, saying: Saying, before: Verdict, found: Rejected | Waits | None
    ) -> Example | None:
        said, now = saying.command, saying.now
        if not isinstance(found, Rejected):
            self._tables.memory.note(saying)
        after = SENT if found is None else verdict(found)
        verdicts = before, after
        self._verdicts[verdicts] = self._verdicts.get(verdicts, 0) + 1
        example = None
        if before != after:
            kind = self._kinds.get(verdicts)
            if kind is None:
                kind = self._kinds[verdicts] = Kind(self._examples)
            fate = FIRST_FATE[before.outcome]
            example = kind.take(message_id, now, said.user_id, said.text, fate)
        self._watch.say(message_id, said.user_id, now, verdicts, example)
        return example

    def happened(self, event: Any, at: int) -> None:
        """Something else happened, before the window, in it or after it."""
        self._watch.happened(event, at)
        if isinstance(event, settings.SettingsEvent):
            self._room = settings.evolve(self._room, event)
            self._apply()
        elif isinstance(event, BlockedTermAdded | BlockedTermRemoved):
            self._terms = model.evolve_terms(self._terms, event)
            self._apply()
        elif isinstance(event, moderation.UserEvent):
            row = f"{self.channel_id}|{event.user_id}"
            standing = self._tables.standings.get(row) or Standing()
            self._tables.standings[row] = moderation.evolve(standing, event)

    def opens(self) -> None:
        """The window begins: which terms are known is asked from here on."""
        self._known_terms = {each.text for each in self._terms}

    def report(self, start: int, end: int, undecided: int) -> Report:
        """What came of it, with the window and what of it was never decided."""
        before, after = Counter[Verdict](), Counter[Verdict]()
        for (then, now), messages in self._verdicts.items():
            before[then] += messages
            after[now] += messages
        changes = [kind.change(*verdicts) for verdicts, kind in self._kinds.items()]
        return Report(
            channel_id=self.channel_id,
            start=start,
            end=end,
            messages=sum(self._verdicts.values()),
            undecided=undecided,
            rules=self.rules,
            before=Counts.of(before),
            after=Counts.of(after),
            changed=sum(each.messages for each in changes),
            changes=sorted(changes, key=lambda each: -each.messages),
            agreement=self._watch.agreement(self._verdicts),
            unknown_terms=[
                each for each in self._changes.terms.remove if each not in self._known_terms
            ],
        )

    def _saying(self, said: Said, now: int) -> Saying:
        if now >= self._fades_at:
            self._tables.memory.fade(now)
            self._fades_at = now + _FADE_EVERY
        saying = self._tables.saying(said, now, self._emotes, self._judge, self._limits)
        vars(saying)["mark"] = LateMark(saying.text, self._emotes)
        return saying

    def _apply(self) -> None:
        """What holds now, as it would be with the changes."""
        tried = self._tables.rooms[self.channel_id] = self._changes.room(self._room)
        then = {each.text for each in self._terms}
        self._known_terms |= then
        blocked = self._changes.blocked(self._terms)
        more = [each for each in blocked if each not in then]
        self._tables.compiled.get()[self.channel_id] = Terms.compile(blocked)
        self._more_terms = Terms.compile(more)
        self._again = asked_again(self._room, tried, more_terms=bool(more))


def verdict(found: Rejected | Waits) -> Verdict:
    """What a rule says, without the particulars."""
    if isinstance(found, Rejected):
        return Verdict("rejected", found.reason)
    return _held(found.rule, found.category)


def verdict_of(event: MessageSent | MessageHeld | MessageRejected) -> Verdict:
    """What was decided, without the particulars."""
    match event:
        case MessageSent():
            return SENT
        case MessageRejected():
            return Verdict("rejected", event.reason)
        case MessageHeld():
            return _held(event.rule, event.category)


def _held(rule: str, category: str) -> Verdict:
    return Verdict("held", f"{rule}/{category}" if category else rule)


def tables_apart() -> Tables:
    """Empty tables of no worker."""
    apart = TablesApart()
    return Tables(
        rooms=apart.Table("rooms", value_type=Room),
        standings=apart.Table("standings", value_type=Standing),
        terms=apart.Table("terms", value_type=list[Term]),
        held={},
        storms={},
        memory=Memory(apart),
        compiled=apart.Derived("compiled", dict[str, Terms]),
    )

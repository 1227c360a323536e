"""Decides about chats: what is said in them, and what moderators ask for."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agents.chat import model, moderation, settings
from agents.chat.limits import LIMITS, Limits
from agents.chat.memory import Memory
from agents.chat.saying import Judge, Said, Saying
from agents.chat.state import Held, Room, Standing, Term
from agents.chat.text import Terms
from infra.clock import Clock
from infra.errors import InvalidRecord
from infra.streaming import Built, Message, Rows, Send
from schemas.records.chat import (
    BlockedTermAdded,
    BlockedTermRemoved,
    MessageHeld,
    MessageRejected,
    ReportDelay,
    ReviewMessage,
    SendMessage,
)
from schemas.records.clock import Tick

COMMANDS: Final = "chat-commands"
NO_TERMS: Final = Terms.compile([])
NO_ROOM: Final = Room()
NO_STANDING: Final = Standing()


@dataclass
class Tables:
    """What the agent remembers, by channel unless said otherwise."""

    rooms: Rows[Room]
    standings: Rows[Standing]
    """By channel and user."""
    terms: Rows[list[Term]]
    held: Rows[Held]
    """By channel and message."""
    storms: Rows[int]
    """When a chat that is in a storm was reported last (microseconds)."""
    memory: Memory
    compiled: Built[dict[str, Terms]]
    """Compiled terms by channel."""

    def saying(
        self,
        said: Said,
        now: int,
        emotes: Mapping[str, str],
        judge: Judge | None,
        limits: Limits = LIMITS,
    ) -> Saying:
        """A message, with all that is known here."""
        channel = said.channel_id
        row = f"{channel}|{said.user_id}"
        return Saying(
            command=said,
            room=self.rooms.get(channel) or NO_ROOM,
            standing=self.standings.get(row) or NO_STANDING,
            lately=self.memory.recent(row),
            round=self.memory.round(channel),
            said_at=self.memory.said_at(channel),
            now=now,
            terms=self.compiled.get().get(channel, NO_TERMS),
            emotes=emotes,
            judge=judge,
            limits=limits,
        )


@dataclass
class Chats:
    """The agent. `clock` tells how late it is; nothing is decided by it here."""

    tables: Tables
    emotes: dict[str, str]
    clock: Clock
    judge: Judge | None = None
    _said: dict[int, Counter[str]] = field(default_factory=dict)
    """Messages since the last tick by partition and channel."""

    def handle(self, message: Message, send: Send) -> None:
        """Decide what a command does."""
        command = message.event
        if isinstance(command, SendMessage):
            self._check_key(message)
            self._say(command, message, send)
        elif isinstance(command, Tick):
            self._pass_time(message, send)
        else:
            self._check_key(message)
            self._obey(command, message, send)

    def _check_key(self, message: Message) -> None:
        if message.event.channel_id != message.key:
            raise InvalidRecord(
                f"channel_id is {message.event.channel_id}, must be the key of the message"
            )

    def _say(self, said: SendMessage, message: Message, send: Send) -> None:
        tables, channel = self.tables, said.channel_id
        counted = self._said.get(message.partition)
        if counted is None:
            counted = self._said[message.partition] = Counter()
        counted[channel] += 1
        saying = tables.saying(said, message.meta.occurred_at, self.emotes, self.judge)
        verdict = model.decide_message(saying, message.meta.event_id)
        send(verdict)
        if isinstance(verdict, MessageRejected):
            return
        if isinstance(verdict, MessageHeld):
            row = Held(said, saying.text, verdict.rules, verdict.held_until)
            tables.held[f"{channel}|{verdict.message_id}"] = row
        tables.memory.note(saying)

    def _obey(self, command: Any, message: Message, send: Send) -> None:
        channel, now = command.channel_id, message.meta.occurred_at
        if isinstance(command, model.OfUser):
            self._of_user(command, now, send)
        elif isinstance(command, model.OfSettings):
            self._set(channel, model.decide_settings(self._room(channel), command), send)
        elif isinstance(command, model.OfTerms):
            self._of_terms(command, message.meta.event_id, send)
        elif isinstance(command, ReviewMessage):
            self._review(command, send)
        elif isinstance(command, ReportDelay):
            self._slow_down(command, now, send)
        else:
            send(model.decide_removal(command))

    def _room(self, channel: str) -> Room:
        return self.tables.rooms.get(channel) or Room()

    def _of_user(self, command: model.OfUser, now: int, send: Send) -> None:
        row = f"{command.channel_id}|{command.user_id}"
        before = self.tables.standings.get(row) or Standing()
        event = model.decide_user(before, command, now=now)
        send(event)
        if isinstance(event, moderation.UserEvent):
            after = moderation.evolve(before, event)
            if after != Standing():
                self.tables.standings[row] = after
            elif before != Standing():
                del self.tables.standings[row]

    def _set(self, channel: str, told: Any, send: Send) -> None:
        if not isinstance(told, list):
            send(told)
            return
        room = self._room(channel)
        for event in told:
            room = settings.evolve(room, event)
            send(event, key=channel)
        self.tables.rooms[channel] = room

    def _of_terms(self, command: model.OfTerms, command_id: str, send: Send) -> None:
        channel = command.channel_id
        before = tuple(self.tables.terms.get(channel) or ())
        event = model.decide_terms(before, command, command_id)
        send(event)
        if isinstance(event, BlockedTermAdded | BlockedTermRemoved):
            after = model.evolve_terms(before, event)
            compiled = self.tables.compiled.get()
            if after:
                self.tables.terms[channel] = list(after)
                compiled[channel] = compile_terms(after)
            elif before:
                del self.tables.terms[channel]
                compiled.pop(channel, None)

    def _review(self, command: ReviewMessage, send: Send) -> None:
        row = f"{command.channel_id}|{command.message_id}"
        told = model.decide_review(self.tables.held.get(row), command, self.emotes)
        if not isinstance(told, list):
            send(told)
            return
        for event in told:
            send(event)
        del self.tables.held[row]

    def _slow_down(self, report: ReportDelay, now: int, send: Send) -> None:
        channel = report.channel_id
        if event := model.decide_delay(self._room(channel), report):
            self._set(channel, [event], send)
        if self._room(channel).stormy:
            self.tables.storms[channel] = now

    def _pass_time(self, message: Message, send: Send) -> None:
        now = message.meta.occurred_at
        for row, waiting in self.tables.held.items():
            channel, _, message_id = row.partition("|")
            if event := model.expire(waiting, message_id, now=now):
                send(event, key=channel)
                del self.tables.held[row]
        for channel, reported_at in self.tables.storms.items():
            room = self._room(channel)
            if not room.stormy:
                del self.tables.storms[channel]
            elif calmed := model.calm(room, channel, reported_at, now=now):
                self._set(channel, [calmed], send)
                del self.tables.storms[channel]
        self.tables.memory.fade(now)
        self._report_delay(message, send)

    def _report_delay(self, message: Message, send: Send) -> None:
        """Say which chats are decided late, if they are: what follows is decided when it is read.

        The clock makes this one output differ when a tick is handled again: a report may then be
        taken for a repeat and is lost; the next second's is not.
        """
        counted = self._said.pop(message.partition, Counter[str]())
        delay = (self.clock.now() - message.meta.occurred_at) // 1000
        if delay < model.STORM_DELAY_MS:
            return
        for channel, messages in counted.items():
            if messages >= model.STORM_MESSAGES:
                report = ReportDelay(channel_id=channel, delay_ms=delay, messages=messages)
                send(report, key=channel, topic=COMMANDS)


def compile_terms(terms: Iterable[Term]) -> Terms:
    """The terms of a channel, ready to look for."""
    return Terms.compile([each.text for each in terms])


def compile_all(terms: Rows[list[Term]]) -> dict[str, Terms]:
    """The terms of every channel of a partition."""
    return {channel: compile_terms(found) for channel, found in terms.items()}

"""Chats as a worker decided them, for tests: commands and events as they lie on the log."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from agents.chat.backtest import Changes, Replay, Report, Window, WindowReplay
from agents.chat.backtest.log import MEMORY_SECONDS
from agents.chat.messages import sent
from infra.kafka import partition_of
from infra.record import Meta
from infra.streaming.testing import BEGINNING, RawRecord, TestWorker
from schemas.records.chat import (
    AddBlockedTerm,
    BanUser,
    ChangeAutomod,
    ChangeChatSettings,
    ConfirmWarning,
    DeleteMessage,
    MessageRejected,
    MessageSent,
    RemoveBlockedTerm,
    ReportDelay,
    ReviewMessage,
    SendMessage,
    SetShieldMode,
    UnbanUser,
    WarnUser,
)
from schemas.records.clock import Tick
from schemas.registry import registry
from tests.functional.workers import PARTITIONS, HoldsOnRequest, chat_app
from tests.unit.agents.test_chat_rules import SAID

SECOND: Final = 1_000_000
CHANNEL: Final = "c"
WHERE: Final = partition_of(CHANNEL.encode(), PARTITIONS)
NEIGHBOUR: Final = next(
    name for name in map(str, range(100)) if partition_of(name.encode(), PARTITIONS) == WHERE
)
"""Another channel of the same partition."""
BY: Final[dict[str, Any]] = {"by_id": "m", "by_login": "wanda", "by_role": "moderator"}
LONG: Final = "please all of you go and vote for this channel at the place that I name"
TEXTS: Final = (
    "hello",
    "HELLO!!",
    "what a nice play that was",
    "hold on to this",
    "a spoiler",
    "see www.example.com/x",
    "\u200b",
    "\N{GRINNING FACE}",
    LONG,
    LONG + " now",
)


@dataclass
class ChatLog:
    """Both topics of a partition, and when each command was given."""

    commands: list[RawRecord]
    times: list[int]
    events: list[RawRecord]

    def window(self, start: int, end: int) -> Window:
        """The window between two commands, by number."""
        begins = self.times[start] if start < len(self.times) else self.times[-1] + 1
        first = begins - MEMORY_SECONDS * SECOND
        remembered = next((n for n, at in enumerate(self.times) if at >= first), start)
        return Window(remembered, start, end)

    def back_test(
        self, start: int, end: int, changes: Changes | None = None, *, trusting: bool = False
    ) -> Report:
        """What other rules would have made of a window. `trusting`: as of `WindowReplay`."""
        judge = HoldsOnRequest()
        replay = Replay(CHANNEL, changes or Changes(), emotes={}, judge=judge, examples=3)
        window = self.window(start, end)
        rerun = WindowReplay(registry(), replay, window, trusting=trusting)
        rerun.commands(self.commands[:end])
        rerun.events(self.events)
        return rerun.report(0, 1)

    def let_pass_by(self, rules: str, chance: random.Random) -> None:
        """Write some verdicts anew, as if rules of that version had let the messages pass."""
        for number, record in enumerate(self.events):
            assert record.value is not None
            envelope = registry().decode(record.value)
            event = envelope.event
            if isinstance(event, MessageSent | MessageRejected) and chance.random() < 0.3:
                text = event.text or "nothing"
                passed = sent(said(text, event.user_id), event.message_id, text, {}, rules)
                value = registry().encode(envelope.meta, passed)
                self.events[number] = msgspec.structs.replace(record, value=value)


def said(text: str, user: str = "u", channel: str = CHANNEL, **facts: Any) -> SendMessage:
    """A message of somebody."""
    return msgspec.structs.replace(SAID, text=text, user_id=user, channel_id=channel, **facts)


def id_of(number: int) -> str:
    """The event id of the command of that number."""
    return f"command-{number}"


async def decide(commands: Sequence[tuple[float, Any]]) -> ChatLog:
    """What a worker makes of commands, given with seconds since the beginning."""
    records, times = [], []
    for number, (at, command) in enumerate(commands):
        times.append(BEGINNING + int(at * SECOND))
        meta = Meta(event_id=id_of(number), occurred_at=times[-1], producer="test", sequence=number)
        key = getattr(command, "channel_id", "").encode()
        value = registry().encode(meta, command)
        records.append(RawRecord("chat-commands", WHERE, number, key, value))
    async with TestWorker(chat_app) as worker:
        if records:
            await worker.deliver(records)
        written = worker.log.records.get(("chat-events", WHERE), [])
    events = [
        RawRecord("chat-events", WHERE, number, key, value, tuple(headers))
        for number, (key, value, headers) in enumerate(written)
    ]
    return ChatLog(records, times, events)


def some_commands(seed: int, count: int) -> list[tuple[float, Any]]:
    """Commands by chance: much is said, and now and then a moderator does something."""
    chance, now = random.Random(seed), 0.0
    commands: list[tuple[float, Any]] = []
    for number in range(count):
        now += chance.choice((0.1, 0.4, 1.1, 1.1, 2.5, 11, chance.choice((31, 190, 1900))))
        one = _said(chance) if chance.random() < 0.75 else _moderated(chance, number)
        commands.append((now, one))
    return commands


def _said(chance: random.Random) -> SendMessage:
    return said(
        chance.choice(TEXTS),
        f"u{chance.randrange(10)}",
        chance.choice((CHANNEL, CHANNEL, CHANNEL, NEIGHBOUR)),
        roles=chance.choice(([], [], [], ["subscriber"], ["vip"], ["moderator"])),
        suspended=chance.random() < 0.02,
        followed_at=chance.choice((None, BEGINNING, BEGINNING - 86_400 * SECOND)),
    )


def _moderated(chance: random.Random, number: int) -> Any:
    channel = {"channel_id": chance.choice((CHANNEL, CHANNEL, NEIGHBOUR))}
    user = {**channel, "user_id": f"u{chance.randrange(10)}"}
    named = {**user, "login": "mallory"}
    other = id_of(chance.randrange(number + 1))
    makers: list[Any] = [
        lambda: Tick(),
        lambda: BanUser(**named, roles=[], seconds=chance.choice((5, 60, None)), reason="", **BY),
        lambda: UnbanUser(**named, **BY),
        lambda: WarnUser(**named, roles=[], reason="be kind", **BY),
        lambda: ConfirmWarning(**user),
        lambda: AddBlockedTerm(**channel, text=chance.choice(("spoiler*", "nice play")), **BY),
        lambda: RemoveBlockedTerm(**channel, term_id=other, **BY),
        lambda: ChangeAutomod(**channel, toxicity=chance.choice((0, 2)), **BY),
        lambda: SetShieldMode(**channel, active=chance.random() < 0.4, **BY),
        lambda: ReportDelay(**channel, delay_ms=3_000, messages=50),
        lambda: ReviewMessage(**channel, message_id=other, approve=chance.random() < 0.5, **BY),
        lambda: DeleteMessage(**named, message_id=other, sent_at=0, roles=[], text="", **BY),
        lambda: ChangeChatSettings(**channel, **_settings(chance), **BY),
        lambda: ChangeChatSettings(**channel, **_settings(chance), **BY),
    ]
    return chance.choice(makers)()


def _settings(chance: random.Random) -> dict[str, Any]:
    name, values = chance.choice(
        (
            ("slow_seconds", (0, 5, 120)),
            ("followers_only_minutes", (-1, -1, 10)),
            ("subscribers_only", (False, False, True)),
            ("emote_only", (False, False, True)),
            ("unique_chat", (False, True, True)),
            ("links", ("everybody", "moderators", "nobody")),
        )
    )
    return {name: chance.choice(values)}

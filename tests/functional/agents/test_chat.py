"""Chats as their worker decides them: tables, ticks, the same events from the same commands."""

from typing import Any

import msgspec

from infra.clock import ManualClock
from infra.kafka import partition_of
from infra.streaming.testing import BEGINNING, Delivered, TestWorker
from schemas.records.chat import (
    AddBlockedTerm,
    BanUser,
    ChangeAutomod,
    ChangeChatSettings,
    ChatSettingsChanged,
    ConfirmWarning,
    HeldMessageReviewed,
    MessageHeld,
    MessageRejected,
    MessageSent,
    RemoveBlockedTerm,
    ReportDelay,
    ReviewMessage,
    SendMessage,
    UserBanned,
    WarnUser,
)
from schemas.records.clock import Tick
from tests.functional.workers import PARTITIONS, chat_app
from tests.unit.agents.test_chat_rules import SAID

SECOND = 1_000_000
BY: dict[str, Any] = {"by_id": "m", "by_login": "wanda", "by_role": "moderator"}
USER: dict[str, Any] = {"channel_id": "c", "user_id": "u", "login": "mallory"}


def said(text: str, user: str = "u", **facts: Any) -> SendMessage:
    return msgspec.structs.replace(SAID, text=text, user_id=user, **facts)


async def put(
    worker: TestWorker, event: Any, at: float = 0, producer: str = "test"
) -> list[Delivered]:
    when = BEGINNING + int(at * SECOND)
    return await worker.put("chat-commands", "c", event, occurred_at=when, producer=producer)


async def one(worker: TestWorker, event: Any, at: float = 0, producer: str = "test") -> Any:
    (output,) = await put(worker, event, at, producer)
    assert (output.topic, output.key) == ("chat-events", "c")
    return output.event


async def tick(worker: TestWorker, at: float, producer: str = "test") -> list[Any]:
    """A tick in the channel's partition."""
    when = BEGINNING + int(at * SECOND)
    where = partition_of(b"c", PARTITIONS)
    outputs = await worker.put(
        "chat-commands", "", Tick(), occurred_at=when, partition=where, producer=producer
    )
    return [output.event for output in outputs]


async def test_a_message_has_the_id_of_its_command() -> None:
    async with TestWorker(chat_app) as worker:
        (output,) = await put(worker, said("hello"))
        assert isinstance(output.event, MessageSent)
        assert output.meta is not None
        assert output.event.message_id == output.meta.causation_id


async def test_a_ban_holds_and_a_key_must_be_the_channel() -> None:
    async with TestWorker(chat_app) as worker:
        ban = BanUser(**USER, roles=[], seconds=60, reason="", **BY)
        assert isinstance(await one(worker, ban, at=0), UserBanned)
        found = await one(worker, said("hello"), at=1)
        assert isinstance(found, MessageRejected)
        assert (found.reason, found.retry_after_seconds) == ("timed-out", 59)
        assert isinstance(await one(worker, said("hello"), at=60), MessageSent)
        (letter,) = await worker.put("chat-commands", "other", said("hello"))
        assert letter.topic == "chat-commands-dlq"


async def test_terms_are_looked_for_as_soon_as_they_are_there() -> None:
    async with TestWorker(chat_app) as worker:
        added = await one(worker, AddBlockedTerm(channel_id="c", text="spoiler*", **BY), at=0)
        found = await one(worker, said("what a S P O I L E R"), at=2)
        assert isinstance(found, MessageRejected)
        removal = RemoveBlockedTerm(channel_id="c", term_id=added.term_id, **BY)
        await one(worker, removal, at=4)
        assert isinstance(await one(worker, said("spoilers!"), at=6), MessageSent)
        assert worker.rows("blocked-terms-by-channel") == {}


async def test_a_warning_silences_until_it_is_confirmed() -> None:
    async with TestWorker(chat_app) as worker:
        await one(worker, WarnUser(**USER, roles=[], reason="be kind", **BY), at=0)
        assert (await one(worker, said("hello"), at=2)).reason == "warned"
        await one(worker, ConfirmWarning(channel_id="c", user_id="u"), at=4)
        assert isinstance(await one(worker, said("hello"), at=6), MessageSent)
        assert worker.rows("standing-by-channel-and-user") == {}


async def test_unique_chat_knows_for_an_hour_what_was_said() -> None:
    async with TestWorker(chat_app) as worker:
        await one(worker, ChangeChatSettings(channel_id="c", unique_chat=True, **BY), at=0)
        assert isinstance(await one(worker, said("nice one"), at=1), MessageSent)
        found = await one(worker, said("NICE  one!!", user="v"), at=10)
        assert (found.reason, type(found)) == ("unique-chat", MessageRejected)
        assert isinstance(await one(worker, said("nice one", user="v"), at=3601), MessageSent)


async def test_what_no_rule_asks_for_is_forgotten() -> None:
    async with TestWorker(chat_app) as worker:
        await one(worker, ChangeChatSettings(channel_id="c", unique_chat=True, **BY), at=0)
        await one(worker, said("one"), at=1)
        await one(worker, said("two"), at=100)
        await tick(worker, at=200)
        assert worker.rows("said-by-channel-and-user").keys() == {"c|u"}
        await tick(worker, at=231)
        assert worker.rows("said-by-channel-and-user") == {}
        assert len(worker.rows("said-by-channel-and-slot")) == 2
        await tick(worker, at=3701)
        assert worker.rows("said-by-channel-and-slot") == {}


async def test_a_held_message_waits_for_five_minutes() -> None:
    async with TestWorker(chat_app) as worker:
        await one(worker, ChangeAutomod(channel_id="c", toxicity=1, **BY), at=0)
        first = await one(worker, said("hold this"), at=0)
        second = await one(worker, said("hold this too", user="v"), at=10)
        assert isinstance(first, MessageHeld)
        approve = ReviewMessage(channel_id="c", message_id=first.message_id, approve=True, **BY)
        outputs = await put(worker, approve, at=20)
        assert [type(each.event) for each in outputs] == [HeldMessageReviewed, MessageSent]
        assert outputs[1].event.text == "hold this"
        assert (await one(worker, approve, at=21)).reason == "not-held"
        assert await tick(worker, at=309) == []
        (expired,) = await tick(worker, at=310)
        assert (expired.message_id, expired.outcome) == (second.message_id, "expired")
        assert worker.rows("held-by-channel-and-message") == {}


async def test_slow_mode_comes_when_ticks_are_late_and_goes_when_it_is_calm() -> None:
    clock = ManualClock(BEGINNING)
    async with TestWorker(lambda: chat_app(clock)) as worker:
        for number in range(25):
            await put(worker, said(f"message {number}", user=f"u{number}"), at=number / 100)
        clock.advance(4)
        (output,) = await worker.put(
            "chat-commands",
            "",
            Tick(),
            occurred_at=BEGINNING + SECOND,
            partition=partition_of(b"c", PARTITIONS),
        )
        assert (output.topic, output.event) == (
            "chat-commands",
            ReportDelay(channel_id="c", delay_ms=3_000, messages=25),
        )
        (slowed,) = await worker.relay(output)
        assert isinstance(slowed.event, ChatSettingsChanged)
        assert (slowed.event.cause, slowed.event.slow_seconds) == ("storm", 5)
        clock.advance(36)
        (over,) = await tick(worker, at=40)
        assert (over.cause, over.slow_seconds) == ("storm", 0)
        assert worker.rows("storm-by-channel") == {}


async def test_a_restart_decides_the_same() -> None:
    """Given a ban, a term, and messages before it, a worker that restores its tables goes on."""
    async with TestWorker(chat_app) as worker:
        await one(worker, AddBlockedTerm(channel_id="c", text="spoiler", **BY), at=0)
        for second in (1, 3, 5, 7):
            await one(worker, said("again"), at=second)
        log = worker.log
    async with TestWorker(chat_app, log=log) as worker:
        again = await one(worker, said("again"), at=9, producer="later")
        assert again.reason == "repeated"
        spoiler = await one(worker, said("spoiler", user="v"), at=10, producer="later")
        assert spoiler.reason == "blocked-term"


async def test_who_says_the_same_is_known_after_a_restart_and_forgotten_later() -> None:
    """Given seven who say one long text, the eighth one's is a flood, whoever decides it."""
    long = "this is the very best stream that I have ever seen"
    async with TestWorker(chat_app) as worker:
        for number in range(40):  # more than a chat remembers
            words = " ".join(f"word{number}x{each}" for each in "abcdefg")
            await one(worker, said(words, user=f"w{number}"), at=number / 100)
        for number in range(7):
            assert isinstance(await one(worker, said(long, user=f"u{number}"), at=1), MessageSent)
        log = worker.log
    async with TestWorker(chat_app, log=log) as worker:
        await one(worker, said("one other thing that is long enough", user="x"), 2, "later")
        flood = await one(worker, said(f"{long}!!", user="u8"), at=3, producer="later")
        assert flood.reason == "flood"
        assert len(worker.rows("going-round-by-channel-and-slot")) == 32
        await tick(worker, at=140, producer="clock")
        assert worker.rows("going-round-by-channel-and-slot") == {}

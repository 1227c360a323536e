"""The views of chats on real servers: proved, the same when made anew, read from any moment."""

import random
import uuid
from collections.abc import Iterator
from typing import Any, Final

from infra.kafka import LogReader
from infra.record import Meta, Record
from schemas.records.chat import (
    BlockedTermAdded,
    BlockedTermRemoved,
    ChatCleared,
    HeldMessageReviewed,
    MessageDeleted,
    MessageHeld,
    MessageSent,
    ShieldModeChanged,
    UserBanned,
    UserUnbanned,
    UserWarned,
    WarningConfirmed,
)
from schemas.registry import registry
from sinks.prove import prove
from sinks.reader import ViewReader
from sinks.rebuild import rebuild
from sinks.store import Store
from sinks.view import StoreKind, View
from sinks.views import VIEWS
from sinks.views.chat_history import HOUR
from tests.integration.test_engagement_views import VIEWS as ENGAGEMENT
from tests.integration.views import ORIGIN, Log, caught_up, view, writing

LASTING: Final = [
    name
    for name, found in VIEWS.items()
    if "chat-events" in found.topics and found.lasting and name not in ENGAGEMENT
]
MESSAGES: Final = 600
BY: Final[dict[str, Any]] = {"by_id": "w", "by_login": "wanda"}


def sent(number: int) -> MessageSent:
    return MessageSent(
        channel_id="c",
        message_id=f"m{number:04}",
        user_id=f"u{number % 7}",
        login="uma",
        display_name="Uma",
        colour="",
        badges=["vip/1"],
        text=f"message {number}",
        kind="text",
        announcement_colour="",
        emotes=[],
        reply_to="",
        reply_user_id="",
        reply_login="",
        reply_display_name="",
        reply_text="",
        thread_id="",
        approved_by="",
        rules="chat-1",
    )


def when(number: int) -> int:
    """Messages are five minutes apart: twelve an hour."""
    return ORIGIN + number * HOUR // 12


def held(number: int) -> MessageHeld:
    return MessageHeld(
        channel_id="c",
        message_id=f"h{number:04}",
        user_id="u1",
        login="uma",
        display_name="Uma",
        colour="",
        text="x",
        kind="text",
        announcement_colour="",
        rule="automod",
        category="spam",
        level=1,
        held_until=when(number) + 300,
        rules="chat-1",
    )


def measures(number: int, chance: random.Random) -> Iterator[Record]:
    """What moderators do now and then."""
    who: dict[str, Any] = {"channel_id": "c", "user_id": f"u{number % 7}", "login": "uma", **BY}
    gone: dict[str, Any] = {"message_id": f"m{number:04}", "sent_at": when(number), "text": ""}
    term: dict[str, Any] = {"channel_id": "c", "term_id": f"t{number % 5}", "text": "x", **BY}
    choices: list[list[Record]] = [
        [MessageDeleted(**who, **gone)],
        [UserBanned(**who, reason="", until=when(number) + 5)],
        [UserBanned(**who, reason="", until=None), UserUnbanned(**who)],
        [UserWarned(**who, reason="caps")],
        [WarningConfirmed(channel_id="c", user_id=f"u{number % 7}")],
        [ChatCleared(channel_id="c", **BY)],
        [BlockedTermAdded(**term)],
        [BlockedTermRemoved(**term)],
        [ShieldModeChanged(channel_id="c", active=bool(number % 2), **BY)],
        [held(number)],
        [held(number), HeldMessageReviewed(**who, message_id=f"h{number:04}", outcome="denied")],
    ]
    yield from chance.choice(choices)


async def say_everything(log: Log) -> int:
    """Everything that happens in the chat; how many events that is."""
    chance, count = random.Random(11), 0
    for number in range(MESSAGES):
        more = measures(number, chance) if chance.random() < 0.2 else ()
        for event in (sent(number), *more):
            meta = Meta(
                event_id=str(uuid.uuid4()),
                occurred_at=when(number),
                producer="test/source/0",
                sequence=count,
            )
            await log.write_raw(registry().encode(meta, event))
            count += 1
    return count


async def test_every_view_of_chats_is_what_the_log_says(
    log: Log, stores: dict[StoreKind, Store]
) -> None:
    count = await say_everything(log)
    assert len(LASTING) >= 10
    views = [view(name, log) for name in LASTING]
    redis = [found for found in views if found.store == "redis"]
    tables = [found for found in views if found.store == "cassandra"]
    await stores["cassandra"].setup(tables)
    async with (
        writing(log, stores["redis"], *redis),
        writing(log, stores["cassandra"], *tables),
    ):
        for found in views:
            await caught_up(log, stores[found.store], found, {0: count})
    for found in views:
        await holds(log, stores[found.store], found)
    await reads_from_any_moment(ViewReader(stores))


async def holds(log: Log, store: Store, found: View) -> None:
    """The view is what the log says, and the same when it is made anew."""
    async with LogReader(log.bootstrap) as reading:
        before = await prove(reading, store, registry(), found)
        assert before.equal, (found.name, before.differences[:3])
        assert before.rows, found.name
        await rebuild(reading, store, registry(), found, linger=0.1)
        after = await prove(reading, store, registry(), found)
    assert after.equal
    assert after.found_digest == before.found_digest


async def reads_from_any_moment(reader: ViewReader) -> None:
    """From the newest, and from one that lies between two messages, over all hours."""
    newest = await reader.scan("chat-history", 3, within="c")
    numbers = range(MESSAGES - 1, MESSAGES - 4, -1)
    assert [row["message_id"] for row in newest.rows] == [f"m{number:04}" for number in numbers]
    seen: list[Any] = []
    cursor = None
    after = ("c", when(200) - 1, "~")
    while True:
        page = await reader.scan("chat-history", 90, cursor, within="c", after=after)
        seen += [row["message_id"] for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [f"m{number:04}" for number in reversed(range(200))]

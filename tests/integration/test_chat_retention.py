"""Chats that are kept for some seconds, on real servers: rows go, and proofs hold all the while.

The clock is the test's, so that nothing depends on how fast it is; that the server removes rows by
itself is tested with the stores (`tests/contracts/test_stores.py`).
"""

import time
import uuid
from collections.abc import AsyncIterator
from typing import Final

import pytest
from cassandra.cluster import Cluster

from api.commands import uuid7
from infra.clock import ManualClock
from infra.kafka import LogReader
from infra.record import Meta, Record
from schemas.records.chat import MessageDeleted, MessageSent, UserBanned
from schemas.registry import registry
from sinks.asof import as_of
from sinks.diff import diff
from sinks.prove import Proof, prove
from sinks.reader import ViewReader
from sinks.rebuild import rebuild
from sinks.retention import SECOND, Lifetimes
from sinks.stores.cassandra import CassandraStore
from sinks.view import View
from sinks.views.chat_user_history import chatter
from tests.integration.views import Log, caught_up, view, writing

MESSAGES: Final = 30
KEPT_SECONDS: Final = 15
KEPT: Final = Lifetimes({"chat-history": KEPT_SECONDS})
NAMES: Final = ("chat-history", "chat-messages", "chat-user-history")


class Clock(ManualClock):
    """Time passes whenever it is read, once `passing` says by how many seconds."""

    passing = 0.0

    def now(self) -> int:
        self.advance(self.passing)
        return super().now()


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time_ns() // 1000)


@pytest.fixture
async def store(cassandra: str, unique: str, clock: Clock) -> AsyncIterator[CassandraStore]:
    host, _, port = cassandra.partition(":")
    name = f"test_{unique}"
    store = CassandraStore([host], int(port), name, lifetimes=KEPT, clock=clock)
    yield store
    await store.close()
    with Cluster([host], port=int(port), protocol_version=4) as cluster:
        cluster.connect().execute(f"DROP KEYSPACE IF EXISTS {name}", timeout=60)


class Chat:
    """Messages that were said evenly, one a second until now."""

    def __init__(self, log: Log, now: int) -> None:
        self._log = log
        self._count = 0
        self._now = now
        self.times = [now - n * SECOND for n in reversed(range(MESSAGES))]
        # Every other one was held for a second: its id does not say when it was sent.
        self.ids = [str(uuid7(at - n % 2 * SECOND)) for n, at in enumerate(self.times)]

    async def write(self, event: Record, at: int) -> None:
        meta = Meta(
            event_id=str(uuid.uuid4()), occurred_at=at, producer="agent", sequence=self._count
        )
        self._count += 1
        await self._log.write_raw(registry().encode(meta, event), timestamp_ms=at // 1000)

    async def happen(self) -> int:
        """Messages; then, all at once, some are deleted and a user is banned. How many events."""
        for message_id, at in zip(self.ids, self.times, strict=True):
            await self.write(said(message_id), at)
        for message_id, at in list(zip(self.ids, self.times, strict=True))[::3]:
            gone = MessageDeleted(
                channel_id="c",
                message_id=message_id,
                user_id="u",
                login="uma",
                text="x",
                sent_at=at,
                by_id="w",
                by_login="wanda",
            )
            await self.write(gone, self._now)
        banned = UserBanned(
            channel_id="c",
            user_id="u",
            login="uma",
            reason="",
            until=None,
            by_id="w",
            by_login="wanda",
        )
        await self.write(banned, self._now)
        return self._count


def said(message_id: str) -> MessageSent:
    return MessageSent(
        channel_id="c",
        message_id=message_id,
        user_id="u",
        login="uma",
        display_name="Uma",
        colour="",
        badges=[],
        text="x",
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


async def test_rows_go_when_their_time_is_over_and_every_proof_on_the_way_holds(
    log: Log, store: CassandraStore, clock: Clock
) -> None:
    views = [view(name, log) for name in NAMES]
    history = views[0]
    chat = Chat(log, clock.now())
    await store.setup(views)
    async with writing(log, store, *views):
        count = await chat.happen()
        for found in views:
            await caught_up(log, store, found, {0: count})
    shown = clock.now()
    reader = ViewReader({"cassandra": store})
    await no_row_is_shown_in_part(reader)
    async with LogReader(log.bootstrap) as reading:
        proofs: list[Proof] = []

        async def proved(found: View) -> Proof:
            proof = await prove(reading, store, registry(), found, lifetimes=KEPT, clock=clock)
            assert proof.equal, (found.name, proof.differences[:3])
            assert proof.expected_digest == proof.found_digest
            return proof

        clock.passing = 0.7
        for _ in range(2 * KEPT_SECONDS):
            proofs.append(await proved(history))
            await no_row_is_shown_in_part(reader)
            if not proofs[-1].rows + proofs[-1].going:
                break
        assert not proofs[-1].rows + proofs[-1].going
        assert any(proof.rows and proof.going for proof in proofs), "no edge was seen"
        for found in views:
            await proved(found)
        await what_was_is_still_known(reading, history, chat, shown, clock.now())
    assert (await reader.scan("chat-history", within="c")).rows == []
    assert (await reader.scan("chat-user-history", within=chatter("c", "u"))).rows == []
    for message_id in chat.ids:
        assert await reader.get("chat-messages", message_id) is None


async def no_row_is_shown_in_part(reader: ViewReader) -> None:
    """A deletion may be noted much later than its message; they are gone at once all the same."""
    for row in (await reader.scan("chat-history", 1000, within="c")).rows:
        assert row["text"] == "x"
    for row in (await reader.scan("chat-user-history", 1000, within=chatter("c", "u"))).rows:
        assert row["kind"] in ("message", "ban")


async def what_was_is_still_known(
    reading: LogReader, history: View, chat: Chat, shown: int, now: int
) -> None:
    """The log has it all: a moment of the past shows what could be read then."""
    then = await as_of(reading, registry(), history, shown, lifetimes=KEPT)
    alive = [at for at in chat.times if at + KEPT_SECONDS * SECOND > shown]
    assert sorted(int(key[1]) for key in then.rows) == alive
    after = await diff(reading, registry(), history, shown, now, lifetimes=KEPT)
    assert (after.rows_before, after.rows_after) == (len(alive), 0)
    assert {(each.expected, each.found) for each in after.differences} == {("present", "absent")}


async def test_a_shorter_setting_hides_at_once_and_a_longer_one_is_missed_until_a_rebuild(
    log: Log, store: CassandraStore, clock: Clock, cassandra: str, unique: str
) -> None:
    history = view("chat-history", log)
    chat = Chat(log, clock.now())
    host, _, port = cassandra.partition(":")
    await store.setup([history])
    async with writing(log, store, history):
        count = await chat.happen()
        await caught_up(log, store, history, {0: count})

    def configured(seconds: int) -> tuple[CassandraStore, Lifetimes]:
        kept = Lifetimes({"chat-history": seconds})
        found = CassandraStore([host], int(port), f"test_{unique}", lifetimes=kept, clock=clock)
        return found, kept

    clock.advance(5)
    shorter, kept = configured(5)
    async with LogReader(log.bootstrap) as reading:
        assert (await shorter.scan(history, "first", 100)).rows == []
        assert (
            await prove(reading, shorter, registry(), history, lifetimes=kept, clock=clock)
        ).equal
        await rebuild(reading, shorter, registry(), history, linger=0.1)
        await shorter.close()
        longer, kept = configured(3600)
        proof = await prove(reading, longer, registry(), history, lifetimes=kept, clock=clock)
        assert {(each.expected, each.found) for each in proof.differences} == {
            ("present", "absent")
        }
        await rebuild(reading, longer, registry(), history, linger=0.1)
        proof = await prove(reading, longer, registry(), history, lifetimes=kept, clock=clock)
        assert (proof.equal, proof.rows) == (True, MESSAGES)
        await longer.close()

"""Each follower of the log gets every message once and in order, whatever the others do."""

import asyncio
import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import InvalidRecord
from sinks import feed as feeds
from sinks.feed import Feed
from sinks.projection import Message

PARTITIONS = [TopicPartition("things", number) for number in range(2)]
KEPT, AHEAD, MOST = 12, 6, 4


class Log:
    """A log with offsets missing, as compaction leaves them; and its consumer."""

    def __init__(self, chance: random.Random) -> None:
        self.offsets = {tp: sorted(chance.sample(range(90), 60)) for tp in PARTITIONS}
        self._positions = dict.fromkeys(PARTITIONS, 0)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._positions[partition] = offset

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[Any]]:
        found = {tp: self.records(tp, self._positions[tp], max_records // 300) for tp in partitions}
        await asyncio.sleep(0)  # others may seek before the answer is looked at
        for partition, records in found.items():
            if records:
                self._positions[partition] = records[-1].offset + 1
        await asyncio.sleep(0)
        return {tp: records for tp, records in found.items() if records}

    def records(self, partition: TopicPartition, offset: int, most: int) -> list[Any]:
        found = [each for each in self.offsets[partition] if each >= offset][:most]
        return [
            SimpleNamespace(
                topic=partition.topic, partition=partition.partition, offset=each, value=b""
            )
            for each in found
        ]


class NoCodec:
    def decode(self, data: bytes) -> Any:
        raise InvalidRecord("not looked at")


class Follower:
    """Takes some messages at a time, from the log itself where it is behind."""

    def __init__(self, log: Log, feed: Feed, *, leads: bool) -> None:
        self.leads = leads
        self.took: dict[TopicPartition, list[int]] = {}
        self.places: dict[TopicPartition, int] = {}
        self.behind = 0
        self._log, self._feed = log, feed

    def reads(self, topic: str) -> bool:
        return True

    def offset(self, partition: TopicPartition) -> int | None:
        return self.places.get(partition)

    def begin(self, start: int) -> None:
        for partition in PARTITIONS:
            self.places[partition] = start
            self.took[partition] = [each for each in self._log.offsets[partition] if each < start]
            self._feed.begin(partition)

    def take(self, most: int) -> None:
        for partition, place in self.places.items():
            found: Sequence[Any] | None = self._feed.after(partition, place, most)
            if found is None:
                self.behind += 1
                found = [
                    Message(each, InvalidRecord(""))
                    for each in self._log.records(partition, place, most)
                ]
            for message in found:
                self.took[partition].append(message.record.offset)
                self.places[partition] = message.record.offset + 1
        self._feed.moved()


@pytest.fixture(autouse=True, scope="module")
def small() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeds, "KEPT", KEPT)
        patch.setattr(feeds, "AHEAD", AHEAD)
        patch.setattr(feeds, "_FETCH_MS", 1)
        yield


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 32), paces=st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_every_follower_gets_all_once_and_in_order(seed: int, paces: list[int]) -> None:
    asyncio.run(_follow(random.Random(seed), [*paces, 5]))


async def _follow(chance: random.Random, paces: list[int]) -> None:
    log, followers = Log(chance), []
    feed = Feed(log, NoCodec(), followers)  # type: ignore[arg-type]
    followers += [Follower(log, feed, leads=pace == 5 or chance.random() < 0.7) for pace in paces]
    for step in range(2000):
        fetching = asyncio.ensure_future(feed.fetch())
        if chance.random() < 0.7:
            await asyncio.sleep(0)
        if step < 60 and chance.random() < 0.1:  # the partitions are shared out anew
            feed.clear()
            for follower in followers:
                follower.places.clear()
        for follower, pace in zip(followers, paces, strict=True):
            if not follower.places:
                if chance.random() < 0.6:
                    follower.begin(chance.choice([0, 5, 10, 20, 50]))
            elif chance.randrange(5) < pace:
                follower.take(chance.randint(1, MOST))
            if chance.random() < 0.2:
                await asyncio.sleep(0)
        await fetching
        assert sum(len(window.messages) for window in feed._windows.values()) <= KEPT
        done = [each for each, pace in zip(followers, paces, strict=True) if pace]
        if all(each.took == log.offsets for each in done):
            return
    raise AssertionError([{tp: len(took) for tp, took in each.took.items()} for each in done])


def test_who_is_behind_holds_nobody_and_reads_the_log_itself() -> None:
    async def follow() -> None:
        log, followers = Log(random.Random(1)), []
        feed = Feed(log, NoCodec(), followers)  # type: ignore[arg-type]
        quick, stuck = (Follower(log, feed, leads=True) for _ in range(2))
        followers += [quick, stuck]
        for follower in followers:
            follower.begin(0)
        while quick.took != log.offsets:
            await feed.fetch()
            quick.take(MOST)
        assert quick.behind == 0
        assert not any(stuck.took.values())
        while stuck.took != log.offsets:
            stuck.take(MOST)
        assert stuck.behind > 0

    asyncio.run(follow())

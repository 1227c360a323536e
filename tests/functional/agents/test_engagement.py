"""Polls, predictions and raids as their worker decides them: replays, storms, kills."""

from collections import Counter
from typing import Any

import pytest

from agents.engagement.wording import id_of
from infra.kafka import partition_of
from infra.record import Meta, Record
from infra.streaming.flush import Written
from infra.streaming.testing import (
    BEGINNING,
    Delivered,
    MemoryLog,
    RawRecord,
    TestWorker,
    WorkerStoppedError,
)
from infra.streaming.wire import Output
from schemas.records.chat import PollEnded, PollProgressed, PredictionEnded
from schemas.records.clock import Tick
from schemas.records.engagement import EngagementCommandRefused, PointsPaid, VoteCast
from schemas.registry import registry
from tests.functional.workers import PARTITIONS, chat_app
from tests.unit.agents.engagement_commands import (
    CHANNEL,
    END_PREDICTION,
    POLL,
    PREDICTION,
    SECOND,
    an_evening,
    changed,
    stake,
    vote,
)

TOPIC = "engagement-commands"
WHERE = partition_of(CHANNEL.encode(), PARTITIONS)
LIST = 500
"""Records that a consumer hands over at once."""


class Asking:
    """Numbers commands as a gateway's producer does, and puts them as a consumer does."""

    def __init__(self) -> None:
        self.records: list[RawRecord] = []

    def ask(self, command: Record, at: float = 0, name: str = "") -> RawRecord:
        number = len(self.records)
        meta = Meta(
            event_id=name or f"command-{number}",
            occurred_at=BEGINNING + int(at * SECOND),
            producer="gateway",
            sequence=number,
        )
        key = b"" if isinstance(command, Tick) else CHANNEL.encode()
        value = registry().encode(meta, command)
        self.records.append(RawRecord(TOPIC, WHERE, number, key, value))
        return self.records[-1]


async def put(worker: TestWorker, *records: RawRecord) -> list[Delivered]:
    found = []
    for start in range(0, len(records), LIST):
        found += await worker.deliver(list(records[start : start + LIST]))
    assert not any(each.topic.endswith("-dlq") for each in found), found
    return found


def events(found: list[Delivered], *kinds: type[Any]) -> list[Any]:
    return [each.event for each in found if isinstance(each.event, kinds)]


def state(worker: TestWorker) -> dict[str, dict[str, Any]]:
    return {name: worker.rows(name) for name in worker.app.tables_by_name}


async def test_a_replay_decides_the_same_to_the_byte() -> None:
    asking = Asking()
    for at, name, command in an_evening(3):
        asking.ask(command, at, name)
    async with TestWorker(chat_app) as first:
        for record in asking.records:
            await put(first, record)
        async with TestWorker(chat_app) as second:
            await put(second, *asking.records)
            assert state(second) == state(first)
        for topic in ("chat-events", "engagement-events"):
            written = {
                where: each for where, each in first.log.records.items() if where[0] == topic
            }
            assert written
            assert written == {where: second.log.records.get(where) for where in written}


@pytest.mark.parametrize("every", [1, 7, 50])
async def test_restarts_change_nothing(every: int) -> None:
    asking = Asking()
    for at, name, command in an_evening(5, rounds=2):
        asking.ask(command, at, name)
    async with TestWorker(chat_app) as whole:
        await put(whole, *asking.records)
        wanted, rows = whole.log.records, state(whole)
    log = MemoryLog()
    for start in range(0, len(asking.records), every):
        async with TestWorker(chat_app, log=log) as worker:
            await put(worker, *asking.records[start : start + every])
            found = state(worker)
    assert found == rows
    for topic in ("chat-events", "engagement-events"):
        assert log.records[topic, WHERE] == wanted[topic, WHERE]


async def test_a_storm_of_votes_is_counted_exactly_and_told_calmly() -> None:
    users, asking = 20_000, Asking()
    choices = 5
    start = asking.ask(changed(POLL, choices=list("abcde"), seconds=60), 0, "p")
    async with TestWorker(chat_app) as worker:
        (started,) = (each.event for each in await put(worker, start))
        ids = [each.id for each in started.choices]
        for number in range(users):
            at = number * 40 / users
            choice = ids[number * number % choices]
            asking.ask(vote(choice, f"user-{number}"), at)
            if number % 3 == 0:
                asking.ask(vote(ids[0], f"user-{number // 2}"), at)  # again: does not count
            if number % (users // 40) == 0:
                asking.ask(Tick(), at + 0.01)
        for second in range(60, 90):
            asking.ask(Tick(), second)
        found = await put(worker, *asking.records[1:])
        (ended,) = events(found, PollEnded)
        wanted = Counter(number * number % choices for number in range(users))
        assert [each.votes for each in ended.choices] == [wanted[n] for n in range(choices)]
        cast = events(found, VoteCast)
        assert len(cast) == len({each.user_id for each in cast}) == users
        refused = events(found, EngagementCommandRefused)
        assert {each.reason for each in refused} == {"voted-already"}
        told = [each for each in found if each.topic == "chat-events"]
        assert len(told) == len(events(found, PollProgressed)) + 1 <= 42
        rows = state(worker)
        assert not any(rows[name] for name in rows if "poll" in name)


class Dying(MemoryLog):
    """A log whose journal takes no more after some batches: outputs are on it, state is not."""

    def __init__(self, lives: int) -> None:
        super().__init__()
        self.lives = lives

    async def append(self, lists: dict[int, list[Output]]) -> dict[int, Written]:
        if self.lives == 0:
            raise WorkerStoppedError("killed")
        self.lives -= 1
        return await super().append(lists)


def a_large_prediction(users: int) -> Asking:
    """Somebody is right; then ticks pay."""
    asking = Asking()
    asking.ask(PREDICTION, 0, "p")
    for number in range(users):
        points = number * 37 % 1000 + 1
        asking.ask(stake(id_of("p", number % 3 % 2), points, f"user-{number}"), 1)
    asking.ask(changed(END_PREDICTION, winning_outcome_id=id_of("p", 0)), 2)
    for second in range(3, 9):
        asking.ask(Tick(), second)
    return asking


def unique(log: MemoryLog, topic: str) -> list[Any]:
    """Events without repeats, as their readers see them: by id."""
    found = {}
    for _, value, _ in log.records[topic, WHERE]:
        envelope = registry().decode(value)
        known = found.setdefault(envelope.meta.event_id, envelope)
        assert known == envelope  # a repeat says the same
    return [each.event for each in found.values()]


async def test_thousands_are_paid_in_slices_and_a_kill_changes_nothing() -> None:
    users = 2 * 1000 + 345
    asking = a_large_prediction(users)
    async with TestWorker(chat_app) as worker:
        found = await put(worker, *asking.records)
        rows = state(worker)
    (ended,) = events(found, PredictionEnded)
    whole = events(found, PointsPaid)
    by_message = Counter(
        each.meta.causation_id
        for each in found
        if isinstance(each.event, PointsPaid) and each.meta is not None
    )
    assert 2 <= len(by_message) == -(-users // 1000)
    assert max(by_message.values()) <= 1000
    winners = [number for number in range(users) if number % 3 % 2 == 0]
    assert [each.user_id for each in whole] == [f"user-{number}" for number in winners]
    assert sum(each.points for each in whole) == ended.pool
    assert ended.pool == sum(number * 37 % 1000 + 1 for number in range(users))
    assert not any(rows[name] for name in rows if "prediction" in name)
    purses = rows["purse-by-channel-and-user"].values()
    assert sum(each.points for each in purses) == users * 1000

    end = 1 + users  # the command that ends it, then ticks: each is killed once
    before = asking.records[:end]
    log = Dying(lives=-1)
    async with TestWorker(chat_app, log=log) as worker:
        await put(worker, *before)
    for record in asking.records[end:]:
        log.lives = 0
        with pytest.raises(WorkerStoppedError):
            async with TestWorker(chat_app, log=log) as worker:
                await put(worker, record)
        log.lives = -1
        async with TestWorker(chat_app, log=log) as worker:
            await put(worker, record)
            again = state(worker)
    assert again == rows
    paid = [each for each in unique(log, "engagement-events") if isinstance(each, PointsPaid)]
    assert paid == whole
    written = len(log.records["engagement-events", WHERE])
    assert written > len(unique(log, "engagement-events"))  # kills did come in between

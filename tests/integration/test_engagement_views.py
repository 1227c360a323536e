"""The views of polls, predictions, participants and raids on real servers: proved, and read."""

import uuid

from infra.kafka import LogReader
from infra.record import Meta
from schemas.records.chat import PollEnded, PredictionEnded
from schemas.records.engagement import PointsGranted, PointsPaid, PointsStaked
from schemas.registry import registry
from sinks.prove import prove
from sinks.reader import ViewReader
from sinks.rebuild import rebuild
from sinks.store import Store
from sinks.view import StoreKind
from tests.integration.views import ORIGIN, Log, caught_up, view, writing
from tests.unit.agents.engagement_commands import SECOND, the_evening

VIEWS = ("polls", "predictions", "participants", "raids")


async def test_every_view_is_what_the_log_says(log: Log, stores: dict[StoreKind, Store]) -> None:
    evening = the_evening(8)
    for number, (at, _, event) in enumerate(evening):
        meta = Meta(
            event_id=str(uuid.uuid4()),
            occurred_at=ORIGIN + int(at * SECOND),
            producer="chat/engagement-commands/0",
            sequence=number,
        )
        await log.write_raw(registry().encode(meta, event))
    views = [view(name, log) for name in VIEWS]
    redis = [found for found in views if found.store == "redis"]
    tables = [found for found in views if found.store == "cassandra"]
    await stores["cassandra"].setup(tables)
    async with writing(log, stores["redis"], *redis), writing(log, stores["cassandra"], *tables):
        for found in views:
            await caught_up(log, stores[found.store], found, {0: len(evening)})
    async with LogReader(log.bootstrap) as reading:
        for found in views:
            store = stores[found.store]
            before = await prove(reading, store, registry(), found)
            assert before.equal, (found.name, before.differences[:3])
            assert before.rows, found.name
            await rebuild(reading, store, registry(), found, linger=0.1)
            after = await prove(reading, store, registry(), found)
            assert after.equal
            assert after.found_digest == before.found_digest
    happened = [event for _, _, event in evening]
    await tallies_are_those_that_were_told(ViewReader(stores), happened)
    await balances_are_what_moved(ViewReader(stores), happened)


async def tallies_are_those_that_were_told(reader: ViewReader, happened: list[object]) -> None:
    polls = [event for event in happened if isinstance(event, PollEnded)]
    rows = (await reader.scan("polls", 100, within="c")).rows
    assert [row["poll_id"] for row in rows[1:]] == [each.poll_id for each in reversed(polls)]
    assert rows[0]["status"] == "active"  # the last one still runs
    assert [row["status"] for row in rows[1:]] == [each.result for each in reversed(polls)]
    ended = [event for event in happened if isinstance(event, PredictionEnded)]
    rows = (await reader.scan("predictions", 100, within="c")).rows
    assert [row["winning_outcome_id"] for row in rows[1:]] == [
        each.winning_outcome_id for each in reversed(ended)
    ]
    assert (await reader.scan("raids", 100)).rows[0]["to_login"] == "harbour"


async def balances_are_what_moved(reader: ViewReader, happened: list[object]) -> None:
    moved: dict[str, int] = {}
    for event in happened:
        match event:
            case PointsGranted() | PointsPaid():
                moved[event.user_id] = moved.get(event.user_id, 0) + event.points
            case PointsStaked():
                moved[event.user_id] = moved.get(event.user_id, 0) - event.points
    rows = (await reader.scan("participants", 1000, within="c")).rows
    assert {row["user_id"]: row["points"] for row in rows if row.get("points") is not None} == moved

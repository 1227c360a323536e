"""Topics over HTTP: written as a whole or not at all, and read without a miss or a repeat."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from api import feed as feeds
from api.cursor import Cursor, Place
from infra.kafka import partition_of
from infra.record import Meta
from schemas.records.identity import ChannelUpdated
from schemas.registry import registry
from tests.integration.gateway_rig import (
    PARTITIONS,
    Client,
    Names,
    bearer,
    gateway,
    new_names,
    producer,
)


@pytest_asyncio.fixture
async def names(kafka: str, redis_url: str) -> AsyncIterator[Names]:
    async with new_names(kafka, redis_url) as found:
        yield found


@pytest_asyncio.fixture
async def client(names: Names) -> AsyncIterator[Client]:
    async with gateway(names) as found:
        yield found


def batch(*numbers: int, **data: Any) -> dict[str, Any]:
    return {
        "events": [
            {
                "type": "RegisterChannel",
                "data": {
                    "channel_id": f"c{n % 7}",
                    "name": f"n{n}",
                    "title": "",
                    "category": "",
                    **data,
                },
            }
            for n in numbers
        ]
    }


async def write(names: Names, first: int, count: int) -> None:
    """Events numbered by their titles, over seven channels."""
    async with producer(names, "writer") as events:
        for n in range(first, first + count):
            event = ChannelUpdated(channel_id=f"c{n % 7}", name="n", title=str(n), category="")
            await (await events.post(names.events, event.channel_id, event))


def reading(names: Names, **more: str) -> dict[str, str]:
    return bearer(f"events:read:{names.events}", **more)


async def page(client: Client, names: Names, **query: Any) -> dict[str, Any]:
    response = await client.get(
        "/v1/events", params={"topic": names.events, **query}, headers=reading(names)
    )
    assert response.status == 200, await response.text()
    found: dict[str, Any] = await response.json()
    return found


async def followed(
    client: Client, names: Names, cursor: str, **query: Any
) -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
    """(kind, id, data) of server-sent events."""
    async with client.get(
        "/v1/events",
        params={"topic": names.events, **query},
        headers=reading(names, Accept="text/event-stream", **{"Last-Event-ID": cursor}),
        timeout=None,
    ) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        kind, last, data = "message", cursor, ""
        async for raw in response.content:
            name, _, value = raw.decode().rstrip("\n").partition(": ")
            match name:
                case "id":
                    last = value
                case "event":
                    kind = value
                case "data":
                    data = value
                case "" if data:
                    yield kind, last, json.loads(data)
                    kind, data = "message", ""


def numbers(told: list[dict[str, Any]]) -> list[int]:
    return [int(each["data"]["title"]) for each in told]


def per_channel(told: list[dict[str, Any]]) -> bool:
    """Whether the events of each channel came in order."""
    return all(
        found == sorted(found)
        for n in range(7)
        if (found := [number for number in numbers(told) if number % 7 == n])
    )


async def post(client: Client, names: Names, body: Any, **headers: str) -> tuple[int, Any]:
    response = await client.post(
        f"/v1/topics/{names.commands}/events",
        json=body,
        headers=bearer(f"events:write:{names.commands}", **headers),
    )
    return response.status, await response.json()


async def test_a_batch_is_written_and_says_where(client: Client, names: Names) -> None:
    status, first = await post(client, names, batch(*range(20)))
    assert status == 200
    assert [each["partition"] for each in first["events"]] == [
        partition_of(f"c{n % 7}".encode(), PARTITIONS) for n in range(20)
    ]
    by_partition: dict[int, list[int]] = {}
    for each in first["events"]:
        by_partition.setdefault(each["partition"], []).append(each["offset"])
    assert all(offsets == list(range(len(offsets))) for offsets in by_partition.values())


async def test_a_batch_under_a_key_is_written_once(client: Client, names: Names) -> None:
    _, first = await post(client, names, batch(1, 2), **{"Idempotency-Key": "k"})
    assert await post(client, names, batch(1, 2), **{"Idempotency-Key": "k"}) == (200, first)
    status, problem = await post(client, names, batch(1, 3), **{"Idempotency-Key": "k"})
    assert (status, problem["type"]) == (422, "urn:millrace:problem:idempotency-key-reused")
    _, later = await post(client, names, batch(1))
    assert later["events"][0]["offset"] == first["events"][0]["offset"] + 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": 7}, "/events/2/data/name"),
        ({"colour": "red"}, "/events/2/data/colour"),
        ({"~/": "red"}, "/events/2/data/~0~1"),
        ({"channel_id": ""}, "/events/2/data/channel_id"),
        ({"channel_id": "x" * 300}, "/events/2/data/channel_id"),
        ({"title": "\ud800"}, None),
    ],
)
async def test_one_wrong_field_is_named_and_nothing_is_written(
    client: Client, names: Names, change: dict[str, Any], pointer: str | None
) -> None:
    body = batch(0, 1, 2)
    body["events"][2]["data"] |= change
    status, problem = await post(client, names, body)
    if pointer is None:
        assert status in (400, 422)
    else:
        assert (status, problem.get("pointer")) == (422, pointer)
    _, after = await post(client, names, batch(0, 1, 2))
    assert sum(each["offset"] for each in after["events"]) <= 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"events": []}, 422),
        ({"events": [{"type": "Tick", "data": {}}]}, 422),
        ({"events": [{"type": "StreamStarted", "data": {}}]}, 422),
        ({"events": [{"type": "RegisterChannel"}]}, 422),
        (batch(*range(501)), 422),
        (batch(0, title="x" * 300_000), 413),
        (batch(*range(10), title="x" * 120_000), 413),
    ],
    ids=["none", "a tick", "of another topic", "without data", "many", "large", "large together"],
)
async def test_a_batch_that_may_not_be_is_refused(
    client: Client, names: Names, body: Any, status: int
) -> None:
    assert (await post(client, names, body))[0] == status


async def test_pages_lead_through_the_whole_topic_once(client: Client, names: Names) -> None:
    await write(names, 0, 100)
    told, after, more = [], "earliest", True
    while more:
        found = await page(client, names, after=after, limit=17)
        assert len(found["data"]) <= 17
        told += found["data"]
        after, more = found["cursor"], found["more"]
    assert sorted(numbers(told)) == list(range(100))
    assert per_channel(told)
    assert (await page(client, names, after=after))["data"] == []
    await write(names, 100, 3)
    assert sorted(numbers((await page(client, names, after=after))["data"])) == [100, 101, 102]


async def test_a_key_and_types_narrow_it_down(client: Client, names: Names) -> None:
    await write(names, 0, 30)
    of_key = await page(client, names, key="c3")
    assert numbers(of_key["data"]) == [n for n in range(30) if n % 7 == 3]
    assert (await page(client, names, types="ChannelRegistered"))["data"] == []
    both = await page(client, names, types="ChannelRegistered,ChannelUpdated")
    assert len(both["data"]) == 30
    wrong = await client.get(
        "/v1/events", params={"topic": names.events, "types": "Nothing"}, headers=reading(names)
    )
    assert wrong.status == 400


async def test_lines_are_the_same(client: Client, names: Names) -> None:
    await write(names, 0, 5)
    response = await client.get(
        "/v1/events",
        params={"topic": names.events},
        headers=reading(names, Accept="application/x-ndjson"),
    )
    lines = [json.loads(line) for line in (await response.text()).splitlines()]
    assert sorted(numbers(lines)) == list(range(5))
    after = response.headers["Next-Cursor"]
    assert (await page(client, names, after=after))["data"] == []


async def test_who_was_away_misses_nothing_and_sees_nothing_twice(names: Names) -> None:
    """Over a restart of the gateway, and while an agent writes a suffix again."""
    told: list[dict[str, Any]] = []
    async with gateway(names) as client:
        last = (await page(client, names, after="latest"))["cursor"]
        await _agent(names, 0, 40)
        last = await _take(client, names, last, told, 25)
    await _agent(names, 30, 80)
    async with gateway(names) as client:
        writing = asyncio.create_task(_agent(names, 70, 120))
        last = await _take(client, names, last, told, 120)
        await writing
        rest = await page(client, names, after=last)
    assert rest["data"] == []
    assert sorted(numbers(told)) == list(range(120))
    assert per_channel(told)


async def _take(
    client: Client, names: Names, cursor: str, told: list[dict[str, Any]], count: int
) -> str:
    """Follow until so many are told; returns the cursor of the last."""
    async with aclosing(followed(client, names, cursor)) as stream:
        async for each in stream:
            told.append(each[2])
            if len(told) == count:
                return each[1]
    raise AssertionError("the stream ended")


async def _agent(names: Names, first: int, end: int) -> None:
    """Writes as an agent does that restarted: the same numbers again, at new offsets."""
    kafka = AIOKafkaProducer(bootstrap_servers=names.kafka)
    await kafka.start()
    counts: dict[int, int] = {}
    for n in range(end):
        event = ChannelUpdated(channel_id=f"c{n % 7}", name="n", title=str(n), category="")
        where = partition_of(event.channel_id.encode(), PARTITIONS)
        sequence = counts[where] = counts.get(where, -1) + 1
        meta = Meta(
            event_id=str(n), occurred_at=0, producer=f"agent/source/{where}", sequence=sequence
        )
        if n >= first:
            value = registry().encode(meta, event)
            await kafka.send_and_wait(names.events, value, b"c%d" % (n % 7), partition=where)
    await kafka.stop()


async def test_followers_of_a_topic_share_one_consumer(
    client: Client, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = 0
    real = feeds._opened

    async def counted(bootstrap: str) -> Any:
        nonlocal opened
        opened += 1
        return await real(bootstrap)

    monkeypatch.setattr(feeds, "_opened", counted)
    after = (await page(client, names, after="latest"))["cursor"]

    async def follow() -> list[int]:
        found = []
        async with aclosing(followed(client, names, after)) as stream:
            async for _, _, data in stream:
                found.append(data)
                if len(found) == 30:
                    return sorted(numbers(found))
        return []

    following = [asyncio.create_task(follow()) for _ in range(feeds.FOLLOWERS_EACH)]
    await write(names, 0, 30)
    assert await asyncio.gather(*following) == [list(range(30))] * feeds.FOLLOWERS_EACH
    assert opened == 1


async def test_one_principal_follows_so_often_at_most(client: Client, names: Names) -> None:
    headers = reading(names, Accept="text/event-stream")
    query = {"topic": names.events, "after": "latest"}
    streams = [
        await client.get("/v1/events", params=query, headers=headers)
        for _ in range(feeds.FOLLOWERS_EACH)
    ]
    refused = await client.get("/v1/events", params=query, headers=headers)
    assert (refused.status, int(refused.headers["Retry-After"])) == (429, 10)
    for stream in streams:
        stream.close()


async def test_a_slow_follower_is_cut_and_told_where_to_go_on(
    client: Client, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "KEPT_MESSAGES", 50)
    real = feeds._Feed.after
    held = asyncio.Event()

    def late(self: Any, number: int, most: int) -> Any:
        """As if what was sent before took this long to go out."""
        if held.is_set():
            number = min(number, self.first - 1)
        return real(self, number, most)

    monkeypatch.setattr(feeds._Feed, "after", late)
    cursor = (await page(client, names, after="latest"))["cursor"]
    seen: list[int] = []
    async with aclosing(followed(client, names, cursor)) as stream:
        await write(names, 0, 10)
        async for kind, last, data in stream:
            if kind == "cut":
                assert data == {"reason": "too-slow", "after": last}
                break
            seen += numbers([data])
            if len(seen) == 10:
                held.set()
                await write(names, 10, 100)
    monkeypatch.setattr(feeds._Feed, "after", real)
    rest = await page(client, names, after=last, limit=1000)
    assert sorted(seen + numbers(rest["data"])) == list(range(110))


async def test_a_cursor_from_before_what_is_kept_says_where_to_start(
    client: Client, names: Names
) -> None:
    cursor = (await page(client, names, after="earliest"))["cursor"]
    await write(names, 0, 50)
    admin = AIOKafkaAdminClient(bootstrap_servers=names.kafka)
    await admin.start()
    partition = TopicPartition(names.events, partition_of(b"c1", PARTITIONS))
    await admin.delete_records({partition: RecordsToDelete(before_offset=3)})
    await admin.close()
    for headers in (reading(names), reading(names, Accept="text/event-stream")):
        response = await client.get(
            "/v1/events", params={"topic": names.events, "after": cursor}, headers=headers
        )
        problem = await response.json()
        assert response.status == 410
    start = await page(client, names, after=problem["start"], limit=1000)
    assert len(start["data"]) == 47


async def test_a_cursor_of_another_topic_or_of_none_is_refused(
    client: Client, names: Names
) -> None:
    places = [Place(0) for _ in range(PARTITIONS)]
    for after, status in (
        (Cursor("other", places).text(), 400),
        (Cursor(names.events, [*places, Place(0)]).text(), 400),
        (Cursor(names.events, [Place(-5)]).text(), 400),
        (Cursor(names.events, [Place(999), *places[1:]]).text(), 410),
        ("AAAA", 400),
    ):
        response = await client.get(
            "/v1/events", params={"topic": names.events, "after": after}, headers=reading(names)
        )
        assert response.status == status


async def test_topics_are_closed_without_their_scope(client: Client, names: Names) -> None:
    other = bearer("events:read:identity-events", "events:write:identity-commands")
    read = await client.get("/v1/events", params={"topic": names.events}, headers=other)
    written = await client.post(f"/v1/topics/{names.commands}/events", json=batch(1), headers=other)
    assert (read.status, written.status) == (403, 403)
    assert f'scope="events:read:{names.events}"' in read.headers["WWW-Authenticate"]

"""A command asked over HTTP comes back with its outcome, once, whoever fails meanwhile."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from api.idempotency import LEASE_SECONDS, RedisMemory, fingerprint_of, identity_of
from infra.clock import ManualClock, SystemClock
from infra.errors import InvalidRecord
from infra.kafka import LogReader
from schemas.registry import registry
from sinks.prove import prove
from sinks.rebuild import rebuild
from sinks.stores.redis import RedisStore
from tests.integration.gateway_rig import (
    Client,
    Names,
    bearer,
    deciding,
    gateway,
    new_names,
    register_route,
    viewing,
)

BODY = {"name": "millpond", "title": "Water"}


@pytest_asyncio.fixture
async def names(kafka: str, redis_url: str) -> AsyncIterator[Names]:
    async with new_names(kafka, redis_url) as found:
        yield found


@pytest_asyncio.fixture
async def client(names: Names) -> AsyncIterator[Client]:
    async with (
        viewing(names, "channels"),
        gateway(names, register_route(names.commands)) as found,
    ):
        yield found


def path() -> str:
    return f"/test/channels/{uuid.uuid4().hex}"


async def test_a_command_comes_back_with_its_outcome(client: Client, names: Names) -> None:
    async with deciding(names):
        for n in range(20):
            body = {"name": f"channel{n}", "title": "Water"}
            response = await client.put(path(), json=body, headers=bearer())
            assert (response.status, (await response.json())["title"]) == (200, "Water")


async def test_who_hears_of_an_outcome_finds_it_in_the_views(client: Client, names: Names) -> None:
    async with deciding(names):
        for n in range(20):
            body = {"name": f"channel{n}", "title": "Water"}
            assert (await client.put(path(), json=body, headers=bearer())).status == 200
            shown = await client.get(f"/v1/channels/channel{n}")
            assert shown.status == 200


async def test_a_refused_command_says_why(client: Client, names: Names) -> None:
    async with deciding(names):
        response = await client.put(path(), json={"name": "no good name"}, headers=bearer())
    problem = await response.json()
    assert (response.status, problem["type"]) == (422, "urn:millrace:problem:invalid-name")
    assert "3 to 25" in problem["detail"]


async def test_the_same_key_gives_the_same_outcome_and_is_written_once(
    client: Client, names: Names
) -> None:
    address, headers = path(), bearer(**{"Idempotency-Key": "my-key"})
    async with deciding(names) as came:
        answers = await asyncio.gather(
            *(client.put(address, json=BODY, headers=headers) for _ in range(8))
        )
        assert [each.status for each in answers] == [200] * 8
        again = await client.put(address, json=BODY, headers=headers)
        assert await again.json() == await answers[0].json()
        other = await client.put(address, json={**BODY, "title": "Fire"}, headers=headers)
        assert other.status == 422
        assert (await other.json())["type"] == "urn:millrace:problem:idempotency-key-reused"
        stranger = await client.put(
            path(), json={"name": "another"}, headers=bearer(client="test2") | headers_of("my-key")
        )
        assert stranger.status == 200
    assert len(came) == 2
    assert came[0].meta.event_id == identity_of("app:test", "my-key")


def headers_of(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


@pytest.mark.parametrize("key", ["", "a b", "a" * 256, "é"])
async def test_a_key_that_is_none_is_refused(client: Client, key: str) -> None:
    response = await client.put(path(), json=BODY, headers=bearer(**{"Idempotency-Key": key}))
    assert response.status == 400


async def test_an_outcome_that_is_not_known_in_time_can_be_asked_for(names: Names) -> None:
    route = register_route(names.commands, seconds=0.3)
    async with viewing(names), gateway(names, route) as client:
        response = await client.put(path(), json=BODY, headers=bearer())
        problem = await response.json()
        assert (response.status, problem["type"]) == (504, "urn:millrace:problem:undecided")
        where = response.headers["Location"]
        assert where == f"/v1/commands/{problem['command_id']}"
        state = await (await client.get(where, headers=bearer())).json()
        assert (state["state"], state["outcomes"]) == ("undecided", [])
        assert (await client.get(where, headers=bearer(client="test2"))).status == 404
        async with deciding(names):
            until = time.monotonic() + 20
            while state["state"] == "undecided" and time.monotonic() < until:
                state = await (await client.get(where, headers=bearer())).json()
        (outcome,) = state["outcomes"]
        assert outcome["type"] == "millrace.identity.ChannelRegistered"
        assert outcome["data"]["name"] == "millpond"
        assert outcome["meta"]["causation_id"] == problem["command_id"]


@pytest.mark.parametrize("written", [True, False], ids=["on the log", "not on the log"])
async def test_a_gateway_that_died_while_it_asked_costs_nothing(
    names: Names, written: bool
) -> None:
    """It remembered the key; nobody knows whether it wrote the command. The log knows."""
    address, key = path(), "half-done"
    channel = address.rpartition("/")[2]
    async with (
        viewing(names),
        gateway(names, register_route(names.commands)) as client,
    ):
        past = ManualClock(SystemClock().now() - (LEASE_SECONDS + 1) * 1_000_000)
        memory = RedisMemory(names.redis, prefix=names.mark, clock=past)
        headers = bearer(**headers_of(key))
        async with deciding(names) as came:
            if written:
                assert (await client.put(address, json=BODY, headers=headers)).status == 200
                await memory.forget(identity_of("app:test", key))
            command = (
                b'{"channel_id":"%b","name":"millpond","title":"Water","category":""}'
                % channel.encode()
            )
            mark = fingerprint_of(
                names.commands.encode(),
                channel.encode(),
                b"millrace.identity.RegisterChannel",
                command,
            )
            asked = await memory.begin(identity_of("app:test", key), mark, "app:test")
            assert asked.state == "new"
            assert (await client.put(address, json=BODY, headers=headers)).status == 200
            assert len(came) == 1
        await memory.close()


async def test_outcomes_go_by_themselves_and_nothing_is_proved_of_them(
    client: Client, names: Names, kafka: str
) -> None:
    async with deciding(names):
        assert (await client.put(path(), json=BODY, headers=bearer())).status == 200
    redis = Redis.from_url(names.redis)
    rows = [key async for key in redis.scan_iter(f"{names.mark}:{{outcomes}}:*:row:*")]
    assert len(rows) == 1
    assert 0 < await redis.ttl(rows[0]) <= 300
    assert not [key async for key in redis.scan_iter(f"{names.mark}:{{outcomes}}:*:index")]
    await redis.aclose()
    store = RedisStore(names.redis, prefix=names.mark)
    async with LogReader(kafka) as log:
        for command in (prove, rebuild):
            with pytest.raises(InvalidRecord, match="go by themselves"):
                await command(log, store, registry(), names.view("outcomes"))
    await store.close()


async def test_a_restarted_writer_of_views_still_tells_what_happened_meanwhile(
    names: Names,
) -> None:
    async with gateway(names, register_route(names.commands)) as client, deciding(names):
        async with viewing(names):
            assert (await _put(client)) == 200
        asking = asyncio.create_task(_put(client))
        async with viewing(names):
            assert (await asking) == 200


async def _put(client: Client) -> int:
    """Ask, again while Redis is too slow to connect to, as clients are told to."""
    until = time.monotonic() + 20
    while True:
        response = await client.put(path(), json={"name": "another"}, headers=bearer())
        if response.status != 503 or time.monotonic() > until:
            return response.status


async def test_without_redis_nothing_is_asked(names: Names) -> None:
    away = Names(names.kafka, "redis://127.0.0.1:1/0", names.mark)
    async with gateway(away, register_route(names.commands)) as client, deciding(names) as came:
        began = time.monotonic()
        response = await client.put(path(), json=BODY, headers=bearer())
        assert (response.status, response.headers["Retry-After"]) == (503, "2")
        assert time.monotonic() - began < 2
        assert came == []

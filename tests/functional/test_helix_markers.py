"""Markers of the dialect: what is asked, and what is refused."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from infra.names import id_of
from tests.functional.gateway_fakes import bearer
from tests.functional.platform import Platform

Client = TestClient[web.Request, web.Application]
RIVER, BROOK = id_of("river"), id_of("brook")
PATH = "/helix/streams/markers"


def river(*scopes: str, **more: str) -> dict[str, str]:
    return bearer(*scopes, client=f"test/{RIVER}", **more)


MANAGE = river("channel:manage:broadcast")


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform() as found:
        for login in ("river", "brook"):
            await found.sign_up(login)
        yield found


@pytest_asyncio.fixture
async def client(platform: Platform) -> AsyncIterator[Client]:
    async with TestClient(TestServer(platform.gateway())) as found:
        yield found


async def answered(client: Client, method: str, body: Any = None, **query: str) -> tuple[int, Any]:
    response = await client.request(method, PATH, params=query, json=body, headers=MANAGE)
    return response.status, await response.json()


async def test_nobody_marks_what_is_not_live(platform: Platform, client: Client) -> None:
    status, said = await answered(client, "POST", {"user_id": RIVER})
    assert (status, said["message"]) == (404, "the channel is not live: there is nothing to mark")
    await platform.publish(RIVER, "s1")
    assert (await answered(client, "POST", {"user_id": RIVER}))[0] == 200
    status, said = await answered(client, "POST", {"user_id": BROOK})
    assert status == 401
    status, said = await answered(client, "POST", {"user_id": RIVER, "description": "x" * 141})
    assert status in (400, 422)


async def test_a_marker_under_an_idempotency_key_is_made_once(
    platform: Platform, client: Client
) -> None:
    await platform.publish(RIVER, "s1")
    headers = MANAGE | {"Idempotency-Key": "one"}
    ids = set()
    for _ in range(2):
        response = await client.post(PATH, json={"user_id": RIVER}, headers=headers)
        ids.add((await response.json())["data"][0]["id"])
    assert len(ids) == 1
    _, said = await answered(client, "GET", user_id=RIVER)
    assert len(said["data"][0]["videos"][0]["markers"]) == 1


async def test_markers_are_those_of_the_latest_stream_or_of_a_certain_one(
    platform: Platform, client: Client
) -> None:
    assert (await answered(client, "GET", user_id=RIVER))[0] == 404
    await platform.publish(RIVER, "s1")
    assert await answered(client, "GET", user_id=RIVER) == (200, {"data": [], "pagination": {}})
    await answered(client, "POST", {"user_id": RIVER, "description": "First"})
    await platform.go_offline(RIVER, "s1", platform.clock.now())
    _, said = await answered(client, "GET", video_id="s1")
    (marker,) = said["data"][0]["videos"][0]["markers"]
    assert marker["description"] == "First"
    await platform.publish(BROOK, "s2")
    assert (await answered(client, "GET", video_id="s2"))[0] == 404  # somebody else's
    assert (await answered(client, "GET", video_id="nobody"))[0] == 404


@pytest.mark.parametrize("query", [{}, {"user_id": RIVER, "video_id": "s1"}])
async def test_one_of_both_is_asked_for(client: Client, query: dict[str, str]) -> None:
    status, said = await answered(client, "GET", **query)
    assert (status, said["message"]) == (400, "user_id, video_id: one of them is needed")

"""Where to send a broadcast, as an encoder and a program are told."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from api.ingests import Place
from api.proxies import Proxies
from api.v1.ingests import Offered
from schemas.records.ingest import IngestMeasured
from tests.functional.platform import Platform

Client = TestClient[web.Request, web.Application]
FAR = Place(
    id="tokyo",
    name="Tokyo",
    region="asia",
    country="JP",
    latitude=35.68,
    longitude=139.69,
    rtmp_url="rtmp://tokyo.test/live",
)
NEAR = Place(
    id="frankfurt",
    name="Frankfurt",
    region="eu",
    country="DE",
    latitude=50.11,
    longitude=8.68,
    rtmp_url="rtmp://frankfurt.test/live",
    rtmps_url="rtmps://frankfurt.test/live",
)


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform() as found:
        yield found


@pytest_asyncio.fixture
async def client(platform: Platform) -> AsyncIterator[Client]:
    app = platform.gateway(
        offered=Offered((FAR, NEAR), "CF-IPCountry"), proxies=Proxies(["127.0.0.1"])
    )
    async with TestClient(TestServer(app)) as found:
        yield found


async def say(platform: Platform, place: str, sessions: int, ingest: str = "i") -> None:
    event = IngestMeasured(
        ingest_id=f"{place}-{ingest}", place=place, sessions=sessions, max_sessions=100
    )
    await platform.tell("ingest-load", event)


async def told(client: Client, path: str = "/v1/ingests", **options: Any) -> Any:
    response = await client.get(path, **options)
    assert response.status == 200, await response.text()
    found = await response.json()
    return found.get("data", found)


async def test_the_nearest_is_named_first_with_its_load(platform: Platform, client: Client) -> None:
    await say(platform, "tokyo", 1)
    await say(platform, "frankfurt", 30, "one")
    await say(platform, "frankfurt", 50, "two")
    first, second = await told(client, "/v1/ingests?lat=52.5&lon=13.4")
    assert (first["id"], first["load"], first["available"]) == ("frankfurt", 0.4, True)
    assert 400 < first["distance_km"] < 450
    assert first["rtmps_url"] == "rtmps://frankfurt.test/live"
    assert (second["id"], second["rtmps_url"]) == ("tokyo", None)
    assert (await told(client, "/v1/ingests?region=asia"))[0]["id"] == "tokyo"
    assert (await told(client))[0]["id"] == "tokyo", "nothing is known: the emptier one"


async def test_a_proxy_says_where_somebody_is(platform: Platform, client: Client) -> None:
    for name in ("tokyo", "frankfurt"):
        await say(platform, name, 1)
    assert (await told(client, headers={"CF-IPCountry": "DE"}))[0]["id"] == "frankfurt"
    assert (await told(client, headers={"CF-IPCountry": "JP"}))[0]["id"] == "tokyo"


async def test_nobody_else_says_it(platform: Platform) -> None:
    for name in ("tokyo", "frankfurt"):
        await say(platform, name, 1)
    app = platform.gateway(offered=Offered((FAR, NEAR), "CF-IPCountry"))
    async with TestClient(TestServer(app)) as client:
        assert (await told(client, headers={"CF-IPCountry": "DE"}))[0]["id"] == "tokyo"


async def test_what_fell_silent_is_away_and_what_is_full_comes_later(
    platform: Platform, client: Client
) -> None:
    await say(platform, "frankfurt", 95)
    first, second = await told(client, "/v1/ingests?region=eu")
    assert (first["id"], first["full"]) == ("frankfurt", True)
    assert (second["available"], second["load"]) == (False, None)
    await say(platform, "tokyo", 5)
    assert [each["id"] for each in await told(client, "/v1/ingests?region=eu")] == [
        "tokyo",
        "frankfurt",
    ]
    platform.clock.advance(16)
    assert not any(each["available"] for each in await told(client))


async def test_encoders_are_told_in_the_dialect(platform: Platform, client: Client) -> None:
    await say(platform, "frankfurt", 25)
    assert await told(client, "/ingests") == {
        "ingests": [
            {
                "_id": 2,
                "name": "Frankfurt",
                "url_template": "rtmp://frankfurt.test/live/{stream_key}",
                "url_template_secure": "rtmps://frankfurt.test/live/{stream_key}",
                "availability": 0.75,
                "priority": 1,
                "default": True,
            }
        ]
    }
    platform.clock.advance(16)
    found = (await told(client, "/ingests"))["ingests"]
    assert [(each["_id"], each["availability"]) for each in found] == [(1, 0.0), (2, 0.0)]


async def test_a_platform_that_names_none_has_one(platform: Platform) -> None:
    async with TestClient(TestServer(platform.gateway())) as client:
        await say(platform, "local", 0)
        (found,) = await told(client)
        assert (found["id"], found["available"]) == ("local", True)
        assert found["rtmp_url"] == "rtmp://127.0.0.1/live"
        (shown,) = (await told(client, "/ingests"))["ingests"]
        assert shown["url_template"] == "rtmp://127.0.0.1/live/{stream_key}"


async def test_where_somebody_is_is_a_place_on_earth(client: Client) -> None:
    for query in ("lat=91&lon=0", "lat=1", "lon=1", "lat=x&lon=1", "region=" + "x" * 65):
        assert (await client.get(f"/v1/ingests?{query}")).status == 400, query

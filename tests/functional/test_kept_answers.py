"""An answer that is given again is what a new one would be, to whoever may have it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from api.app import make_app
from api.kept import KEPT
from api.places import Places
from infra.clock import ManualClock
from infra.errors import Unavailable
from tests.functional.gateway import MemoryViews
from tests.functional.gateway_fakes import FakeTokens, bearer

Client = TestClient[web.Request, web.Application]
PATH = "/v1/channels/millpond"


class CountingViews(MemoryViews):
    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    async def get(self, view: str, key: object) -> object:  # type: ignore[override]
        self.reads += 1
        return await super().get(view, key)


@pytest.fixture
def views() -> CountingViews:
    views = CountingViews()
    views.channel("c1", "millpond", "Water")
    views.live("c1", "s1")
    return views


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def client(views: MemoryViews, clock: ManualClock) -> AsyncIterator[Client]:
    app = make_app(views, clock=clock, places=Places(), folder=Path(), tokens=FakeTokens())
    async with TestClient(TestServer(app)) as client:
        yield client


def lasting(response: ClientResponse) -> dict[str, str]:
    """Its headers but for those that are of one answer."""
    own = {"x-request-id", "date"}
    return {name: text for name, text in response.headers.items() if name.lower() not in own}


async def test_the_second_answer_is_as_the_first_but_for_its_time(
    client: Client, views: CountingViews, clock: ManualClock
) -> None:
    first = await client.get(PATH)
    reads = views.reads
    clock.advance(0.5)
    second = await client.get(PATH)
    assert views.reads == reads > 0
    assert lasting(first) == lasting(second)
    assert (second.status, second.reason) == (200, "OK")
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    one, other = await first.json(), await second.json()
    assert one["data"] == other["data"]
    assert (one["as_of"], other["as_of"]) == (
        "2023-11-14T22:13:20.000Z",
        "2023-11-14T22:13:20.500Z",
    )


async def test_the_callers_request_id_is_told_again(client: Client) -> None:
    for name in ("first-of-all", "second-of-all"):
        response = await client.get(PATH, headers={"X-Request-Id": name})
        assert response.headers["X-Request-Id"] == name


@pytest.mark.parametrize("view", ["channels", "live-channels", "stream-status"])
async def test_it_falls_with_any_row_that_it_stands_on(
    client: Client, views: CountingViews, view: str
) -> None:
    await client.get(PATH)
    before = await (await client.get(PATH)).json()
    match view:
        case "channels":
            views.channel("c1", "millpond", "Wind")
        case "live-channels":
            views.remove("live-channels", "c1")
        case _:
            views.live("c1", "s1", state="interrupted")
    after = await (await client.get(PATH)).json()
    assert after["data"] != before["data"]


async def test_nothing_is_kept_of_what_went_wrong(client: Client, views: CountingViews) -> None:
    assert (await client.get("/v1/channels/nobody")).status == 404
    views.channel("c2", "nobody")
    assert (await client.get("/v1/channels/nobody")).status == 200
    views.failure = Unavailable("Redis is away")
    assert (await client.get("/v1/channels/nobody")).status == 503
    views.failure = None
    assert (await client.get("/v1/channels/nobody")).status == 200


async def test_addresses_are_those_of_the_host_that_was_asked(client: Client) -> None:
    for host in ("one.test", "two.test", "one.test"):
        body = await (await client.get(PATH, headers={"Host": host})).json()
        assert body["data"]["stream"]["playlist_url"].startswith(f"http://{host}:")


async def test_heads_and_other_queries_are_other_questions(client: Client) -> None:
    full = await client.get("/v1/channels?limit=5")
    head = await client.head("/v1/channels?limit=5")
    assert head.headers["Content-Length"] == full.headers["Content-Length"]
    assert await head.read() == b""
    assert (await client.get("/v1/channels?limit=0")).status == 400
    assert (await client.get("/v1/channels?limit=5")).status == 200


async def test_who_asks_is_looked_at_each_time(client: Client) -> None:
    path = "/helix/streams"
    mine = bearer()
    first = await client.get(path, headers=mine)
    assert lasting(first) == lasting(await client.get(path, headers=mine))
    assert (await client.get(path, headers=bearer(client="test2"))).status == 200
    for headers, message in (
        ({}, "This needs a token"),
        ({"Authorization": "Bearer other"}, "the token is not one of ours"),
        ({"Authorization": mine["Authorization"]}, "Client-Id is missing"),
        (mine | {"Client-Id": "other"}, "Client-Id is not that of the token"),
    ):
        refused = await client.get(path, headers=headers)
        assert refused.status == 401
        assert (await refused.json())["message"] == message
    assert (await client.get(path, headers=mine)).status == 200


async def test_a_list_counts_no_longer_than_the_look_at_it(
    client: Client, views: CountingViews, clock: ManualClock
) -> None:
    def names(body: dict[str, list[dict[str, str]]]) -> list[str]:
        return [channel["name"] for channel in body["data"]]

    assert names(await (await client.get("/v1/channels")).json()) == ["millpond"]
    views.channel("c2", "brook")
    views.live("c2", "s2")
    clock.advance(1.5)
    assert sorted(names(await (await client.get("/v1/channels")).json())) == ["brook", "millpond"]


async def test_no_more_is_kept_than_agreed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.kept.MOST_BYTES", 5000)
    for n in range(30):
        assert (await client.get(f"{PATH}?n={n}")).status == 200
    kept = client.app[KEPT]
    assert 0 < kept._size <= 5000
    assert kept._size == sum(each.size for each in kept._kept.values())

"""What there is to see: channels on air in several orders, categories, channels by name."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from api.helix.live import Live
from api.v1.browsing import Browsing, Sort
from infra.clock import ManualClock
from infra.names import id_of
from schemas.records.identity import ChangeChannel
from tests.functional.gateway import MemoryViews
from tests.functional.platform import Platform

Client = TestClient[web.Request, web.Application]
MINUTE = 60_000_000


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Platform]:
    """Rapids, brook and river went on air in this order; ripple never did."""
    async with Platform() as found:
        subjects = {"rapids": "Chess", "brook": "Music", "river": "Chess", "ripple": "Chess"}
        for number, (login, category) in enumerate(subjects.items()):
            channel = await found.sign_up(login)
            change = ChangeChannel(channel_id=channel, title=f"At the {login}", category=category)
            await found.post("identity-commands", channel, change)
            if login != "ripple":
                await found.go_live(channel, f"s-{login}", (number + 1) * MINUTE)
        yield found


@pytest_asyncio.fixture
async def client(platform: Platform) -> AsyncIterator[Client]:
    async with TestClient(TestServer(platform.gateway())) as found:
        yield found


async def told(client: Client, path: str) -> Any:
    response = await client.get(path)
    assert response.status == 200, await response.text()
    return await response.json()


async def names(client: Client, path: str) -> list[str]:
    """Names on all pages of a list."""
    found, cursor, mark = [], "", "&" if "?" in path else "?"
    while True:
        body = await told(client, f"{path}{mark}limit=1{cursor}")
        found += [each["name"] for each in body["data"]]
        if body["cursor"] is None:
            return found
        cursor = f"&cursor={quote(body['cursor'])}"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["river", "brook", "rapids"]),
        ("?sort=newest", ["river", "brook", "rapids"]),
        ("?sort=oldest", ["rapids", "brook", "river"]),
        ("?sort=name", ["brook", "rapids", "river"]),
        ("?category=Chess", ["river", "rapids"]),
        ("?category=CHESS&sort=oldest", ["rapids", "river"]),
        ("?category=Poker", []),
        ("?category=", []),
    ],
)
async def test_channels_on_air_are_sorted_and_filtered(
    client: Client, query: str, expected: list[str]
) -> None:
    assert await names(client, f"/v1/channels{query}") == expected


async def test_who_comes_or_goes_moves_nobody(platform: Platform, client: Client) -> None:
    first = await told(client, "/v1/channels?limit=1")
    await platform.go_live(id_of("ripple"), "s-ripple", 9 * MINUTE)
    await platform.go_offline(id_of("river"), "s-river", 3 * MINUTE)
    platform.clock.advance(2)
    rest = await told(client, f"/v1/channels?cursor={first['cursor']}")
    assert [each["name"] for each in rest["data"]] == ["brook", "rapids"]
    assert await names(client, "/v1/channels") == ["ripple", "brook", "rapids"]


async def test_categories_are_counted(platform: Platform, client: Client) -> None:
    body = await told(client, "/v1/categories?limit=3")
    assert [(each["name"], each["live"]) for each in body["data"]] == [
        ("Chess", 2),
        ("Music", 1),
        ("ASMR", 0),
    ]
    assert body["data"][0]["id"] == "121"
    everything = await names(client, "/v1/categories")
    assert len(everything) == len(set(everything)) > 50


async def test_a_category_that_is_on_no_list_is_counted_too() -> None:
    views, clock = MemoryViews(), ManualClock()
    views.channel("c1", "millpond", category="Milling")
    views.live("c1", "s1")
    found = await Browsing(Live(views, clock)).categories()
    assert (found[0].id, found[0].name, found[0].live) == (None, "Milling", 1)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=r", ["rapids", "ripple", "river"]),
        ("q=RI", ["ripple", "river"]),
        ("q=river", ["river"]),
        ("q=r&live=true", ["rapids", "river"]),
        ("q=rip&live=true", []),
        ("q=%21", []),
        ("q=%21&live=true", []),
        ("q=nobody", []),
    ],
)
async def test_channels_are_found_by_name_live_or_not(
    client: Client, query: str, expected: list[str]
) -> None:
    assert await names(client, f"/v1/search/channels?{query}") == expected


async def test_what_is_found_is_told_in_full(client: Client) -> None:
    ripple, river = (await told(client, "/v1/search/channels?q=ri"))["data"]
    assert (ripple["title"], ripple["stream"]) == ("At the ripple", None)
    assert river["stream"]["stream_id"] == "s-river"
    assert river == (await told(client, "/v1/channels?category=chess"))["data"][0]
    assert river == (await told(client, "/v1/channels/river"))["data"]


@pytest.mark.parametrize(
    "path",
    [
        "channels?sort=viewers",
        "channels?cursor=nonsense",
        "channels?sort=name&cursor=WzEsMl0",
        "search/channels",
        "search/channels?q=",
        f"search/channels?q={'x' * 101}",
        "search/channels?q=a&live=maybe",
        "categories?cursor=WzEsMl0",
    ],
)
async def test_what_is_asked_wrongly_is_said(client: Client, path: str) -> None:
    assert (await client.get(f"/v1/{path}")).status == 400


async def test_a_thousand_who_ask_cost_one_read(platform: Platform, client: Client) -> None:
    reads: list[str] = []
    get, scan = platform.store.get, platform.store.scan

    async def counted_get(view: Any, *more: Any) -> Any:
        reads.append(view.name)
        return await get(view, *more)

    async def counted_scan(view: Any, *more: Any) -> Any:
        reads.append(view.name)
        return await scan(view, *more)

    platform.store.get, platform.store.scan = counted_get, counted_scan  # type: ignore[method-assign]
    for _ in range(20):
        for sort in ("newest", "oldest", "name"):
            await told(client, f"/v1/channels?sort={sort}")
        await told(client, "/v1/categories")
        await told(client, "/v1/search/channels?q=r&live=true")
    assert sorted(set(reads)) == ["channels-by-id", "live-channels", "stream-status"]
    assert len(reads) <= 1 + 3 + 4 * 3, "once each for an answer that is kept"


SORTS: list[Sort] = ["newest", "oldest", "name"]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", "Chess", "chess", "Ice"]))),
    st.sampled_from(SORTS),
)
async def test_every_order_holds_everybody_once(on_air: list[tuple[int, str]], sort: Sort) -> None:
    views, clock = MemoryViews(), ManualClock()
    for number, (started_at, category) in enumerate(on_air):
        views.channel(f"c{number}", f"n{number:03}", category=category)
        views.live(f"c{number}", f"s{number}", started_at=started_at)
    browsing = Browsing(Live(views, clock))
    found = await browsing.streams(sort, None)
    assert sorted(live.channel.channel_id for live in found) == sorted(
        f"c{number}" for number in range(len(on_air))
    )
    chess = await browsing.streams(sort, "CHESS")
    assert chess == [live for live in found if live.channel.category.lower() == "chess"]
    counted = {category.name.lower(): category.live for category in await browsing.categories()}
    assert counted["chess"] == len(chess)
    assert sum(counted.values()) == sum(bool(category) for _, category in on_air)

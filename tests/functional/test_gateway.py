"""The gateway answers from views, says errors as problems, and lets nothing through undeclared."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from api.access import public
from api.app import make_app
from api.places import Places
from api.routes import Route, undeclared
from infra.clock import ManualClock
from infra.errors import Refused, Unavailable
from tests.functional.gateway import MemoryViews

ORIGIN = "http://media.test:8081"
Client = TestClient[web.Request, web.Application]


async def broken(_request: web.Request) -> web.Response:
    raise RuntimeError("password=hunter2")


async def refused(_request: web.Request) -> web.Response:
    raise Refused("too-shy", "Not today.")


@pytest.fixture
def views() -> MemoryViews:
    return MemoryViews()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pages = tmp_path / "pages"
    pages.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    for name in ("index.html", "watch.html"):
        (pages / name).write_text(f"<!doctype html><head><title>{name}</title></head>")
    return pages


@pytest.fixture
def app(views: MemoryViews, folder: Path) -> web.Application:
    more = [Route("GET", "/broken", broken, public), Route("GET", "/refused", refused, public)]
    return make_app(
        views, clock=ManualClock(), places=Places(origin_url=ORIGIN), folder=folder, more=more
    )


@pytest_asyncio.fixture
async def client(app: web.Application) -> AsyncIterator[Client]:
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_live_channels_come_with_name_and_stream(client: Client, views: MemoryViews) -> None:
    views.channel("c1", "millpond", "Water", "Nature")
    views.live("c1", "s1")
    body = await (await client.get("/v1/channels")).json()
    assert body["cursor"] is None
    assert body["as_of"] == "2023-11-14T22:13:20.000Z"
    [channel] = body["data"]
    assert (channel["name"], channel["title"], channel["category"]) == (
        "millpond",
        "Water",
        "Nature",
    )
    assert channel["stream"] == {
        "stream_id": "s1",
        "state": "live",
        "started_at": "2023-11-14T22:13:20.000Z",
        "resume_until": None,
        "ended_at": None,
        "reason": None,
        "interruptions": 0,
        "picture": {
            "width": 1280,
            "height": 720,
            "frame_rate": 30.0,
            "codecs": "avc1.64001f,mp4a.40.2",
        },
        "playlist_url": f"{ORIGIN}/live/s1/index.m3u8",
        "thumbnail_url": f"{ORIGIN}/live/s1/thumbnail.jpg",
    }


async def test_a_cursor_leads_through_every_live_channel(
    client: Client, views: MemoryViews
) -> None:
    for n in range(5):
        views.channel(f"c{n}", f"channel{n}")
        views.live(f"c{n}", f"s{n}")
    names: list[str] = []
    cursor = ""
    while True:
        body = await (await client.get(f"/v1/channels?limit=2{cursor}")).json()
        names += [channel["name"] for channel in body["data"]]
        if body["cursor"] is None:
            break
        cursor = f"&cursor={body['cursor']}"
    assert names == [f"channel{n}" for n in range(5)]


async def test_a_live_channel_without_a_name_yet_is_left_out(
    client: Client, views: MemoryViews
) -> None:
    views.live("c1", "s1")
    assert (await (await client.get("/v1/channels")).json())["data"] == []


@pytest.mark.parametrize(
    ("picture", "status", "expected"),
    [
        (False, {}, ("starting", None)),
        (True, {}, ("live", None)),
        (
            True,
            {"state": "interrupted", "resume_until": 1_700_000_047_000_000},
            ("interrupted", "2023-11-14T22:14:07.000Z"),
        ),
        (True, {"state": "ended", "resume_until": 1}, ("ended", None)),
    ],
)
async def test_a_channel_tells_the_state_of_its_stream(
    client: Client,
    views: MemoryViews,
    picture: bool,
    status: dict[str, object],
    expected: tuple[str, str | None],
) -> None:
    views.channel("c1", "millpond")
    views.live("c1", "s1", picture=picture, **status)
    stream = (await (await client.get("/v1/channels/Millpond")).json())["data"]["stream"]
    assert (stream["state"], stream["resume_until"]) == expected


async def test_an_offline_channel_has_no_stream_but_a_history(
    client: Client, views: MemoryViews
) -> None:
    views.channel("c1", "millpond")
    views.put("stream-history", "1", stream_id="s2", channel_id="c1", state="ended", ended_at=2)
    views.put("stream-history", "2", stream_id="s9", channel_id="c9", state="ended", ended_at=1)
    channel = (await (await client.get("/v1/channels/millpond")).json())["data"]
    assert channel["stream"] is None
    history = await (await client.get("/v1/channels/millpond/streams")).json()
    assert [(stream["stream_id"], stream["state"]) for stream in history["data"]] == [
        ("s2", "ended")
    ]


async def test_a_stream_is_found_by_its_id(client: Client, views: MemoryViews) -> None:
    views.live("c1", "s1", state="ended", ended_at=1_700_000_001_500_000)
    stream = (await (await client.get("/v1/streams/s1")).json())["data"]
    assert (stream["state"], stream["ended_at"]) == ("ended", "2023-11-14T22:13:21.500Z")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/channels/nobody", 404, "not-found"),
        ("/v1/channels/no%00body", 404, "not-found"),
        ("/v1/streams/none", 404, "not-found"),
        ("/v1/streams/..%2f..", 404, "not-found"),
        ("/v1/nothing", 404, "not-found"),
        ("/v1/channels?limit=0", 400, "invalid-request"),
        ("/v1/channels?limit=101", 400, "invalid-request"),
        ("/v1/channels?limit=ten", 400, "invalid-request"),
        ("/v1/channels?limit=%D9%A3", 400, "invalid-request"),
        ("/v1/channels?cursor=%00", 400, "invalid-request"),
        ("/v1/channels?cursor=zzz", 400, "invalid-request"),
        ("/refused", 403, "too-shy"),
        ("/broken", 500, "internal"),
    ],
)
async def test_errors_are_problems(client: Client, path: str, status: int, code: str) -> None:
    response = await client.get(path)
    assert (response.status, response.content_type) == (status, "application/problem+json")
    problem = await response.json()
    assert problem["type"] == f"urn:millrace:problem:{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["instance"].endswith(response.headers["X-Request-Id"])
    assert "hunter2" not in await response.text()


async def test_a_wrong_method_names_the_right_ones(client: Client) -> None:
    response = await client.post("/v1/channels", data=b"x")
    assert response.status == 405
    assert response.headers["Allow"] == "GET,HEAD"
    assert (await response.json())["title"] == "Method not allowed"


async def test_views_that_are_away_are_a_503_without_their_address(
    client: Client, views: MemoryViews
) -> None:
    views.failure = Unavailable("redis://10.0.0.7:6379 refused")
    for path in ("/v1/channels", "/healthz"):
        response = await client.get(path)
        assert (response.status, response.headers["Retry-After"]) == (503, "2")
        assert "10.0.0.7" not in await response.text()


async def test_health_and_metrics_answer(client: Client) -> None:
    assert await (await client.get("/healthz")).json() == {
        "status": "ok",
        "servers": {"redis": "ok"},
    }
    text = await (await client.get("/metrics")).text()
    assert (
        'millrace_gateway_request_seconds_count{method="GET",route="/healthz",status="200"}' in text
    )


def test_every_route_declares_who_may_use_it(app: web.Application) -> None:
    assert undeclared(app) == []


async def test_a_route_without_a_rule_is_found_and_answers_nobody(app: web.Application) -> None:
    async def open_door(_request: web.Request) -> web.Response:
        return web.Response(text="welcome")

    app.router.add_get("/open-door", open_door)
    assert any("/open-door" in route for route in undeclared(app))
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/open-door")).status == 403


async def test_pages_carry_a_policy_that_admits_the_origin_and_the_chat_only(
    client: Client,
) -> None:
    response = await client.get("/c/millpond")
    policy = response.headers["Content-Security-Policy"]
    assert f"connect-src 'self' {ORIGIN} ws://127.0.0.1:8083;" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"


async def test_a_watch_page_brings_its_channel_along(client: Client, views: MemoryViews) -> None:
    views.channel("c1", "millpond", "</script><script>alert(1)</script>")
    views.live("c1", "s1")
    page = await (await client.get("/c/millpond")).text()
    _, _, rest = page.partition('<script type="application/json" id="first">')
    brought, _, after = rest.partition("</script>")
    told = await (await client.get("/v1/channels/millpond")).json()
    assert json.loads(brought)["data"] == told["data"]
    assert "<script>alert" not in page
    for playlist in ("index.m3u8?rungs=all", "source.m3u8"):
        assert f'href="{ORIGIN}/live/s1/{playlist}"' in after


async def test_a_watch_page_without_a_channel_is_still_a_page(client: Client) -> None:
    response = await client.get("/c/nobody")
    assert response.status == 200
    assert 'id="first"' not in await response.text()


async def test_a_page_is_not_sent_twice(client: Client) -> None:
    first = await client.get("/")
    again = await client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status, again.status) == (200, 304)
    assert first.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/static/../secret.txt", "/static/..%2fsecret.txt", "/static/none.js", "/static/%00"]
)
async def test_no_file_outside_the_folder_is_served(client: Client, path: str) -> None:
    response = await client.get(path)
    assert response.status == 404
    assert "secret" not in await response.text()


async def test_v1_may_be_read_from_other_sites_and_pages_may_not(client: Client) -> None:
    assert (await client.get("/v1/channels")).headers["Access-Control-Allow-Origin"] == "*"
    preflight = await client.options("/v1/channels")
    assert (preflight.status, preflight.headers["Access-Control-Allow-Methods"]) == (
        204,
        "GET, HEAD, POST, PUT, PATCH, DELETE",
    )
    assert "Access-Control-Allow-Origin" not in (await client.get("/")).headers


@pytest.mark.parametrize(
    ("places", "host", "expected"),
    [
        (
            Places(),
            "stream.example:8080",
            {
                "origin_url": "http://stream.example:8081",
                "rtmp_url": "rtmp://stream.example/live",
                "chat_url": "ws://stream.example:8083/chat",
            },
        ),
        (
            Places(origin_port=9001, rtmp_port=1936),
            "[::1]:8080",
            {
                "origin_url": "http://[::1]:9001",
                "rtmp_url": "rtmp://[::1]:1936/live",
                "chat_url": "ws://[::1]:8083/chat",
            },
        ),
        (
            Places(
                origin_url="https://cdn.example/",
                rtmp_url="rtmps://in.example/live",
                chat_url="wss://chat.example/",
            ),
            "x",
            {
                "origin_url": "https://cdn.example",
                "rtmp_url": "rtmps://in.example/live",
                "chat_url": "wss://chat.example/chat",
            },
        ),
    ],
)
async def test_addresses_follow_the_pages_own_host(
    views: MemoryViews, folder: Path, places: Places, host: str, expected: dict[str, str]
) -> None:
    app = make_app(views, clock=ManualClock(), places=places, folder=folder)
    async with TestClient(TestServer(app)) as client:
        response = await client.get("/v1/config", headers={"Host": host})
        assert await response.json() == expected


async def test_a_host_that_is_none_reaches_no_header(views: MemoryViews, folder: Path) -> None:
    app = make_app(views, clock=ManualClock(), places=Places(), folder=folder)
    async with TestClient(TestServer(app)) as client:
        evil = {"Host": "evil; script-src *"}
        assert (await client.get("/v1/config", headers=evil)).status == 400
        assert (
            "evil" not in (await client.get("/", headers=evil)).headers["Content-Security-Policy"]
        )


async def test_a_body_beyond_the_limit_is_refused(views: MemoryViews, folder: Path) -> None:
    async def read(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    app = make_app(
        views,
        clock=ManualClock(),
        places=Places(),
        folder=folder,
        more=[Route("POST", "/read", read, public)],
    )
    async with TestClient(TestServer(app)) as client:
        response = await client.post("/read", data=b"x" * 70_000)
        assert (response.status, response.content_type) == (413, "application/problem+json")

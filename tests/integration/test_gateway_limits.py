"""Limits are shared, fail safe, and nobody who is slow or many keeps others from being served."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientSession, web

from api import bodies, doorman
from api.access import anyone, public
from api.app import make_app, make_runner
from api.call import Call, endpoint
from api.limits import AHEAD_SECONDS, AHEAD_SHARE, Limit, Limits, network
from api.places import Places
from api.proxies import Proxies
from api.routes import Route
from infra.clock import ManualClock, SystemClock
from tests.functional.gateway import MemoryViews
from tests.functional.gateway_fakes import FakeTokens

pytestmark = pytest.mark.alone

TEN = Limit("token", 10)


class Text(msgspec.Struct):
    text: str


async def put_body(_call: Call, body: Text) -> Text:
    """Say it back."""
    return body


async def closed(_request: web.Request) -> web.Response:
    return web.Response(text="welcome")


@asynccontextmanager
async def serving(
    limits: Limits | None = None, proxies: Proxies | None = None
) -> AsyncIterator[str]:
    views = MemoryViews()
    views.channel("c1", "millpond")
    app = make_app(
        views,
        clock=SystemClock(),
        places=Places(),
        folder=Path(),
        tokens=FakeTokens(),
        counting=limits,
        proxies=proxies,
        more=[
            Route("GET", "/closed", closed, anyone),
            endpoint("PUT", "/body", put_body, public),
        ],
    )
    runner = make_runner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        if limits is not None:
            await limits.close()


async def test_gateways_share_a_bucket(redis_url: str, unique: str) -> None:
    one, other = (Limits(redis_url, prefix=unique) for _ in range(2))
    answers = [await each.take(TEN, "a") for _ in range(8) for each in (one, other)]
    assert sum(answer.granted for answer in answers) == 10
    assert (await one.take(TEN, "b")).granted
    await asyncio.gather(one.close(), other.close())


async def test_what_is_asked_at_once_goes_in_few_calls(redis_url: str, unique: str) -> None:
    limits = Limits(redis_url, prefix=unique)
    answers = await asyncio.gather(*(limits.take(TEN, f"n{n % 20}") for n in range(300)))
    assert sum(answer.granted for answer in answers) == 200
    assert limits.calls <= 2
    await limits.close()


async def test_who_asks_often_costs_few_calls_and_gets_no_more(redis_url: str, unique: str) -> None:
    clock, limit = ManualClock(), Limit("token", 800)
    one, other = (Limits(redis_url, prefix=unique, clock=clock) for _ in range(2))
    first = [await one.take(limit, "a") for _ in range(400)]
    assert [answer.left for answer in first[:100]] == list(range(799, 699, -1))
    assert one.calls < 40
    rest = [await each.take(limit, "a") for _ in range(420) for each in (one, other)]
    granted = sum(answer.granted for answer in [*first, *rest])
    took = 60  # tokens that come back during the test, a generous minute's worth
    assert 800 - 2 * limit.minute // AHEAD_SHARE <= granted <= 800 + took
    clock.advance(AHEAD_SECONDS)
    before = one.calls
    await one.take(limit, "b")
    await one.take(limit, "b")
    assert one.calls == before + 2, "who asks seldom takes nothing ahead"
    await asyncio.gather(one.close(), other.close())


async def test_a_bucket_fills_again(redis_url: str, unique: str) -> None:
    limits, fast = Limits(redis_url, prefix=unique), Limit("token", 1200)
    answers = await asyncio.gather(*(limits.take(fast, "a") for _ in range(1300)))
    assert sum(answer.granted for answer in answers) >= 1200
    assert not answers[-1].granted
    until = time.monotonic() + 2
    while not (await limits.take(fast, "a")).granted:
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    await limits.close()


async def test_a_request_too_many_is_told_when_to_come_back(redis_url: str, unique: str) -> None:
    limits = Limits(redis_url, prefix=unique, address=5)
    async with serving(limits) as url, ClientSession() as session:
        for left in (4, 3, 2, 1, 0):
            response = await session.get(f"{url}/v1/channels/millpond")
            assert response.status == 200
            assert response.headers["Ratelimit-Limit"] == "5"
            assert response.headers["Ratelimit-Remaining"] == str(left)
            assert int(response.headers["Ratelimit-Reset"]) >= time.time()
        refused = await session.get(f"{url}/v1/channels/millpond")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "12")
        assert refused.headers["Ratelimit-Remaining"] == "0"
        assert (await session.get(f"{url}/healthz")).status == 200


async def test_wrong_tokens_are_counted_by_address(redis_url: str, unique: str) -> None:
    limits = Limits(redis_url, prefix=unique, address=5)
    async with serving(limits) as url, ClientSession() as session:
        wrong = {"Authorization": "Bearer nobody"}
        found = [(await session.get(f"{url}/closed", headers=wrong)).status for _ in range(7)]
        assert found == [401] * 5 + [429] * 2
        mine = {"Authorization": "Bearer test"}
        assert (await session.get(f"{url}/closed", headers=mine)).status == 200


async def test_behind_a_proxy_everyone_has_a_bucket_and_nobody_makes_up_another(
    redis_url: str, unique: str
) -> None:
    limits = Limits(redis_url, prefix=unique, address=3)
    async with serving(limits, Proxies(["127.0.0.0/8"])) as url, ClientSession() as session:

        async def status(said: str) -> int:
            headers = {"X-Forwarded-For": said}
            return (await session.get(f"{url}/v1/config", headers=headers)).status

        one = [await status(f"203.0.113.{n}, 198.51.100.1") for n in range(5)]
        assert one == [200] * 3 + [429] * 2
        assert await status("198.51.100.2") == 200
    direct = Limits(redis_url, prefix=f"{unique}-direct", address=3)
    async with serving(direct) as url, ClientSession() as session:
        assert [await status(f"203.0.113.{n}") for n in range(4)] == [200] * 3 + [429]


async def test_without_redis_limits_are_smaller_and_still_there() -> None:
    limits = Limits("redis://127.0.0.1:1", address=40)
    async with serving(limits) as url, ClientSession() as session:
        began = time.monotonic()
        found = [(await session.get(f"{url}/v1/config")).status for _ in range(15)]
        assert time.monotonic() - began < 2
        assert found == [200] * 10 + [429] * 5
        metrics = await (await session.get(f"{url}/metrics")).text()
        assert "millrace_gateway_limits_local 1.0" in metrics


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::4", "2001:db8:1:2::"),
        ("", "unknown"),
    ],
)
def test_an_ipv6_host_is_one(address: str, name: str) -> None:
    assert network(address) == name


async def test_slow_and_half_open_connections_are_closed_and_others_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doorman.watch, "__kwdefaults__", {"seconds": 1.0, "most": 100})
    async with serving() as url, ClientSession() as session:
        port = int(url.rpartition(":")[2])
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(150)]
        dripping = [asyncio.create_task(_drip(writer)) for _, writer in opened[:50]]
        worst = 0.0
        for _ in range(20):
            began = time.monotonic()
            assert (await session.get(f"{url}/v1/config")).status == 200
            worst = max(worst, time.monotonic() - began)
        assert worst < 1
        async with asyncio.timeout(10):
            ends = await asyncio.gather(*(_end(reader) for reader, _ in opened))
        assert ends == [b""] * 150
        assert (await session.get(f"{url}/v1/config")).status == 200
        for task in dripping:
            task.cancel()
        await asyncio.gather(*dripping, return_exceptions=True)
        for _, writer in opened:
            writer.close()


async def test_a_flood_of_half_open_connections_leaves_others_served() -> None:
    """As many as are let be, with limits as they are, silent, dripping headers and bodies."""
    async with serving() as url, ClientSession() as session:
        port = int(url.rpartition(":")[2])
        opened = []
        for _ in range(20):
            opened += await asyncio.gather(
                *(asyncio.open_connection("127.0.0.1", port) for _ in range(110))
            )
        dripping = [asyncio.create_task(_drip(writer)) for _, writer in opened[:100]]
        dripping += [asyncio.create_task(_drip(writer, _BODY)) for _, writer in opened[100:200]]
        took = []
        for _ in range(50):
            began = time.monotonic()
            assert (await session.get(f"{url}/v1/channels/millpond")).status == 200
            took.append(time.monotonic() - began)
        assert sorted(took)[25] < 0.25
        async with asyncio.timeout(doorman.HEADER_SECONDS / 2):
            # A hundred more than are let be without a request: the oldest are closed.
            ends = [_end(reader) for reader, _ in opened[:100]]
            assert await asyncio.gather(*ends) == [b""] * 100
        for task in dripping:
            task.cancel()
        await asyncio.gather(*dripping, return_exceptions=True)
        for _, writer in opened:
            writer.close()


async def test_a_body_that_comes_too_slowly_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.5)
    async with serving() as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        dripping = asyncio.create_task(_drip(writer, _BODY))
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        writer.close()


_HEADER = b"GET /v1/config HTTP/1.1\r\nHost: x\r\nX-Slow: "
_BODY = (
    b"PUT /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b'Content-Length: 5000\r\n\r\n{"text": "'
)


async def _drip(writer: asyncio.StreamWriter, beginning: bytes = _HEADER) -> None:
    """Headers, or a body, that never end, a byte at a time."""
    writer.write(beginning)
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.1)


async def _end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/config HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n" % (b"a" * 9000),
        b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 9000),
        b"NONSENSE\r\n\r\n",
    ],
    ids=["a long header", "a long line", "no HTTP"],
)
async def test_what_is_no_request_gets_an_error(head: bytes) -> None:
    async with serving() as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(head)
        assert (await reader.readline()).startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
        writer.close()

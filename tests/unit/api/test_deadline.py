"""A request has so long for servers; bodies and hashes are not theirs, decisions get more."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from api import deadline
from api.deadline import give, in_time, standing_still
from infra.errors import Unavailable


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "SECONDS", 0.1)


async def asked(work: Callable[[], Awaitable[None]]) -> float:
    """Seconds that it took."""

    async def handle(_request: web.Request) -> web.StreamResponse:
        await work()
        return web.Response()

    began = time.monotonic()
    await in_time(make_mocked_request("GET", "/"), handle)
    return time.monotonic() - began


async def test_a_server_that_says_nothing_is_away() -> None:
    with pytest.raises(Unavailable):
        await asked(lambda: asyncio.sleep(5))


async def test_what_takes_long_by_its_nature_is_given_more() -> None:
    async def decide(seconds: float | None) -> None:
        give(seconds)
        await asyncio.sleep(0.2)

    assert await asked(lambda: decide(1)) < 1
    assert await asked(lambda: decide(None)) < 1
    with pytest.raises(Unavailable):
        await asked(lambda: decide(0.05))


async def test_the_clock_stands_still_while_no_server_is_waited_for() -> None:
    async def read() -> None:
        await asyncio.sleep(0.05)
        with standing_still():
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.01)

    assert await asked(read) < 1

    async def wait() -> None:
        with standing_still():
            await asyncio.sleep(0.2)
        await asyncio.sleep(5)

    with pytest.raises(Unavailable):
        await asked(wait)


async def test_what_is_given_for_a_decision_is_not_for_the_servers_after_it() -> None:
    async def decide_and_read() -> None:
        with standing_still(1):
            await asyncio.sleep(0.2)
        await asyncio.sleep(5)

    began = time.monotonic()
    with pytest.raises(Unavailable):
        await asked(decide_and_read)
    assert time.monotonic() - began < 1

    async def wait() -> None:
        with standing_still(0.05):
            await asyncio.sleep(5)

    with pytest.raises(Unavailable):
        await asked(wait)


async def test_outside_of_a_request_there_is_no_deadline() -> None:
    give(0.01)
    with standing_still():
        await asyncio.sleep(0.02)

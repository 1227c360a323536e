"""Moderators try other rules on what was said; the process that does it is not here."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from agents.chat.backtest import Changes
from api.errors import TooMany, Unprocessable
from infra.errors import Unavailable
from millrace.backtest_runs import BackTestRuns
from tests.functional.agents.chats_on_the_log import SECOND, ChatLog, decide, said
from tests.functional.chatting import RIVER, UMA, WANDA, Client, as_user, asked, settle
from tests.functional.platform import Platform

PATH = f"/v1/channels/{RIVER}/chat/backtests"
SCOPE = "moderator:read:chat_messages"
WINDOW = {"from": "2023-11-14T22:00:00Z", "to": "2023-11-14T23:00:00Z"}


class BackTestsHere:
    """Runs them on the spot, over a chat of its own."""

    def __init__(self, log: ChatLog) -> None:
        self.log = log
        self.asked: list[tuple[str, int, int]] = []
        self.busy = False

    async def run(
        self, channel_id: str, start: int, end: int, rules: Mapping[str, Any], examples: int
    ) -> dict[str, Any]:
        if self.busy:
            raise TooMany("another back-test is under way", 15)
        self.asked.append((channel_id, start, end))
        found: dict[str, Any] = msgspec.to_builtins(self.log.back_test(0, 2, Changes.read(rules)))
        return found


@pytest_asyncio.fixture
async def runs() -> BackTestsHere:
    return BackTestsHere(await decide([(0, said("one", "u1")), (9, said("a link.com", "u2"))]))


@pytest_asyncio.fixture
async def client(runs: BackTestsHere) -> AsyncIterator[Client]:
    async with Platform() as platform:
        await settle(platform)
        platform.clock.advance(365 * 86_400)
        async with TestClient(TestServer(platform.gateway(backtests=runs))) as found:
            yield found


async def test_a_moderator_tries_other_rules(client: Client, runs: BackTestsHere) -> None:
    body = {**WINDOW, "rules": {"settings": {"links": "nobody"}}}
    status, said = await asked(client, "POST", PATH, as_user(WANDA, SCOPE), body)
    assert status == 200, said
    assert runs.asked == [(RIVER, 1_699_999_200 * SECOND, 1_700_002_800 * SECOND)]
    result = said["data"]
    assert (result["messages"], result["changed"]) == (2, 1)
    (change,) = result["changes"]
    assert change["after"] == {"outcome": "rejected", "rule": "links"}
    assert change["examples"][0]["at"] == "2023-11-14T22:13:29.000Z"
    assert result["agreement"]["stood"] == 2


async def test_who_does_not_moderate_may_not(client: Client) -> None:
    status, _ = await asked(client, "POST", PATH, as_user(UMA, SCOPE), WINDOW)
    assert status == 403
    status, _ = await asked(client, "POST", PATH, as_user(WANDA), WINDOW)
    assert status == 403


async def test_what_is_wrong_is_named(client: Client, runs: BackTestsHere) -> None:
    moderator = as_user(WANDA, SCOPE)
    backwards = {"from": WINDOW["to"], "to": WINDOW["from"]}
    status, said = await asked(client, "POST", PATH, moderator, backwards)
    assert (status, said["detail"]) == (422, "to: must be after from, and not in the future")
    wrong = {**WINDOW, "rules": {"limit": {}}}
    status, said = await asked(client, "POST", PATH, moderator, wrong)
    assert status == 422
    runs.busy = True
    status, _ = await asked(client, "POST", PATH, moderator, WINDOW)
    assert status == 429


async def test_it_runs_in_a_process_that_says_what_is_wrong() -> None:
    runs = BackTestRuns("127.0.0.1:1")
    with pytest.raises(Unprocessable, match=r"slow_seconds must be 0 to 120"):
        await runs.run(RIVER, 1, 2, {"settings": {"slow_seconds": 900}}, 5)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        await runs.run(RIVER, 1, 2, {}, 5)


async def test_one_at_a_time_for_each_channel() -> None:
    runs = BackTestRuns("127.0.0.1:1")
    first = asyncio.ensure_future(runs.run(RIVER, 1, 2, {}, 5))
    await asyncio.sleep(0)
    with pytest.raises(TooMany):
        await runs.run(RIVER, 1, 2, {}, 5)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    with pytest.raises(Unprocessable):
        await runs.run(RIVER, 1, 2, {"automod": {"spam": 9}}, 5)

"""A poll and a prediction on the whole platform, whose worker is killed in between."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from infra.names import id_of
from tests.e2e.accounts import join
from tests.e2e.whole import Platform
from tests.functional.oauth_rig import Browser
from tests.waiting import until

pytestmark = [pytest.mark.alone, pytest.mark.timeout(600)]

WEIR = id_of("weir")
VIEWERS = 5


class Person:
    """Somebody who sits at our pages."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    async def do(self, path: str, body: Any = None) -> Any:
        """What is answered, once the platform can tell: asked again under the same key."""
        shown = await self._browser.get("/session")
        form = (await shown.json())["user"]["form"]
        headers = {"Form-Token": form, "Idempotency-Key": str(uuid.uuid4())}
        url = f"/session/channels/{WEIR}{path}"

        async def asked() -> Any:
            async with self._browser.client.post(url, json=body, headers=headers) as answer:
                said = await answer.json()
                if answer.status in (409, 503, 504):
                    return None
                return said["data"] if answer.status == 200 else said["type"].rpartition(":")[2]

        return await until(asked, 60)

    async def mine(self) -> Any:
        answer = await self._browser.get(f"/session/channels/{WEIR}/engagement/me")
        return (await answer.json())["data"] if answer.status == 200 else None


@asynccontextmanager
async def listening(platform: Platform) -> AsyncIterator[list[dict[str, Any]]]:
    """The events that everybody in the chat sees."""
    url = f"ws://127.0.0.1:{platform.settings['MILLRACE_CHAT_EDGE_PORT']}/chat"
    heard: list[dict[str, Any]] = []
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:

        async def listen() -> None:
            async for frame in socket:
                said = frame.json()
                heard.extend(said.get("events", []))

        await socket.send_json({"type": "hello", "token": ""})
        await socket.send_json({"type": "join", "channel": "weir", "since": None})
        task = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            task.cancel()


async def hears(heard: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The last event of a kind."""
    found: dict[str, Any] = await until(
        lambda: next((each for each in reversed(heard) if each["kind"] == kind), None), 60
    )
    return found


async def test_tallies_and_payouts_are_exact_although_the_worker_dies(
    platform: Platform, sessions: Callable[[], Browser]
) -> None:
    people = []
    for login in ("weir", *(f"viewer{number}" for number in range(VIEWERS))):
        browser = sessions()
        await join(browser, login)
        people.append(Person(browser))
    weir, *viewers = people
    async with listening(platform) as heard:
        poll = {"title": "Which boat?", "choices": ["red", "blue"], "seconds": 600}
        started = await weir.do("/polls", poll)
        assert (await hears(heard, "PollStarted"))["poll_id"] == started["poll_id"]
        red, blue = (each["id"] for each in started["choices"])
        path = f"/polls/{started['poll_id']}"
        for number, viewer in enumerate(viewers):
            if number == 2:
                platform.process("worker-chat").kill()
            choice = {"choice_id": blue if number % 2 else red}
            assert (await viewer.do(f"{path}/votes", choice))["poll_id"] == started["poll_id"]
        assert await viewers[0].do(f"{path}/votes", {"choice_id": blue}) == "voted-already"
        ended = await weir.do(f"{path}/end", {})
        assert [each["votes"] for each in ended["choices"]] == [3, 2]
        told = await hears(heard, "PollEnded")
        assert (told["winners"], told["by_login"]) == ([red], "")
        assert [each["votes"] for each in told["choices"]] == [3, 2]

        prediction = {"title": "How long?", "outcomes": ["short", "long"], "seconds": 600}
        begun = await weir.do("/predictions", prediction)
        short, long = (each["id"] for each in begun["outcomes"])
        path = f"/predictions/{begun['prediction_id']}"
        for number, viewer in enumerate(viewers):
            stake = {"outcome_id": long if number % 2 else short, "points": 100 + number}
            assert (await viewer.do(f"{path}/stakes", stake))["staked"] == 100 + number
        platform.process("worker-chat").kill()
        over = await weir.do(f"{path}/end", {"winning_outcome_id": short})
        assert over["pool"] == sum(100 + number for number in range(VIEWERS))
        assert (await hears(heard, "PredictionEnded"))["pool"] == over["pool"]
        offsets = [each["offset"] for each in heard]
        assert offsets == sorted(set(offsets))

    async def points() -> list[int] | None:
        found = [await viewer.mine() for viewer in viewers]
        settled = all(found) and all(found[number]["paid"] for number in (0, 2, 4))
        return [each["points"] for each in found] if settled else None

    balances = await until(points, 60)
    assert sum(balances) == VIEWERS * 1000
    assert balances[1::2] == [899, 897]
    await asyncio.to_thread(platform.prove)

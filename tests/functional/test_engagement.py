"""Polls, predictions and raids over HTTP: what is asked, what is shown, who may."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from api.chat.presence import Present
from api.chatters import CHATTERS
from infra.kafka import partition_of
from schemas.records.chat import BanUser
from schemas.records.clock import Tick
from tests.functional.chatting import RIVER, UMA, WANDA, Client, as_user, asked, settle
from tests.functional.platform import Platform
from tests.functional.workers import PARTITIONS

SCOPES = (
    "channel:manage:polls",
    "channel:manage:predictions",
    "channel:manage:raids",
    "user:read:chat",
    "user:write:polls",
    "user:write:predictions",
)
CHANNEL = f"/v1/channels/{RIVER}"
POLL = {"title": "Which boat?", "choices": ["red", "blue"], "seconds": 60}
PREDICTION = {"title": "How long?", "outcomes": ["short", "long"], "seconds": 60}


class Here:
    """Two are in every chat."""

    async def here(self, channel_id: str) -> list[Present]:
        return [Present(UMA, "uma_", 0), Present(WANDA, "wanda", 0)]


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform() as found:
        await settle(found)
        yield found


@pytest_asyncio.fixture
async def client(platform: Platform) -> AsyncIterator[Client]:
    app = platform.gateway()
    app[CHATTERS] = Here()
    async with TestClient(TestServer(app)) as found:
        yield found


async def do(
    client: Client, user: str, method: str, path: str, body: Any = None, status: int = 200
) -> Any:
    """What is answered."""
    found, said = await asked(client, method, f"{CHANNEL}{path}", as_user(user, *SCOPES), body)
    assert found == status, said
    return said["data"] if found == 200 else said


async def refused(client: Client, user: str, path: str, body: Any = None) -> str:
    """The code of a refusal."""
    problem = await do(client, user, "POST", path, body, status=422)
    return str(problem["type"]).removeprefix("urn:millrace:problem:")


async def tick(platform: Platform, seconds: float) -> None:
    """Let time pass in the channel's partition."""
    platform.clock.advance(seconds)
    where = partition_of(RIVER.encode(), PARTITIONS)
    chats = platform.workers[1]
    for output in await chats.put(
        "engagement-commands", "", Tick(), occurred_at=platform.clock.now(), partition=where
    ):
        await platform._show(output)


async def running(client: Client) -> Any:
    status, said = await asked(client, "GET", f"{CHANNEL}/engagement", {})
    assert status == 200
    return said["data"]


async def test_a_poll_from_beginning_to_end(platform: Platform, client: Client) -> None:
    assert await running(client) == {"poll": None, "prediction": None, "raid": None}
    poll = await do(client, WANDA, "POST", "/polls", POLL)
    assert (poll["status"], poll["votes"], poll["ended_at"]) == ("active", 0, None)
    assert (await running(client))["poll"] == poll
    red, blue = (each["id"] for each in poll["choices"])
    votes = f"/polls/{poll['poll_id']}/votes"
    voted = await do(client, UMA, "POST", votes, {"choice_id": red})
    assert voted == {"poll_id": poll["poll_id"], "choice_id": red}
    assert await refused(client, UMA, votes, {"choice_id": blue}) == "voted-already"
    assert await refused(client, WANDA, votes, {"choice_id": "x"}) == "unknown-choice"
    assert (await do(client, UMA, "GET", "/engagement/me"))["choice_id"] == red
    await tick(platform, 2)
    assert [each["votes"] for each in (await running(client))["poll"]["choices"]] == [1, 0]
    end = f"/polls/{poll['poll_id']}/end"
    await do(client, UMA, "POST", end, {}, status=403)
    ended = await do(client, WANDA, "POST", end, {})
    assert (ended["status"], ended["winners"]) == ("terminated", [red])
    assert (await running(client))["poll"] == ended
    platform.clock.advance(61)
    assert (await running(client))["poll"] is None
    assert await refused(client, WANDA, end, {}) == "not-running"


async def test_an_archived_poll_vanishes(client: Client) -> None:
    poll = await do(client, RIVER, "POST", "/polls", POLL)
    assert await refused(client, RIVER, "/polls", POLL) == "already-running"
    await do(client, RIVER, "POST", f"/polls/{poll['poll_id']}/end", {"archive": True})
    assert (await running(client))["poll"] is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/polls", {**POLL, "choices": ["one"]}),
        ("/polls", {**POLL, "title": ""}),
        ("/polls", {**POLL, "seconds": 14}),
        ("/predictions", {**PREDICTION, "outcomes": ["x" * 26, "y"]}),
        ("/predictions", {**PREDICTION, "seconds": 1801}),
        ("/predictions/p/stakes", {"outcome_id": "o", "points": 0}),
        ("/raid", {"to": "no such name!"}),
    ],
)
async def test_wrong_bodies_are_named(client: Client, path: str, body: Any) -> None:
    problem = await do(client, RIVER, "POST", path, body, status=422)
    assert problem["pointer"]


async def test_a_prediction_from_beginning_to_end(platform: Platform, client: Client) -> None:
    prediction = await do(client, RIVER, "POST", "/predictions", PREDICTION)
    assert (prediction["status"], prediction["pool"]) == ("active", 0)
    short, long = (each["id"] for each in prediction["outcomes"])
    path = f"/predictions/{prediction['prediction_id']}"
    mine = await do(client, UMA, "GET", "/engagement/me")
    assert (mine["points"], mine["staked"], mine["paid"]) == (1000, 0, None)
    staked = await do(client, UMA, "POST", f"{path}/stakes", {"outcome_id": short, "points": 300})
    assert (staked["points"], staked["staked"], staked["balance"]) == (300, 300, 700)
    more = {"outcome_id": short, "points": 800}
    assert await refused(client, UMA, f"{path}/stakes", more) == "not-enough-points"
    assert await refused(client, RIVER, f"{path}/stakes", more) == "own-channel"
    await do(client, WANDA, "POST", f"{path}/stakes", {"outcome_id": long, "points": 100})
    locked = await do(client, WANDA, "POST", f"{path}/lock")
    assert (locked["status"], locked["pool"]) == ("locked", 400)
    assert (await running(client))["prediction"] == locked
    mine = await do(client, UMA, "GET", "/engagement/me")
    assert (mine["points"], mine["outcome_id"], mine["staked"]) == (700, short, 300)
    await do(client, UMA, "POST", f"{path}/end", {"winning_outcome_id": short}, status=403)
    ended = await do(client, WANDA, "POST", f"{path}/end", {"winning_outcome_id": short})
    assert (ended["status"], ended["winning_outcome_id"]) == ("resolved", short)
    assert ended["locked_at"] == locked["locked_at"]
    assert (await running(client))["prediction"] == ended
    mine = await do(client, UMA, "GET", "/engagement/me")
    name = prediction["prediction_id"]
    paid = {"prediction_id": name, "points": 400, "staked": 300, "cause": "payout"}
    assert (mine["points"], mine["paid"]) == (1100, paid)
    assert (await do(client, WANDA, "GET", "/engagement/me"))["points"] == 900


async def test_a_prediction_is_called_off(client: Client) -> None:
    prediction = await do(client, RIVER, "POST", "/predictions", PREDICTION)
    path = f"/predictions/{prediction['prediction_id']}"
    short = prediction["outcomes"][0]["id"]
    await do(client, UMA, "POST", f"{path}/stakes", {"outcome_id": short, "points": 300})
    ended = await do(client, RIVER, "POST", f"{path}/end", {"winning_outcome_id": None})
    assert (ended["status"], ended["winning_outcome_id"], ended["refunded"]) == (
        "cancelled",
        None,
        True,
    )
    mine = await do(client, UMA, "GET", "/engagement/me")
    assert (mine["points"], mine["paid"]["cause"]) == (1000, "refund")


async def test_broadcasters_give_points(client: Client) -> None:
    path, gift = f"/points/{UMA}/grants", {"points": 500, "reason": "a drawing"}
    granted = await do(client, RIVER, "POST", path, gift)
    assert granted == {"user_id": UMA, "points": 500, "balance": 500}
    assert (await do(client, UMA, "GET", "/engagement/me"))["points"] == 1500
    assert await refused(client, WANDA, path, gift) == "not-allowed"
    await do(client, UMA, "POST", path, gift, status=403)
    await do(client, RIVER, "POST", "/points/nobody/grants", gift, status=404)


async def test_who_is_banned_takes_no_part(platform: Platform, client: Client) -> None:
    poll = await do(client, RIVER, "POST", "/polls", POLL)
    ban = BanUser(
        channel_id=RIVER,
        user_id=UMA,
        login="uma_",
        roles=[],
        seconds=600,
        reason="",
        by_id=RIVER,
        by_login="river",
        by_role="broadcaster",
    )
    await platform.post("chat-commands", RIVER, ban)
    votes = f"/polls/{poll['poll_id']}/votes"
    assert await refused(client, UMA, votes, {"choice_id": poll["choices"][0]["id"]}) == "banned"


async def test_raids(platform: Platform, client: Client) -> None:
    harbour = await platform.sign_up("harbour")
    assert await refused(client, RIVER, "/raid", {"to": "harbour"}) == "not-live"
    await platform.go_live(RIVER, "s1", 1)
    assert await refused(client, RIVER, "/raid", {"to": "harbour"}) == "target-not-live"
    assert await refused(client, RIVER, "/raid", {"to": "river"}) == "own-channel"
    await do(client, RIVER, "POST", "/raid", {"to": "nobody"}, status=404)
    await platform.go_live(harbour, "s2", 2)
    assert await refused(client, WANDA, "/raid", {"to": "harbour"}) == "not-allowed"
    raid = await do(client, RIVER, "POST", "/raid", {"to": "Harbour"})
    assert (raid["to_id"], raid["to_login"], raid["viewers"]) == (harbour, "harbour", 2)
    assert (await running(client))["raid"] == raid
    assert await refused(client, RIVER, "/raid/launch") == "too-early"
    status, _ = await asked(client, "DELETE", f"{CHANNEL}/raid", as_user(RIVER, *SCOPES))
    assert status == 204
    assert (await running(client))["raid"] is None
    again = await do(client, RIVER, "POST", "/raid", {"to": "harbour"})
    platform.clock.advance(10)
    launched = await do(client, RIVER, "POST", "/raid/launch")
    assert (launched["raid_id"], launched["viewers"]) == (again["raid_id"], 2)
    assert (await running(client))["raid"] is None

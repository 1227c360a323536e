"""PyPI's twitchAPI, unmodified, runs polls and predictions and raids."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from twitchAPI.twitch import Twitch
from twitchAPI.type import (
    AuthScope,
    PollStatus,
    PredictionStatus,
    TwitchAPIException,
    TwitchResourceNotFound,
    UnauthorizedException,
)

from tests.functional.chatting import RIVER, UMA, Client, as_user, asked, settle
from tests.functional.platform import Platform

SCOPES = [
    AuthScope.CHANNEL_MANAGE_POLLS,
    AuthScope.CHANNEL_READ_POLLS,
    AuthScope.CHANNEL_MANAGE_PREDICTIONS,
    AuthScope.CHANNEL_READ_PREDICTIONS,
    AuthScope.CHANNEL_MANAGE_RAIDS,
]


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform() as found:
        await settle(found)
        yield found


@pytest_asyncio.fixture
async def client(platform: Platform) -> AsyncIterator[Client]:
    async with TestClient(TestServer(platform.gateway())) as found:
        yield found


async def signed_in(client: Client, user_id: str) -> Twitch:
    url = str(client.make_url("/helix/"))
    found = Twitch("test", authenticate_app=False, base_url=url)
    found.auto_refresh_auth = False
    token = "~".join((f"test/{user_id}", *(scope.value for scope in SCOPES)))
    await found.set_user_authentication(token, SCOPES, validate=False)
    return found


@pytest_asyncio.fixture
async def river(client: Client) -> Twitch:
    return await signed_in(client, RIVER)


async def part(client: Client, path: str, body: dict[str, object]) -> None:
    """What Uma does."""
    headers = as_user(UMA, "user:write:polls", "user:write:predictions")
    status, said = await asked(client, "POST", f"/v1/channels/{RIVER}/{path}", headers, body)
    assert status == 200, said


async def test_polls(platform: Platform, client: Client, river: Twitch) -> None:
    poll = await river.create_poll(RIVER, "Which boat?", ["red", "blue"], 60)
    assert (poll.status, poll.duration, poll.broadcaster_login) == (PollStatus.ACTIVE, 60, "river")
    red = poll.choices[0].id
    await part(client, f"polls/{poll.id}/votes", {"choice_id": red})
    with pytest.raises(TwitchAPIException, match="the channel has a poll"):
        await river.create_poll(RIVER, "Again?", ["yes", "no"], 60)
    ended = await river.end_poll(RIVER, poll.id, PollStatus.TERMINATED)
    assert [(each.title, each.votes) for each in ended.choices] == [("red", 1), ("blue", 0)]
    platform.clock.advance(1)
    other = await river.create_poll(RIVER, "Again?", ["yes", "no"], 15)
    assert [each.id async for each in river.get_polls(RIVER)] == [other.id, poll.id]
    assert [each.id async for each in river.get_polls(RIVER, first=1)] == [other.id, poll.id]
    (found,) = [each async for each in river.get_polls(RIVER, poll_id=poll.id)]
    assert (found.status, found.choices[0].votes) == (PollStatus.TERMINATED, 1)
    with pytest.raises(TwitchResourceNotFound):
        _ = [each async for each in river.get_polls(RIVER, poll_id="nothing")]
    uma = await signed_in(client, UMA)
    with pytest.raises(UnauthorizedException):
        await uma.end_poll(RIVER, other.id, PollStatus.ARCHIVED)


async def test_predictions(client: Client, river: Twitch) -> None:
    made = await river.create_prediction(RIVER, "How long?", ["short", "long"], 30)
    assert (made.status, made.prediction_window) == (PredictionStatus.ACTIVE, 30)
    assert [each.color for each in made.outcomes] == ["BLUE", "PINK"]
    short = made.outcomes[0].id
    await part(client, f"predictions/{made.id}/stakes", {"outcome_id": short, "points": 400})
    locked = await river.end_prediction(RIVER, made.id, PredictionStatus.LOCKED)
    assert locked.locked_at is not None
    assert (locked.status, locked.outcomes[0].channel_points) == (PredictionStatus.LOCKED, 400)
    ended = await river.end_prediction(RIVER, made.id, PredictionStatus.RESOLVED, short)
    assert (ended.status, ended.winning_outcome_id) == (PredictionStatus.RESOLVED, short)
    other = await river.create_prediction(RIVER, "Again?", list("abc"), 30)
    cancelled = await river.end_prediction(RIVER, other.id, PredictionStatus.CANCELED)
    assert cancelled.status == PredictionStatus.CANCELED
    found = [each async for each in river.get_predictions(RIVER, prediction_ids=[made.id])]
    assert [(each.outcomes[0].users, each.outcomes[0].channel_points) for each in found] == [
        (1, 400)
    ]
    with pytest.raises(TwitchAPIException, match="no such prediction"):
        await river.end_prediction(RIVER, made.id, PredictionStatus.CANCELED)


async def test_raids(platform: Platform, client: Client, river: Twitch) -> None:
    harbour = await platform.sign_up("harbour")
    await platform.go_live(RIVER, "s1", 1)
    with pytest.raises(TwitchAPIException, match="not on air"):
        await river.start_raid(RIVER, harbour)
    await platform.go_live(harbour, "s2", 1)
    raid = await river.start_raid(RIVER, harbour)
    assert not raid.is_mature
    headers = as_user(RIVER, "channel:manage:raids")
    query = {"from_broadcaster_id": RIVER, "to_broadcaster_id": harbour}
    status, said = await asked(client, "POST", "/helix/raids", headers, **query)
    assert (status, said["error"]) == (409, "Conflict")  # which the client has no word for
    await river.cancel_raid(RIVER)
    with pytest.raises(TwitchResourceNotFound, match="no raid"):
        await river.cancel_raid(RIVER)

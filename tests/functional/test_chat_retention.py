"""Chats that are kept for a number of days: what is over is nowhere to be read; the audit stays."""

from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from sinks.retention import Lifetimes
from tests.functional.chatting import RIVER, UMA, WANDA, Client, as_user, asked, say, settle
from tests.functional.platform import Platform

DAY = 86_400
PATH = f"/v1/channels/{RIVER}/chat"
SCOPES = ("read:chat_messages", "manage:chat_messages", "manage:banned_users")
MODERATOR = as_user(WANDA, "channel:moderate", *(f"moderator:{scope}" for scope in SCOPES))
BOTH = {"broadcaster_id": RIVER, "moderator_id": WANDA}


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform(Lifetimes({"chat-history": 7 * DAY})) as found:
        await settle(found)
        yield found


@pytest_asyncio.fixture
async def client(platform: Platform) -> AsyncIterator[Client]:
    async with TestClient(TestServer(platform.gateway())) as found:
        yield found


async def texts(client: Client, **query: str) -> list[str]:
    """All pages of the history."""
    found: list[str] = []
    cursor = None
    while True:
        more = {"cursor": cursor} if cursor else {}
        status, said = await asked(client, "GET", PATH, MODERATOR, limit="2", **more, **query)
        assert status == 200, said
        found += [each["text"] for each in said["data"]]
        cursor = said["cursor"]
        if cursor is None:
            return found


async def test_what_was_said_goes_message_by_message(platform: Platform, client: Client) -> None:
    for n in range(5):
        await say(client, f"message {n}")
        platform.clock.advance(DAY)
    assert await texts(client) == [f"message {n}" for n in reversed(range(5))]
    platform.clock.advance(2 * DAY)
    assert await texts(client) == [f"message {n}" for n in reversed(range(1, 5))]
    platform.clock.advance(3 * DAY)
    assert await texts(client) == ["message 4"]
    platform.clock.advance(DAY)
    assert await texts(client) == []


async def test_a_deletion_of_the_last_day_neither_outlives_its_message_nor_lets_it_return(
    platform: Platform, client: Client
) -> None:
    gone = (await say(client, "rude"))["message_id"]
    platform.clock.advance(7 * DAY - 60)
    status, _ = await asked(
        client, "DELETE", "/helix/moderation/chat", MODERATOR, message_id=gone, **BOTH
    )
    assert status == 204
    assert (await texts(client), await texts(client, deleted="true")) == ([], ["rude"])
    platform.clock.advance(61)
    assert await texts(client, deleted="true") == []
    status, _ = await asked(
        client, "DELETE", "/helix/moderation/chat", MODERATOR, message_id=gone, **BOTH
    )
    assert status == 404


async def test_the_card_of_a_user_fades_and_the_log_of_moderators_stays(
    platform: Platform, client: Client
) -> None:
    await say(client, "rude")
    platform.clock.advance(60)
    body = {"data": {"user_id": UMA, "duration": 600, "reason": "spam"}}
    status, _ = await asked(client, "POST", "/helix/moderation/bans", MODERATOR, body, **BOTH)
    assert status == 200
    card = f"{PATH}/users/{UMA}/history"
    _, said = await asked(client, "GET", card, MODERATOR)
    assert {each["kind"] for each in said["data"]} == {"timeout", "message"}
    platform.clock.advance(8 * DAY)
    _, said = await asked(client, "GET", card, MODERATOR)
    assert (said["data"], said["cursor"]) == ([], None)
    _, said = await asked(client, "GET", f"{PATH}/log", MODERATOR)
    assert [each["action"] for each in said["data"]] == ["timeout", "add_moderator"]

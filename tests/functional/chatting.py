"""A channel, a moderator and somebody who talks, for tests of chats."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from aiohttp.test_utils import TestClient

from infra.names import id_of
from schemas.records.identity import AddModerator
from tests.functional.gateway_fakes import bearer
from tests.functional.platform import Platform

Client = TestClient[web.Request, web.Application]

RIVER: Final = id_of("river")
"""The broadcaster."""
WANDA: Final = id_of("wanda")
"""Who moderates the channel."""
UMA: Final = id_of("uma_")
"""Who talks there."""


async def settle(platform: Platform) -> None:
    """Let them sign up."""
    for login in ("river", "wanda", "uma_"):
        await platform.sign_up(login)
    await platform.post("identity-commands", RIVER, AddModerator(channel_id=RIVER, user_id=WANDA))


def as_user(user_id: str, *scopes: str) -> dict[str, str]:
    """Headers of a user with these scopes."""
    return bearer(*scopes, client=f"test/{user_id}")


async def asked(
    client: Client,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: Any = None,
    **query: str,
) -> tuple[int, Any]:
    """Status, and what was said."""
    response = await client.request(method, path, params=query, json=body, headers=headers)
    text = await response.text()
    return response.status, await response.json() if text else None


async def say(client: Client, text: str, user_id: str = UMA, **more: str) -> dict[str, Any]:
    """Say something in the channel; what came of it."""
    body = {"broadcaster_id": RIVER, "sender_id": user_id, "message": text, **more}
    headers = as_user(user_id, "user:write:chat")
    status, said = await asked(client, "POST", "/helix/chat/messages", headers, body)
    assert status == 200, said
    found: dict[str, Any] = said["data"][0]
    return found


async def be_strict(client: Client) -> None:
    """Let AutoMod hold messages."""
    headers = as_user(WANDA, "moderator:manage:automod_settings")
    query = {"broadcaster_id": RIVER, "moderator_id": WANDA}
    path, body = "/helix/moderation/automod/settings", {"overall_level": 1}
    status, said = await asked(client, "PUT", path, headers, body, **query)
    assert status == 200, said

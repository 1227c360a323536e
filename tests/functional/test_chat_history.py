"""What was said in a chat, as it is read later: by everybody, and by who moderates."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from api.helix import moderation
from api.v1.chat_rows import Said, said_of
from schemas.records.accounts import EraseUser
from tests.functional.chatting import (
    RIVER,
    UMA,
    WANDA,
    Client,
    as_user,
    asked,
    be_strict,
    say,
    settle,
)
from tests.functional.platform import Platform

PATH = f"/v1/channels/{RIVER}/chat"
READ = as_user(
    WANDA, "moderator:read:chat_messages", "moderator:manage:automod", "channel:moderate"
)
BOTH = {"broadcaster_id": RIVER, "moderator_id": WANDA}


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform() as found:
        await settle(found)
        yield found


@pytest_asyncio.fixture
async def client(platform: Platform) -> AsyncIterator[Client]:
    async with TestClient(TestServer(platform.gateway())) as found:
        yield found


async def history(client: Client, **query: str) -> list[str]:
    status, said = await asked(client, "GET", PATH, {}, **query)
    assert status == 200, said
    return [each["text"] for each in said["data"]]


async def moderate(client: Client, method: str, path: str, body: Any = None, **query: str) -> None:
    scopes = ("banned_users", "chat_messages", "automod", "warnings")
    headers = as_user(WANDA, *(f"moderator:manage:{scope}" for scope in scopes))
    status, said = await asked(client, method, f"/helix/moderation/{path}", headers, body, **query)
    assert status in (200, 204), said


async def talk(platform: Platform, client: Client, count: int, every: float) -> list[str]:
    """Messages in the order in which they are said; their ids."""
    ids = []
    for n in range(count):
        ids.append((await say(client, f"message {n}"))["message_id"])
        platform.clock.advance(every)
    return ids


async def test_pages_go_back_over_hours_without_gap_or_repeat(
    platform: Platform, client: Client
) -> None:
    await talk(platform, client, 7, 1500)
    found, cursor = [], None
    while True:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        _, said = await asked(client, "GET", PATH, {}, **query)
        found += [each["text"] for each in said["data"]]
        cursor = said["cursor"]
        if cursor is None:
            break
    assert found == [f"message {n}" for n in reversed(range(7))]


async def test_a_span_of_time_has_its_beginning_and_not_its_end(
    platform: Platform, client: Client
) -> None:
    await talk(platform, client, 5, 60)  # from 22:13:20 on
    span = {"from": "2023-11-14T22:14:20Z", "to": "2023-11-14T22:16:20Z"}
    assert await history(client, **span) == ["message 2", "message 1"]
    assert await history(client, **span, limit="1") == ["message 2"]
    assert await history(client, to="2023-11-14T22:13:20Z") == []
    status, said = await asked(client, "GET", PATH, {}, to="2023-02-30T00:00:00Z")
    assert (status, "to:" in said["detail"]) == (400, True)


async def test_what_was_taken_out_is_seen_by_moderators_alone(
    platform: Platform, client: Client
) -> None:
    first, second, _ = await talk(platform, client, 3, 60)
    await moderate(client, "DELETE", "chat", message_id=second, **BOTH)
    assert await history(client) == ["message 2", "message 0"]
    _, said = await asked(client, "GET", PATH, READ, deleted="true")
    shown = {each["message_id"]: each for each in said["data"]}
    assert len(shown) == 3
    assert (shown[second]["deleted_by"], shown[first]["deleted_at"]) == ("wanda", None)
    for headers, status in (
        ({}, 401),
        (as_user(WANDA), 403),
        (as_user(UMA, "moderator:read:chat_messages"), 403),
    ):
        assert (await asked(client, "GET", PATH, headers, deleted="true"))[0] == status


async def test_a_message_is_taken_out_in_the_moment_in_which_it_is_said(
    platform: Platform, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    (message_id,) = await talk(platform, client, 1, 0)
    looks = iter([False, False])

    async def not_yet(*where: Any) -> Said | None:
        return await said_of(*where) if next(looks, True) else None

    monkeypatch.setattr(moderation, "BETWEEN_SECONDS", 0.01)
    monkeypatch.setattr(moderation, "said_of", not_yet)
    await moderate(client, "DELETE", "chat", message_id=message_id, **BOTH)
    assert await history(client) == []


@pytest.mark.parametrize("everybody", [True, False])
async def test_a_ban_or_a_clearing_hides_what_was_said_before(
    platform: Platform, client: Client, everybody: bool
) -> None:
    await say(client, "by the broadcaster", RIVER)
    await talk(platform, client, 2, 60)
    if everybody:
        await moderate(client, "DELETE", "chat", **BOTH)
    else:
        await moderate(client, "POST", "bans", {"data": {"user_id": UMA, "duration": 1}}, **BOTH)
    platform.clock.advance(60)
    await say(client, "later")
    left = ["later"] if everybody else ["later", "by the broadcaster"]
    assert await history(client) == left
    _, said = await asked(client, "GET", PATH, READ, deleted="true")
    assert len(said["data"]) == 4


async def test_pages_go_on_over_what_is_hidden(platform: Platform, client: Client) -> None:
    await say(client, "by the broadcaster", RIVER)
    await talk(platform, client, 4, 60)
    await moderate(client, "POST", "bans", {"data": {"user_id": UMA}}, **BOTH)
    assert await history(client, limit="1") == ["by the broadcaster"]


async def test_an_answer_and_its_thread_are_in_the_history(
    platform: Platform, client: Client
) -> None:
    first = (await say(client, "hello"))["message_id"]
    platform.clock.advance(5)
    await say(client, "hi", WANDA, reply_parent_message_id=first)
    _, said = await asked(client, "GET", PATH, {})
    reply = said["data"][0]["reply"]
    assert (reply["message_id"], reply["login"], reply["thread_id"]) == (first, "uma_", first)


async def test_an_erased_user_has_no_name_in_the_history_any_more(
    platform: Platform, client: Client
) -> None:
    first = (await say(client, "hello"))["message_id"]
    platform.clock.advance(5)
    await say(client, "hi", WANDA, reply_parent_message_id=first)

    async def names() -> list[tuple[str, str, str]]:
        _, said = await asked(client, "GET", PATH, {})
        return [(each["text"], each["login"], each["display_name"]) for each in said["data"]]

    assert await names() == [("hi", "wanda", "Wanda"), ("hello", "uma_", "Uma_")]
    await platform.post("account-commands", UMA, EraseUser(user_id=UMA))
    assert await names() == [("hi", "wanda", "Wanda"), ("hello", "", "")]
    _, said = await asked(client, "GET", PATH, {})
    reply = said["data"][0]["reply"]
    assert (reply["login"], reply["display_name"], reply["text"]) == ("", "", "hello")


async def test_a_user_card_says_what_a_moderator_needs(platform: Platform, client: Client) -> None:
    _, second = await talk(platform, client, 2, 60)
    await moderate(client, "DELETE", "chat", message_id=second, **BOTH)
    await moderate(client, "POST", "warnings", {"data": {"user_id": UMA, "reason": "x"}}, **BOTH)
    body = {"data": {"user_id": UMA, "duration": 600, "reason": "spam"}}
    platform.clock.advance(60)
    await moderate(client, "POST", "bans", body, **BOTH)
    _, said = await asked(client, "GET", f"{PATH}/users/{UMA}", READ)
    card = said["data"]
    assert (card["login"], card["roles"], card["warning"]) == ("uma_", [], "x")
    assert (card["ban"]["reason"], card["ban"]["by_login"]) == ("spam", "wanda")
    _, said = await asked(client, "GET", f"{PATH}/users/{UMA}/history", READ)
    kinds = [each["kind"] for each in said["data"]]
    assert kinds == ["timeout", "warning", "message", "message"]
    assert [each["deleted_by"] for each in said["data"]] == ["", "", "wanda", ""]
    assert said["data"][-1]["deleted_at"] == said["data"][0]["at"]
    assert (await asked(client, "GET", f"{PATH}/users/nobody", READ))[0] == 404
    uma = as_user(UMA, "moderator:read:chat_messages")
    assert (await asked(client, "GET", f"{PATH}/users/{UMA}", uma))[0] == 403


async def test_held_messages_wait_and_the_log_says_what_became_of_them(
    platform: Platform, client: Client
) -> None:
    await be_strict(client)
    platform.clock.advance(60)
    held = (await say(client, "hold this one"))["message_id"]
    _, said = await asked(client, "GET", f"{PATH}/held", READ)
    assert [(each["message_id"], each["category"]) for each in said["data"]] == [(held, "toxicity")]
    platform.clock.advance(60)
    body = {"user_id": WANDA, "msg_id": held, "action": "DENY"}
    await moderate(client, "POST", "automod/message", body)
    _, said = await asked(client, "GET", f"{PATH}/held", READ)
    assert said["data"] == []
    _, said = await asked(client, "GET", f"{PATH}/log", READ)
    deny, hold, *before = said["data"]
    assert (deny["action"], deny["by_login"], deny["message_id"]) == ("deny", "wanda", held)
    assert (hold["action"], hold["by_login"], hold["details"]["category"]) == (
        "hold",
        "",
        "toxicity",
    )
    assert {each["action"] for each in before} == {"change_automod", "add_moderator"}
    for path in ("held", "log"):
        uma = as_user(UMA, "moderator:manage:automod", "channel:moderate")
        assert (await asked(client, "GET", f"{PATH}/{path}", uma))[0] == 403

"""Chats in the dialect: what is said, what moderators do about it, how chats are set."""

from collections.abc import AsyncIterator
from xml.etree import ElementTree

import msgspec
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from api.chat.presence import Present
from api.chatters import CHATTERS
from schemas.records.accounts import GrantRole
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

BOTH = {"broadcaster_id": RIVER, "moderator_id": WANDA}


class Here:
    """Uma is there."""

    async def here(self, channel_id: str) -> list[Present]:
        return [Present(UMA, "uma_", 0)] if channel_id == RIVER else []


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


def wanda(*scopes: str) -> dict[str, str]:
    return as_user(WANDA, *(f"moderator:{scope}" for scope in scopes))


async def test_something_is_said_answered_and_turned_down(
    platform: Platform, client: Client
) -> None:
    first = await say(client, "hello")
    assert first["is_sent"]
    assert first["drop_reason"] is None
    platform.clock.advance(5)
    second = await say(client, "hello back", WANDA, reply_parent_message_id=first["message_id"])
    sent = [event for event in platform.said if type(event).__name__ == "SendMessage"][-1]
    assert (sent.reply_user_id, sent.reply_text, sent.roles) == (UMA, "hello", ["moderator"])
    assert second["is_sent"]
    platform.clock.advance(5)
    await say(client, "the same thing")
    platform.clock.advance(5)
    dropped = await say(client, "\u200b\u200b")
    assert not dropped["is_sent"]
    assert dropped["drop_reason"]["code"]


async def test_nobody_speaks_for_others_or_answers_what_is_not_there(client: Client) -> None:
    headers = as_user(UMA, "user:write:chat")
    body = {"broadcaster_id": RIVER, "sender_id": WANDA, "message": "x"}
    assert (await asked(client, "POST", "/helix/chat/messages", headers, body))[0] == 401
    body = {"broadcaster_id": RIVER, "sender_id": UMA, "message": "x"}
    missing = body | {"reply_parent_message_id": "nothing"}
    assert (await asked(client, "POST", "/helix/chat/messages", headers, missing))[0] == 404
    nowhere = body | {"broadcaster_id": "nowhere"}
    assert (await asked(client, "POST", "/helix/chat/messages", headers, nowhere))[0] == 404


async def test_who_is_banned_says_nothing_until_they_are_let_in(
    platform: Platform, client: Client
) -> None:
    await say(client, "rude words")
    manage, path = wanda("manage:banned_users"), "/helix/moderation/bans"
    body = {"data": {"user_id": UMA, "duration": 60, "reason": "rude"}}
    status, said = await asked(client, "POST", path, manage, body, **BOTH)
    assert (status, said["data"][0]["end_time"]) == (200, "2023-11-14T22:14:20.000Z")
    platform.clock.advance(5)
    assert not (await say(client, "again"))["is_sent"]
    read = as_user(RIVER, "moderation:read")
    _, said = await asked(client, "GET", "/helix/moderation/banned", read, broadcaster_id=RIVER)
    (banned,) = said["data"]
    assert (banned["user_login"], banned["reason"], banned["moderator_login"]) == (
        "uma_",
        "rude",
        "wanda",
    )
    status, _ = await asked(client, "DELETE", path, manage, user_id=UMA, **BOTH)
    assert status == 204
    platform.clock.advance(5)
    assert (await say(client, "sorry"))["is_sent"]
    status, said = await asked(client, "DELETE", path, manage, user_id=UMA, **BOTH)
    assert (status, said["message"]) == (400, "the user is not banned")


async def test_a_timeout_that_is_over_is_not_listed(platform: Platform, client: Client) -> None:
    body = {"data": {"user_id": UMA, "duration": 60}}
    manage = wanda("manage:banned_users")
    await asked(client, "POST", "/helix/moderation/bans", manage, body, **BOTH)
    platform.clock.advance(61)
    read, path = as_user(RIVER, "moderation:read"), "/helix/moderation/banned"
    for query in ({}, {"user_id": UMA}):
        _, said = await asked(client, "GET", path, read, broadcaster_id=RIVER, **query)
        assert said["data"] == []


@pytest.mark.parametrize(
    ("method", "path", "scope", "body"),
    [
        ("POST", "/helix/moderation/bans", "manage:banned_users", {"data": {"user_id": UMA}}),
        ("DELETE", "/helix/moderation/chat", "manage:chat_messages", None),
        ("PATCH", "/helix/chat/settings", "manage:chat_settings", {"emote_mode": True}),
        ("POST", "/helix/chat/announcements", "manage:announcements", {"message": "x"}),
        ("PUT", "/helix/moderation/shield_mode", "manage:shield_mode", {"is_active": True}),
        ("GET", "/helix/chat/chatters", "read:chatters", None),
    ],
)
async def test_who_does_not_moderate_may_do_nothing(
    client: Client, method: str, path: str, scope: str, body: object
) -> None:
    query = {"broadcaster_id": RIVER, "moderator_id": UMA}
    status, said = await asked(
        client, method, path, as_user(UMA, f"moderator:{scope}"), body, **query
    )
    assert (status, said["message"]) == (401, "This is for who moderates the channel")
    status, _ = await asked(client, method, path, wanda(scope), body, **query)
    assert status == 401  # of somebody else


async def test_staff_moderate_everywhere(platform: Platform, client: Client) -> None:
    await platform.post("account-commands", UMA, GrantRole(user_id=UMA, role="operator"))
    headers = as_user(UMA, "moderator:manage:chat_messages", "role.operator")
    query = {"broadcaster_id": RIVER, "moderator_id": UMA}
    assert (await asked(client, "DELETE", "/helix/moderation/chat", headers, **query))[0] == 204


async def test_modes_are_set_and_shown(client: Client) -> None:
    path = "/helix/chat/settings"
    status, said = await asked(client, "GET", path, as_user(UMA), broadcaster_id=RIVER)
    assert status == 200
    assert said["data"][0] == {
        "broadcaster_id": RIVER,
        "slow_mode": False,
        "slow_mode_wait_time": None,
        "follower_mode": False,
        "follower_mode_duration": None,
        "subscriber_mode": False,
        "emote_mode": False,
        "unique_chat_mode": False,
    }
    changes = {"slow_mode": True, "follower_mode": True, "follower_mode_duration": 10}
    _, said = await asked(client, "PATCH", path, wanda("manage:chat_settings"), changes, **BOTH)
    changed = said["data"][0]
    assert (changed["slow_mode_wait_time"], changed["follower_mode_duration"]) == (30, 10)
    assert (changed["moderator_id"], changed["non_moderator_chat_delay"]) == (WANDA, False)
    _, said = await asked(client, "GET", path, as_user(WANDA), **BOTH)
    assert said["data"][0] == changed
    assert not (await say(client, "I do not follow"))["is_sent"]
    wrong = {"slow_mode": False, "slow_mode_wait_time": 10}
    for body in (wrong, {}):
        status, _ = await asked(client, "PATCH", path, wanda("manage:chat_settings"), body, **BOTH)
        assert status == 400


async def test_terms_are_blocked_and_unblocked(platform: Platform, client: Client) -> None:
    path, manage = "/helix/moderation/blocked_terms", wanda("manage:blocked_terms")
    _, said = await asked(client, "POST", path, manage, {"text": "goat*"}, **BOTH)
    term = said["data"][0]
    assert (term["text"], term["moderator_id"]) == ("goat*", WANDA)
    assert not (await say(client, "you goats"))["is_sent"]
    _, said = await asked(client, "GET", path, wanda("read:blocked_terms"), **BOTH)
    assert [each["id"] for each in said["data"]] == [term["id"]]
    assert (await asked(client, "DELETE", path, manage, id=term["id"], **BOTH))[0] == 204
    platform.clock.advance(60)
    assert (await say(client, "we like goats"))["is_sent"]


async def test_a_held_message_is_let_through_or_not(platform: Platform, client: Client) -> None:
    await be_strict(client)
    held = await say(client, "hold this one")
    assert (held["is_sent"], held["drop_reason"]["code"]) == (False, "msg_held")
    path, manage = "/helix/moderation/automod/message", wanda("manage:automod")
    body = {"user_id": WANDA, "msg_id": held["message_id"], "action": "ALLOW"}
    uma = as_user(UMA, "moderator:manage:automod")
    assert (await asked(client, "POST", path, uma, body | {"user_id": UMA}))[0] == 401
    assert (await asked(client, "POST", path, manage, body))[0] == 204
    status, said = await asked(client, "POST", path, manage, body)
    assert status == 400
    assert "reviewed" in said["message"]
    _, said = await asked(client, "GET", f"/v1/channels/{RIVER}/chat", {})
    assert [each["text"] for each in said["data"]] == ["hold this one"]
    nothing = body | {"msg_id": "nothing"}
    assert (await asked(client, "POST", path, manage, nothing))[0] == 404


async def test_automod_is_as_strict_as_the_strictest_of_its_categories(client: Client) -> None:
    path, manage = "/helix/moderation/automod/settings", wanda("manage:automod_settings")
    _, said = await asked(client, "PUT", path, manage, {"overall_level": 3}, **BOTH)
    assert {said["data"][0][name] for name in ("overall_level", "bullying", "misogyny")} == {3}
    body = {"bullying": 1, "swearing": 2, "misogyny": 4}
    _, said = await asked(client, "PUT", path, manage, body, **BOTH)
    found = said["data"][0]
    assert (found["bullying"], found["disability"], found["aggression"]) == (2, 4, 0)
    assert found["overall_level"] is None
    _, said = await asked(client, "GET", path, wanda("read:automod_settings"), **BOTH)
    assert said["data"][0] == found
    for wrong in ({}, {"overall_level": 1, "bullying": 1}, {"overall_level": 5}):
        assert (await asked(client, "PUT", path, manage, wrong, **BOTH))[0] in (400, 422)


async def test_the_shield_is_switched(client: Client) -> None:
    path, manage = "/helix/moderation/shield_mode", wanda("manage:shield_mode")
    _, said = await asked(client, "PUT", path, manage, {"is_active": True}, **BOTH)
    on = said["data"][0]
    assert (on["is_active"], on["moderator_name"]) == (True, "Wanda")
    _, said = await asked(client, "GET", path, wanda("read:shield_mode"), **BOTH)
    assert said["data"][0] == on
    await asked(client, "PUT", path, manage, {"is_active": False}, **BOTH)
    _, said = await asked(client, "GET", path, wanda("read:shield_mode"), **BOTH)
    off = said["data"][0]
    assert (off["is_active"], off["last_activated_at"]) == (False, on["last_activated_at"])


async def test_a_user_is_warned(client: Client) -> None:
    path, manage = "/helix/moderation/warnings", wanda("manage:warnings")
    body = {"data": [{"user_id": UMA, "reason": "caps"}]}
    status, said = await asked(client, "POST", path, manage, body, **BOTH)
    assert (status, said["data"][0]["reason"]) == (200, "caps")
    assert not (await say(client, "what?"))["is_sent"]
    body = {"data": {"user_id": "nobody", "reason": "caps"}}
    assert (await asked(client, "POST", path, manage, body, **BOTH))[0] == 404


async def test_an_announcement_is_said_in_its_colour(platform: Platform, client: Client) -> None:
    path, manage = "/helix/chat/announcements", wanda("manage:announcements")
    body = {"message": "/me soon", "color": "purple"}
    assert (await asked(client, "POST", path, manage, body, **BOTH))[0] == 204
    _, said = await asked(client, "GET", f"/v1/channels/{RIVER}/chat", {})
    (message,) = said["data"]
    assert (message["kind"], message["announcement_colour"], message["text"]) == (
        "announcement",
        "purple",
        "/me soon",
    )


async def test_who_is_there_is_told_to_moderators(client: Client) -> None:
    path = "/helix/chat/chatters"
    _, said = await asked(client, "GET", path, wanda("read:chatters"), **BOTH)
    chatter = {"user_id": UMA, "user_login": "uma_", "user_name": "Uma_"}
    assert said == {"total": 1, "data": [chatter], "pagination": {}}


async def test_a_name_has_a_colour(client: Client) -> None:
    path = "/helix/chat/color"
    _, said = await asked(client, "GET", path, as_user(WANDA), user_id=UMA)
    assert said["data"][0]["color"] == ""
    mine = as_user(UMA, "user:manage:chat_color")
    for colour, shown in (("hot_pink", "#FF69B4"), ("#0a0b0c", "#0A0B0C")):
        assert (await asked(client, "PUT", path, mine, user_id=UMA, color=colour))[0] == 204
        _, said = await asked(client, "GET", path, as_user(WANDA), user_id=UMA)
        assert said["data"][0]["color"] == shown
    assert (await asked(client, "PUT", path, mine, user_id=UMA, color="sand"))[0] == 400
    assert (await asked(client, "PUT", path, mine, user_id=WANDA, color="red"))[0] == 401


async def test_moderators_and_vips_come_and_go(platform: Platform, client: Client) -> None:
    vips = as_user(RIVER, "channel:manage:vips")
    mods = as_user(RIVER, "channel:manage:moderators")
    query = {"broadcaster_id": RIVER, "user_id": UMA}
    assert (await asked(client, "POST", "/helix/channels/vips", vips, **query))[0] == 204
    _, said = await asked(client, "GET", "/helix/channels/vips", vips, broadcaster_id=RIVER)
    assert [each["user_login"] for each in said["data"]] == ["uma_"]
    path = "/helix/moderation/moderators"
    assert (await asked(client, "POST", path, mods, **query))[0] == 204
    _, said = await asked(client, "GET", "/helix/channels/vips", vips, broadcaster_id=RIVER)
    assert said["data"] == []
    _, said = await asked(client, "GET", path, mods, broadcaster_id=RIVER)
    assert {each["user_id"] for each in said["data"]} == {UMA, WANDA}
    _, said = await asked(client, "GET", path, mods, **query)
    assert [each["user_id"] for each in said["data"]] == [UMA]
    mine = as_user(UMA, "user:read:moderated_channels")
    _, said = await asked(client, "GET", "/helix/moderation/channels", mine, user_id=UMA)
    assert [each["broadcaster_login"] for each in said["data"]] == ["river"]
    assert (await asked(client, "DELETE", path, mods, **query))[0] == 204
    assert (await asked(client, "DELETE", path, mods, **query))[0] == 400
    status, _ = await asked(
        client, "POST", path, as_user(UMA, "channel:manage:moderators"), **query
    )
    assert status == 401
    assert msgspec.json.encode([each.FULL_NAME for each in platform.said])


async def test_emotes_and_badges_have_pictures(client: Client) -> None:
    _, said = await asked(client, "GET", "/helix/chat/emotes/global", as_user(UMA))
    urls = [url for each in said["data"] for url in each["images"].values()]
    assert len(urls) >= 30
    _, badges = await asked(client, "GET", "/helix/chat/badges/global", as_user(UMA))
    versions = [each for badge in badges["data"] for each in badge["versions"]]
    urls += [each[name] for each in versions for name in each if name.startswith("image_url")]
    filled = {"id": "1", "format": "static", "theme_mode": "dark", "scale": "2.0"}
    template = said["template"]
    for name, value in filled.items():
        template = template.replace(f"{{{{{name}}}}}", value)
    for url in [*urls, template]:
        response = await client.get(URL(url).path)
        assert (response.status, response.content_type) == (200, "image/svg+xml"), url
        ElementTree.fromstring(await response.text())
    for path in ("/emotes/1/static/light/9.0", "/emotes/99/static/light/1.0", "/badges/king/1/1"):
        assert (await client.get(path)).status == 404
    for path in ("emotes", "badges"):
        _, said = await asked(
            client, "GET", f"/helix/chat/{path}", as_user(UMA), broadcaster_id=RIVER
        )
        assert said["data"] == []


async def test_a_warning_is_confirmed(platform: Platform, client: Client) -> None:
    headers, path = as_user(UMA, "user:write:chat"), f"/v1/channels/{RIVER}/chat/warnings/confirm"
    status, said = await asked(client, "POST", path, headers)
    assert status == 422
    assert "not-warned" in str(said)
    body = {"data": {"user_id": UMA, "reason": "caps"}}
    manage = wanda("manage:warnings")
    await asked(client, "POST", "/helix/moderation/warnings", manage, body, **BOTH)
    assert (await asked(client, "POST", path, headers))[0] == 204
    platform.clock.advance(5)
    assert (await say(client, "I see"))["is_sent"]

"""PyPI's twitchAPI, unmodified, talks and moderates."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from twitchAPI.twitch import Twitch
from twitchAPI.type import (
    AuthScope,
    AutoModAction,
    TwitchAPIException,
    TwitchResourceNotFound,
    UnauthorizedException,
)

from api.chat.presence import Present
from api.chatters import CHATTERS
from tests.functional.chatting import RIVER, UMA, settle
from tests.functional.platform import Platform

SCOPES = [
    AuthScope.CHANNEL_MANAGE_MODERATORS,
    AuthScope.CHANNEL_MANAGE_VIPS,
    AuthScope.CHANNEL_READ_VIPS,
    AuthScope.MODERATION_READ,
    AuthScope.MODERATOR_MANAGE_ANNOUNCEMENTS,
    AuthScope.MODERATOR_MANAGE_AUTOMOD,
    AuthScope.MODERATOR_MANAGE_AUTOMOD_SETTINGS,
    AuthScope.MODERATOR_MANAGE_BANNED_USERS,
    AuthScope.MODERATOR_MANAGE_BLOCKED_TERMS,
    AuthScope.MODERATOR_MANAGE_CHAT_MESSAGES,
    AuthScope.MODERATOR_MANAGE_CHAT_SETTINGS,
    AuthScope.MODERATOR_MANAGE_SHIELD_MODE,
    AuthScope.MODERATOR_MANAGE_WARNINGS,
    AuthScope.MODERATOR_READ_AUTOMOD_SETTINGS,
    AuthScope.MODERATOR_READ_BLOCKED_TERMS,
    AuthScope.MODERATOR_READ_CHATTERS,
    AuthScope.USER_MANAGE_CHAT_COLOR,
    AuthScope.USER_WRITE_CHAT,
]


class Here:
    """Uma is in every chat."""

    async def here(self, channel_id: str) -> list[Present]:
        return [Present(UMA, "uma_", 0)]


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform() as found:
        await settle(found)
        yield found


@pytest_asyncio.fixture
async def server(platform: Platform) -> AsyncIterator[TestServer]:
    app = platform.gateway()
    app[CHATTERS] = Here()
    async with TestServer(app) as found:
        yield found


async def signed_in(server: TestServer, user_id: str) -> Twitch:
    client = Twitch("test", authenticate_app=False, base_url=str(server.make_url("/helix/")))
    client.auto_refresh_auth = False
    token = "~".join((f"test/{user_id}", *(scope.value for scope in SCOPES)))
    await client.set_user_authentication(token, SCOPES, validate=False)
    return client


@pytest_asyncio.fixture
async def river(server: TestServer) -> Twitch:
    return await signed_in(server, RIVER)


@pytest_asyncio.fixture
async def uma(server: TestServer) -> Twitch:
    return await signed_in(server, UMA)


async def test_messages_are_sent_and_taken_out(
    platform: Platform, river: Twitch, uma: Twitch
) -> None:
    said = await uma.send_chat_message(RIVER, UMA, "hello MillSmile")
    assert said.is_sent
    platform.clock.advance(5)
    answer = await river.send_chat_message(
        RIVER, RIVER, "hi", reply_parent_message_id=said.message_id
    )
    assert answer.is_sent
    await river.delete_chat_message(RIVER, RIVER, said.message_id)
    with pytest.raises(TwitchResourceNotFound):
        await river.delete_chat_message(RIVER, RIVER, "nothing")
    with pytest.raises(UnauthorizedException):
        await uma.delete_chat_message(RIVER, UMA, answer.message_id)
    await river.send_chat_announcement(RIVER, RIVER, "Soon!", "purple")


async def test_users_are_banned_warned_and_let_in(river: Twitch, uma: Twitch) -> None:
    ban = await river.ban_user(RIVER, RIVER, UMA, "rude", 600)
    assert (ban.end_time - ban.created_at).total_seconds() == 600
    assert not (await uma.send_chat_message(RIVER, UMA, "hello")).is_sent
    (banned,) = [each async for each in river.get_banned_users(RIVER)]
    assert (banned.user_login, banned.reason) == ("uma_", "rude")
    assert banned.expires_at == ban.end_time
    assert await river.unban_user(RIVER, RIVER, UMA)
    warned = await river.warn_chat_user(RIVER, RIVER, UMA, "caps")
    assert warned.reason == "caps"
    assert not (await uma.send_chat_message(RIVER, UMA, "hello")).is_sent


async def test_a_chat_is_set(river: Twitch, uma: Twitch) -> None:
    changed = await river.update_chat_settings(
        RIVER, RIVER, slow_mode=True, slow_mode_wait_time=10, emote_mode=True
    )
    assert (changed.slow_mode_wait_time, changed.emote_mode) == (10, True)
    shown = await uma.get_chat_settings(RIVER)
    assert (shown.slow_mode, shown.follower_mode, shown.follower_mode_duration) == (
        True,
        False,
        None,
    )
    shield = await river.update_shield_mode_status(RIVER, RIVER, True)
    assert shield.is_active
    assert (await river.get_shield_mode_status(RIVER, RIVER)).moderator_login == "river"


async def test_terms_and_automod(platform: Platform, river: Twitch, uma: Twitch) -> None:
    term = await river.add_blocked_term(RIVER, RIVER, "goat*")
    assert [each.id async for each in river.get_blocked_terms(RIVER, RIVER)] == [term.id]
    assert await river.remove_blocked_term(RIVER, RIVER, term.id)
    levels = await river.update_automod_settings(RIVER, RIVER, overall_level=2)
    assert levels.overall_level == 2
    assert (await river.get_automod_settings(RIVER, RIVER)).misogyny == 2
    held = await uma.send_chat_message(RIVER, UMA, "hold this")
    assert not held.is_sent
    await river.manage_held_automod_message(RIVER, held.message_id, AutoModAction.ALLOW)
    with pytest.raises(TwitchAPIException):
        await river.manage_held_automod_message(RIVER, held.message_id, AutoModAction.DENY)


async def test_who_is_what_and_who_is_there(river: Twitch, uma: Twitch) -> None:
    assert await river.add_channel_vip(RIVER, UMA)
    assert [each.user_login async for each in river.get_vips(RIVER)] == ["uma_"]
    await river.add_channel_moderator(RIVER, UMA)
    assert [each.user_id async for each in river.get_moderators(RIVER, user_ids=[UMA])] == [UMA]
    chatters = await uma.get_chatters(RIVER, UMA)
    assert (chatters.total, [each.user_login async for each in chatters]) == (1, ["uma_"])
    await river.remove_channel_moderator(RIVER, UMA)
    with pytest.raises(UnauthorizedException):
        await uma.get_chatters(RIVER, UMA)


async def test_colours_emotes_and_badges(uma: Twitch) -> None:
    await uma.update_user_chat_color(UMA, "#0a0b0c")
    (colour,) = await uma.get_user_chat_color(UMA)
    assert colour.color == "#0A0B0C"
    emotes = await uma.get_global_emotes()
    assert "MillSmile" in [emote.name for emote in emotes.data]
    badges = await uma.get_global_chat_badges()
    assert {"moderator", "vip", "subscriber"} <= {badge.set_id for badge in badges}
    assert (await uma.get_channel_emotes(RIVER)).data == []
    assert await uma.get_chat_badges(RIVER) == []

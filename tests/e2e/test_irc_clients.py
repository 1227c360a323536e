"""Bots written for Twitch at home here, unmodified: tmi.js of npm, twitchAPI of PyPI."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from twitchAPI.chat import Chat, ChatMessage
from twitchAPI.oauth import UserAuthenticator
from twitchAPI.twitch import Twitch
from twitchAPI.type import AuthScope, ChatEvent

from api.chat.irc.passwords import password_of
from infra.names import id_of
from tests.e2e.accounts import join, signed_in, token_of, until
from tests.e2e.irc import Tmi, over_tcp, tmi
from tests.e2e.whole import Platform
from tests.functional.oauth_rig import BACK, Browser

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]

CANAL, SKIPPER = id_of("canal"), id_of("skipper")
PAUSE = 1.5
"""Seconds: a viewer says one thing a second."""
SCOPES = [
    AuthScope.CHAT_READ,
    AuthScope.CHAT_EDIT,
    AuthScope.MODERATOR_MANAGE_ANNOUNCEMENTS,
    AuthScope.MODERATOR_MANAGE_BANNED_USERS,
    AuthScope.MODERATOR_MANAGE_CHAT_MESSAGES,
    AuthScope.MODERATOR_MANAGE_CHAT_SETTINGS,
]


class Bot:
    """A bot on twitchAPI: what it has heard, by the kind of event."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.heard: dict[ChatEvent, list[Any]] = {}

    def listen(self, *kinds: ChatEvent) -> None:
        for kind in kinds:
            heard = self.heard.setdefault(kind, [])

            async def hear(event: Any, heard: list[Any] = heard) -> None:
                heard.append(event)

            self.chat.register_event(kind, hear)

    async def hears(self, kind: ChatEvent) -> Any:
        """The next event of a kind."""

        async def waits() -> bool:
            return bool(self.heard[kind])

        await until(waits, True, 15)
        return self.heard[kind].pop(0)


async def bot_of(platform: Platform, twitch: Twitch) -> Bot:
    """A bot in its own channel."""
    url = f"ws://127.0.0.1:{platform.settings['MILLRACE_CHAT_EDGE_PORT']}/"
    bot = Bot(await Chat(twitch, connection_url=url, initial_channel=["canal"]))
    bot.listen(ChatEvent.READY, ChatEvent.JOINED, ChatEvent.MESSAGE, ChatEvent.NOTICE)
    bot.listen(ChatEvent.ROOM_STATE_CHANGE, ChatEvent.CHAT_CLEARED, ChatEvent.MESSAGE_DELETE)
    bot.chat.start()
    return bot


async def test_bots_of_others_at_home_here(
    platform: Platform, sessions: Callable[[], Browser]
) -> None:
    canal, skipper = sessions(), sessions()
    await join(canal, "canal")
    await join(skipper, "skipper")
    client_id, secret = await canal.new_application()
    twitch = await signed_in(platform, client_id, secret)
    given = await canal.allow(client_id=client_id, scope=" ".join(scope.value for scope in SCOPES))
    authenticator = UserAuthenticator(twitch, SCOPES, url=BACK, auth_base_url=twitch.auth_base_url)
    token, refresh = await authenticator.authenticate(user_token=given["code"])
    await twitch.set_user_authentication(token, SCOPES, refresh)
    password = password_of(await token_of(skipper, twitch, "chat:read chat:edit"))

    await comes_in(platform, password)
    bot = await bot_of(platform, twitch)
    try:
        assert (await bot.hears(ChatEvent.JOINED)).room_name == "canal"
        assert (await bot.hears(ChatEvent.ROOM_STATE_CHANGE)).new.room_id == CANAL
        async with (
            tmi(platform, "canal", username="skipper", password=password) as client,
            tmi(platform, "canal") as guest,
        ):
            for each in (client, guest):
                each.do("connect")
                await each.tells("roomstate")
            await talk(bot, client, guest)
            await are_moderated(twitch, bot, client)
            await are_set(twitch, client)
            await come_again(platform, client, guest)
    finally:
        bot.chat.stop()


async def comes_in(platform: Platform, password: str) -> None:
    """Over TCP, with nothing but lines, as soon as all views of a new platform are there."""

    async def room() -> bool:
        words = ["CAP REQ :twitch.tv/tags twitch.tv/commands", f"PASS {password}", "NICK skipper"]
        heard = await over_tcp(platform, *words, "JOIN #canal", until="#canal")
        return "JOIN #canal" in heard[-1]

    await until(room, True, 90)


async def talk(bot: Bot, client: Tmi, guest: Tmi) -> None:
    """Both ways, with all that tags tell."""
    client.do("ping")
    await client.tells("pong")
    client.do("say", "canal", "the water is high \U0001f30a today")
    message: ChatMessage = await bot.hears(ChatEvent.MESSAGE)
    assert message.text == "the water is high \U0001f30a today"
    assert (message.user.name, message.user.id) == ("skipper", SKIPPER)
    assert (message.user.mod, message.user.subscriber) == (False, False)
    _, tags, text, own = await guest.tells("message", lambda event: not event[4])
    assert (tags["id"], tags["room-id"], text) == (message.id, CANAL, message.text)

    await message.reply("how high?")
    said = lambda event: event[3] == "how high?"  # noqa: E731
    channel, tags, _, own = await client.tells("message", said)
    assert (channel, own) == ("#canal", False)
    assert tags["badges"] == {"broadcaster": "1"}
    assert (tags["username"], tags["display-name"]) == ("canal", "canal")
    assert tags["reply-parent-msg-id"] == message.id
    assert tags["reply-parent-user-login"] == "skipper"
    assert tags["reply-parent-msg-body"] == message.text

    await asyncio.sleep(PAUSE)
    client.do("action", "canal", "points at the mark")
    message = await bot.hears(ChatEvent.MESSAGE)
    assert (message.is_me, message.text) == (True, "points at the mark")
    client.do("say", "canal", "/ban canal")
    assert (await client.tells("notice"))[1] == "unavailable_command"
    guest.do("say", "canal", "may I?")
    assert (await guest.tells("failed"))[1] == "Cannot send anonymous messages."


async def are_moderated(twitch: Twitch, bot: Bot, client: Tmi) -> None:
    """Messages go, and people."""
    await asyncio.sleep(PAUSE)
    client.do("say", "canal", "something rude")
    message = await bot.hears(ChatEvent.MESSAGE)
    await twitch.delete_chat_message(CANAL, CANAL, message.id)
    _, login, _, tags = await client.tells("messagedeleted")
    assert (login, tags["target-msg-id"]) == ("skipper", message.id)
    assert (await bot.hears(ChatEvent.MESSAGE_DELETE)).message_id == message.id

    await twitch.ban_user(CANAL, CANAL, SKIPPER, "rude", duration=60)
    _, login, _, seconds, tags = await client.tells("timeout")
    assert (login, seconds, tags["target-user-id"]) == ("skipper", 60, SKIPPER)
    cleared = await bot.hears(ChatEvent.CHAT_CLEARED)
    assert (cleared.user_name, cleared.duration) == ("skipper", 60)
    client.do("say", "canal", "why?")
    assert (await client.tells("notice"))[1] == "msg_timedout"
    await twitch.ban_user(CANAL, CANAL, SKIPPER, "rude")
    assert (await client.tells("ban"))[1] == "skipper"
    client.do("say", "canal", "why!")
    assert (await client.tells("notice"))[1] == "msg_banned"
    await twitch.unban_user(CANAL, CANAL, SKIPPER)
    await twitch.delete_chat_message(CANAL, CANAL)
    await client.tells("clearchat")


async def are_set(twitch: Twitch, client: Tmi) -> None:
    """Modes are told as they change."""
    await twitch.send_chat_announcement(CANAL, CANAL, "The mill opens at nine", "blue")
    kind, _, tags, text = await client.tells("usernotice")
    assert (kind, text) == ("announcement", "The mill opens at nine")
    assert tags["msg-param-color"] == "BLUE"
    await twitch.update_chat_settings(CANAL, CANAL, emote_mode=True)
    assert await client.tells("emoteonly") == ["#canal", True]
    client.do("say", "canal", "are there words?")
    assert (await client.tells("notice"))[1] == "msg_emoteonly"
    await twitch.update_chat_settings(CANAL, CANAL, slow_mode=True, slow_mode_wait_time=30)
    assert await client.tells("slowmode") == ["#canal", True, 30]
    await twitch.update_chat_settings(CANAL, CANAL, emote_mode=False, slow_mode=False)
    assert await client.tells("slowmode") == ["#canal", False, 0]
    assert await client.tells("emoteonly") == ["#canal", False]


async def come_again(platform: Platform, client: Tmi, guest: Tmi) -> None:
    """The edge is stopped, and started again by the supervisor: both are back by themselves."""
    for each in (client, guest):
        each.events.clear()
    platform.process("chat-edge").terminate()
    for each in (client, guest):
        await each.tells("connected", seconds=60)
        await each.tells("roomstate", seconds=30)
    client.do("say", "canal", "here again")
    await guest.tells("message", lambda event: event[3] == "here again")


async def test_who_has_a_wrong_token_is_told_so_and_does_not_come_again(
    platform: Platform,
) -> None:
    async with tmi(platform, "canal", username="skipper", password="oauth:nonsense") as client:
        client.do("connect")
        assert await client.tells("failed") == ["connect", "Login authentication failed"]
    async with tmi(platform, "canal", username="skipper", password="") as client:
        client.do("connect")
        assert await client.tells("failed") == ["connect", "Improperly formatted auth"]

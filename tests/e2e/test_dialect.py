"""PyPI's twitchAPI, unmodified, against the running platform: from signing up to being erased."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from aiohttp import ClientError, ClientSession, ClientWebSocketResponse
from twitchAPI.oauth import UserAuthenticator
from twitchAPI.twitch import Twitch
from twitchAPI.type import (
    AuthScope,
    AuthType,
    EventSubSubscriptionConflict,
)

from infra.names import id_of
from tests import waiting
from tests.certificates import Certificate
from tests.e2e.accounts import join, signed_in, token_of, until
from tests.e2e.eventsub import Heard, listen, webhook, websocket
from tests.e2e.whole import Platform, ffmpeg
from tests.functional.oauth_rig import BACK, PASSWORD, Browser
from tests.recordings import FOLDER

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]

RIVER, BROOK, LAKE = id_of("river"), id_of("brook"), id_of("lake")
SCOPES = [
    AuthScope.CHANNEL_MANAGE_BROADCAST,
    AuthScope.CHANNEL_READ_STREAM_KEY,
    AuthScope.MODERATOR_READ_FOLLOWERS,
    AuthScope.USER_READ_FOLLOWS,
]


async def test_a_client_of_others_at_home_here(
    platform: Platform, sessions: Callable[[], Browser]
) -> None:
    river, brook = sessions(), sessions()
    await join(river, "river")
    await join(brook, "brook")
    client_id, secret = await river.new_application()
    twitch = await signed_in(platform, client_id, secret)
    assert [user.id async for user in twitch.get_users(logins=["river"])] == [RIVER]

    given = await river.allow(client_id=client_id, scope=" ".join(scope.value for scope in SCOPES))
    authenticator = UserAuthenticator(twitch, SCOPES, url=BACK, auth_base_url=twitch.auth_base_url)
    token, refresh = await authenticator.authenticate(user_token=given["code"])
    await twitch.set_user_authentication(token, SCOPES, refresh)
    assert [user.login async for user in twitch.get_users()] == ["river"]

    await describes(twitch)
    await is_followed(platform, twitch, brook)
    await goes_live(platform, twitch, river)
    await forgets(twitch, brook)
    await asyncio.to_thread(platform.prove)


async def describes(twitch: Twitch) -> None:
    """Title and category, and the search for the channel."""
    assert await twitch.modify_channel_information(RIVER, game_id="101", title="Rapids")
    (channel,) = await twitch.get_channel_information(RIVER)
    assert (channel.title, channel.game_name) == ("Rapids", "Music")

    async def found() -> list[str]:
        return [each.broadcaster_login async for each in twitch.search_channels("riv")]

    await until(found, ["river"])


async def is_followed(platform: Platform, twitch: Twitch, brook: Browser) -> None:
    """Brook follows River, twice, and River sees it once."""
    token = await token_of(brook, twitch, "user:edit:follows")
    address = f"{platform.gateway}/v1/channels/{RIVER}/followers/me"
    async with ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        for _ in range(2):
            async with session.put(address) as answer:
                assert answer.status == 200, await answer.text()
                assert (await answer.json())["data"]["followers"] == 1

    async def followers() -> tuple[int, list[str]]:
        found = await twitch.get_channel_followers(RIVER)
        return found.total, [each.user_login for each in found.data]

    await until(followers, (1, ["brook"]))


async def goes_live(platform: Platform, twitch: Twitch, river: Browser) -> None:
    """With a key that is replaced here, shown by the dialect, and typed into ffmpeg."""
    token = await token_of(river, twitch, "channel:manage:stream_key")
    address = f"{platform.gateway}/v1/channels/{RIVER}/stream-key"
    async with (
        ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.post(address) as answer,
    ):
        assert answer.status == 200, await answer.text()
        key = (await answer.json())["data"]["stream_key"]
    async with ClientSession(
        headers={
            "Authorization": f"Bearer {twitch.get_user_auth_token()}",
            "Client-Id": twitch.app_id,
        }
    ) as session:
        shown = f"{platform.gateway}/helix/streams/key?broadcaster_id={RIVER}"
        async with session.get(shown) as answer:
            assert (await answer.json())["data"] == [{"stream_key": key}]

    async def live() -> list[str]:
        streams = [each async for each in twitch.get_streams()]  # also of other files
        return [each.game_name for each in streams if each.user_login == "river"]

    with ffmpeg(FOLDER / "bbb_360p_10s.flv", f"{platform.rtmp}/{key}"):
        await until(live, ["Music"])
    await until(live, [])


async def forgets(twitch: Twitch, brook: Browser) -> None:
    """Brook is erased, and River has a follower less."""
    await brook.get("/account/erase")
    response = await brook.send("/account/erase", login="brook", password=PASSWORD)
    assert response.status in (200, 303), brook.text

    async def followers() -> int:
        return int((await twitch.get_channel_followers(RIVER)).total)

    await until(followers, 0)
    assert [user async for user in twitch.get_users(logins=["brook"])] == []


async def test_what_happens_is_told(
    platform: Platform, trusted: Certificate, sessions: Callable[[], Browser]
) -> None:
    lake, pond = sessions(), sessions()
    await join(lake, "lake")
    await join(pond, "pond")
    client_id, secret = await lake.new_application()
    twitch = await signed_in(platform, client_id, secret)
    given = await lake.allow(client_id=client_id, scope=" ".join(scope.value for scope in SCOPES))
    authenticator = UserAuthenticator(twitch, SCOPES, url=BACK, auth_base_url=twitch.auth_base_url)
    token, refresh = await authenticator.authenticate(user_token=given["code"])
    await twitch.set_user_authentication(token, SCOPES, refresh)
    hooked, heard = Heard(), Heard()
    async with webhook(twitch, trusted) as hook, websocket(twitch, platform) as socket:
        await listen(hook, LAKE, hooked)
        await listen(socket, LAKE, heard)
        with pytest.raises(EventSubSubscriptionConflict):
            await hook.listen_stream_online(LAKE, hooked.hear)
        await are_listed(twitch)
        await twitch.modify_channel_information(LAKE, game_id="101", title="Still water")
        await follow(platform, await token_of(pond, twitch, "user:edit:follows"))
        await broadcast(platform, await token_of(lake, twitch, "channel:manage:stream_key"))
        for each in (hooked, heard):
            await told(each)
    await is_gone(twitch)
    await goes_on_at_the_next_gateway(platform, twitch)
    await asyncio.to_thread(platform.prove)


async def are_listed(twitch: Twitch) -> None:
    """The application sees its webhooks, the user their WebSockets."""
    for kind in (AuthType.APP, AuthType.USER):

        async def found(kind: AuthType = kind) -> list[tuple[str, str]]:
            listed = await twitch.get_eventsub_subscriptions(target_token=kind)
            return sorted([(each.type, each.status) async for each in listed])

        names = ["channel.follow", "channel.update", "stream.offline", "stream.online"]
        await until(found, [(name, "enabled") for name in names])


async def follow(platform: Platform, token: str) -> None:
    address = f"{platform.gateway}/v1/channels/{LAKE}/followers/me"
    async with (
        ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.put(address) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def broadcast(platform: Platform, token: str) -> None:
    """For a moment."""
    address = f"{platform.gateway}/v1/channels/{LAKE}/stream-key"
    async with (
        ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.post(address) as answer,
    ):
        assert answer.status == 200, await answer.text()
        key = (await answer.json())["data"]["stream_key"]
    with ffmpeg(FOLDER / "bbb_360p_10s.flv", f"{platform.rtmp}/{key}"):
        await asyncio.sleep(2)


async def told(heard: Heard) -> None:
    """Everything once, with names."""

    async def kinds() -> list[str]:
        return sorted(name for name, _ in heard.events)

    await until(kinds, ["channel.follow", "channel.update", "stream.offline", "stream.online"])
    (updated,) = heard.of("channel.update")
    assert (updated.title, updated.category_name, updated.category_id) == (
        *("Still water", "Music", "101"),
    )
    (followed,) = heard.of("channel.follow")
    assert (followed.user_login, followed.broadcaster_user_name) == ("pond", "lake")
    (online,) = heard.of("stream.online")
    assert (online.type, online.broadcaster_user_login) == ("live", "lake")
    (offline,) = heard.of("stream.offline")
    assert offline.broadcaster_user_id == LAKE


async def is_gone(twitch: Twitch) -> None:
    """Webhooks were deleted by the client; a session takes its subscriptions along."""

    async def left() -> list[str]:
        return [each.status async for each in await twitch.get_eventsub_subscriptions()]

    async def ended() -> set[str]:
        listed = await twitch.get_eventsub_subscriptions(target_token=AuthType.USER)
        return {each.status async for each in listed}

    await until(left, [])
    await until(ended, {"websocket_disconnected"})


async def goes_on_at_the_next_gateway(platform: Platform, twitch: Twitch) -> None:
    """The gateway is stopped, and started again: a session that moves hears what happened then."""
    address = platform.gateway.replace("http", "ws", 1)
    headers = {
        "Authorization": f"Bearer {twitch.get_user_auth_token()}",
        "Client-Id": twitch.app_id,
    }
    async with ClientSession() as session, session.ws_connect(f"{address}/ws") as socket:
        welcome = await socket.receive_json()
        body = {
            "type": "channel.update",
            "version": "2",
            "condition": {"broadcaster_user_id": LAKE},
            "transport": {
                "method": "websocket",
                "session_id": welcome["payload"]["session"]["id"],
            },
        }
        posted = f"{platform.gateway}/helix/eventsub/subscriptions"
        async with session.post(posted, json=body, headers=headers) as answer:
            assert answer.status == 202, await answer.text()
        platform.process("gateway").terminate()
        asked = await socket.receive_json(timeout=10)
        assert asked["metadata"]["message_type"] == "session_reconnect"
        done = await asyncio.to_thread(
            platform.millrace, "channel", "create", "lake", "--title", "While nobody served"
        )
        assert done.returncode == 0, done.stdout + done.stderr

        async def next_connection() -> ClientWebSocketResponse | None:
            with contextlib.suppress(ClientError):  # until the supervisor has started it again
                return await session.ws_connect(asked["payload"]["session"]["reconnect_url"])
            return None

        moved = await waiting.until(next_connection, 28)
        kinds = ("session_welcome", "notification")
        heard = [await moved.receive_json(timeout=10) for _ in kinds]
        assert tuple(each["metadata"]["message_type"] for each in heard) == kinds
        assert heard[1]["payload"]["event"]["title"] == "While nobody served"
        await moved.close()

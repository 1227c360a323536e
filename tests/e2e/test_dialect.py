"""PyPI's twitchAPI, unmodified, against the running platform: from signing up to being erased."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, CookieJar
from twitchAPI.oauth import UserAuthenticator
from twitchAPI.twitch import Twitch
from twitchAPI.type import AuthScope, TwitchAuthorizationException

from infra.names import id_of
from tests.e2e.whole import Platform, ffmpeg, running
from tests.functional.oauth_rig import BACK, PASSWORD, Browser
from tests.recordings import FOLDER

pytestmark = pytest.mark.timeout(300)

RIVER, BROOK = id_of("river"), id_of("brook")
SCOPES = [
    AuthScope.CHANNEL_MANAGE_BROADCAST,
    AuthScope.CHANNEL_READ_STREAM_KEY,
    AuthScope.MODERATOR_READ_FOLLOWERS,
    AuthScope.USER_READ_FOLLOWS,
]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running(tmp_path_factory.mktemp("platform")) as platform:
        yield platform


@pytest_asyncio.fixture
async def sessions(platform: Platform) -> AsyncIterator[Callable[[], Browser]]:
    """Browsers with cookies of their own."""
    opened: list[ClientSession] = []

    def browser() -> Browser:
        session = ClientSession(platform.gateway, cookie_jar=CookieJar(unsafe=True))
        opened.append(session)
        return Browser(session)  # type: ignore[arg-type]

    yield browser
    for session in opened:
        await session.close()


async def until(value: Callable[[], Awaitable[Any]], wanted: Any, seconds: float = 30) -> None:
    """Wait until a value is as wanted; fails with the last one."""
    deadline = time.monotonic() + seconds
    while (found := await value()) != wanted:
        assert time.monotonic() < deadline, f"still {found}, not {wanted}"
        await asyncio.sleep(0.1)


async def signed_in(platform: Platform, client_id: str, secret: str) -> Twitch:
    """The client with the token of its application, as soon as the platform has a key to sign."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return await Twitch(
                client_id,
                secret,
                base_url=f"{platform.gateway}/helix/",
                auth_base_url=f"{platform.gateway}/oauth2/",
            )
        except TwitchAuthorizationException:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)


async def join(browser: Browser, login: str) -> None:
    """Sign up, again while the platform has not decided in time: it has only just started."""
    deadline = time.monotonic() + 60
    while (await browser.sign_up(login)).status != 303:
        if (await browser.sign_in(login)).status == 303:
            return
        assert time.monotonic() < deadline, browser.text
        await asyncio.sleep(0.5)


async def token_of(browser: Browser, twitch: Twitch, scope: str) -> str:
    """A token that the user of a browser gave."""
    given = await browser.allow(client_id=twitch.app_id, scope=scope)
    found = UserAuthenticator(twitch, [], url=BACK, auth_base_url=twitch.auth_base_url)
    token, _ = await found.authenticate(user_token=given["code"])
    return str(token)


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
    for view in ("followers", "followed-channels", "follows", "follower-counts", "channel-search"):
        proof = await asyncio.to_thread(platform.millrace, "prove", view)
        assert proof.returncode == 0, proof.stdout + proof.stderr


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

    async def live() -> list[tuple[str, str]]:
        return [(each.user_login, each.game_name) async for each in twitch.get_streams()]

    with ffmpeg(FOLDER / "bbb_360p_10s.flv", f"{platform.rtmp}/{key}"):
        await until(live, [("river", "Music")])
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

"""People and programs of a platform that has only just started: signed up, allowed, let in."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from twitchAPI.oauth import UserAuthenticator
from twitchAPI.twitch import Twitch
from twitchAPI.type import TwitchAuthorizationException

from tests.e2e.whole import Platform
from tests.functional.oauth_rig import BACK, Browser


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
    status = (await browser.sign_up(login)).status
    assert status != 422, f"another file has {login} already: {browser.text}"
    while status != 303:
        if (await browser.sign_in(login)).status == 303:
            return
        assert time.monotonic() < deadline, browser.text
        await asyncio.sleep(0.5)
        status = (await browser.sign_up(login)).status


async def token_of(browser: Browser, twitch: Twitch, scope: str) -> str:
    """A token that the user of a browser gave."""
    given = await browser.allow(client_id=twitch.app_id, scope=scope)
    found = UserAuthenticator(twitch, [], url=BACK, auth_base_url=twitch.auth_base_url)
    token, _ = await found.authenticate(user_token=given["code"])
    return str(token)

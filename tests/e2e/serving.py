"""A gateway with accounts, over a platform in memory, on a port: for browsers."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from aiohttp import web
from playwright.sync_api import Page, expect

from infra.names import id_of
from schemas.records.identity import ChangeChannel
from schemas.records.media import RenditionOpened
from tests.functional.oauth_rig import PASSWORD, Rig
from tests.functional.platform import Platform
from web import BUILT

Result = TypeVar("Result")
MINUTE = 60_000_000


class Serving:
    """The rig in a loop and a thread of its own; tests call into it."""

    def __init__(self, platform: Platform | None = None) -> None:
        self.rig = Rig(folder=BUILT, platform=platform)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open = AsyncExitStack()
        self._runner = web.AppRunner(self.rig.app, access_log=None)

    def __enter__(self) -> "Serving":
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the rig's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self) -> None:
        await self._open.enter_async_context(self.rig)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._open.aclose()

    def channel(self, login: str, title: str = "", category: str = "", **more: Any) -> str:
        """Sign somebody up, and say what their channel is about; its id."""
        channel_id = self.run(self.rig.platform.sign_up(login))
        told = {"title": title or login, "category": category, **more}
        change = ChangeChannel(channel_id=channel_id, **told)
        self.run(self.rig.platform.post("identity-commands", channel_id, change))
        return channel_id

    def live(self, login: str, minutes: int = 1) -> None:
        """Put a channel on air so many minutes ago, with a picture."""
        channel_id, stream_id = id_of(login), f"s-{login}"
        started_at = self.rig.clock.now() - minutes * MINUTE
        self.run(self.rig.platform.go_live(channel_id, stream_id, started_at))
        opened = RenditionOpened(
            stream_id=stream_id,
            session_id=stream_id,
            rendition="source",
            init_object="init.mp4",
            codecs="avc1.64001f,mp4a.40.2",
            width=1280,
            height=720,
            frame_rate=30.0,
            channels=2,
            part_target=0.1,
            first_media_sequence=0,
        )
        self.run(self.rig.platform.tell("media-segments", opened))
        self.rig.clock.advance(2)  # lists of who is on air are a second old at most

    def ended(self, login: str, minutes: int) -> None:
        """A stream that the channel had, begun so many minutes ago."""
        channel_id, stream_id = id_of(login), f"s-{login}-{minutes}"
        started_at = self.rig.clock.now() - minutes * MINUTE
        self.run(self.rig.platform.go_live(channel_id, stream_id, started_at))
        self.run(self.rig.platform.go_offline(channel_id, stream_id, started_at))


def sign_up(page: Page, url: str, login: str = "river") -> None:
    """Become a user, and land on the page of the account."""
    page.goto(f"{url}/account")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Name").fill(login)
    page.get_by_label("E-mail").fill(f"{login}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="My account")).to_be_visible()

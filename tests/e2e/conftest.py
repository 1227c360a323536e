"""A browser, and pages over a gateway in memory."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from aiohttp import ClientSession, CookieJar
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.e2e import whole
from tests.e2e.looking import DESK
from tests.e2e.rig import Rig
from tests.e2e.serving import Serving
from tests.e2e.whole import Platform
from tests.functional.oauth_rig import Browser as AccountBrowser
from web import build

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
Result = TypeVar("Result")


class Running:
    """A rig whose event loop runs in a thread of its own; tests call into it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.rig = self.run(self._start)

    async def _start(self) -> Rig:
        rig = Rig()
        await rig.start()
        return rig

    def run(self, work: Callable[..., Awaitable[Result]], *arguments: Any) -> Result:
        """Run a coroutine function in the rig's loop."""

        async def awaited() -> Result:
            return await work(*arguments)

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(30)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.rig.ports['gateway']}"

    def rtmp(self, channel: str) -> str:
        return f"rtmp://127.0.0.1:{self.rig.ports['rtmp']}/live/{channel}"

    def stop(self) -> None:
        self.run(self.rig.stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(scope="session", autouse=True)
def _pages() -> None:
    """The pages as their source is now."""
    if not build.current():
        build.build()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A whole platform, for the tests of a file."""
    with whole.running(tmp_path_factory.mktemp("platform")) as platform:
        yield platform


@pytest_asyncio.fixture
async def sessions(platform: Platform) -> AsyncIterator[Callable[[], AccountBrowser]]:
    """Browsers with cookies of their own."""
    opened: list[ClientSession] = []

    def browser() -> AccountBrowser:
        session = ClientSession(platform.gateway, cookie_jar=CookieJar(unsafe=True))
        opened.append(session)
        return AccountBrowser(session)  # type: ignore[arg-type]

    yield browser
    for session in opened:
        await session.close()


@pytest.fixture
def running() -> Iterator[Running]:
    """A rig of the test's own, listening on free ports."""
    running = Running()
    yield running
    running.stop()


@pytest.fixture
def serving() -> Iterator[Serving]:
    """A gateway with accounts of the test's own."""
    with Serving() as found:
        yield found


# Not for the session: while it runs, its event loop keeps asynchronous tests from having theirs.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """What starts browsers."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium, headless, which lets pages play with sound."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser of one's own, on a desk and light; a script error fails the test."""
    context = browser.new_context(viewport=DESK, color_scheme="light")
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    page.on("console", lambda said: pytest.fail(said.text) if "Policy" in said.text else None)
    yield page
    context.close()

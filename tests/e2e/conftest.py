"""A browser, and pages over a gateway in memory."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from aiohttp import ClientSession, CookieJar
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.certificates import Certificate, certificate, trusting
from tests.e2e.looking import DESK
from tests.e2e.rig import Rig
from tests.e2e.serving import Serving
from tests.e2e.shared import SharedPlatform, is_last, shares
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that share the platform come first: it is gone before others measure time."""
    items.sort(key=lambda item: not shares(item))


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """What receivers of webhooks show; the platform trusts it."""
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def shared_platform(
    tmp_path_factory: pytest.TempPathFactory, trusted: Certificate
) -> Iterator[SharedPlatform]:
    """For `platform`; no test asks for it by itself."""
    folder = tmp_path_factory.mktemp("platform")
    authorities = trusting(trusted, tmp_path_factory.mktemp("trusted"))
    settings = {"SSL_CERT_FILE": str(authorities), "MILLRACE_WEBHOOKS_PRIVATE": "true"}
    shared = SharedPlatform(folder, settings)
    yield shared
    shared.stop()


@pytest.fixture(scope="module")
def platform(request: pytest.FixtureRequest, shared_platform: SharedPlatform) -> Iterator[Platform]:
    """The whole platform, which files share: each has channels and people that no other has.

    A file may kill roles: the next begins once everything is well again.
    """
    yield shared_platform.begin()
    if is_last(request.node):
        shared_platform.stop()


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

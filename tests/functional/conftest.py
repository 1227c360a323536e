"""What holds for all tests of parts put together in memory."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from api import deadline, pages, sender
from tests.functional.oauth_rig import Browser, Rig, browsing


@pytest.fixture(autouse=True)
def _no_server_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here waits for a server: a busy machine is no reason to answer that one is away."""
    monkeypatch.setattr(deadline, "SECONDS", 60.0)
    monkeypatch.setattr(pages, "_PATIENCE", 60.0)
    monkeypatch.setattr(sender, "ACK_SECONDS", 60.0)


@pytest.fixture
def rig() -> Rig:
    """A gateway over views in memory, not started yet."""
    return Rig()


@pytest_asyncio.fixture
async def browser(rig: Rig) -> AsyncIterator[Browser]:
    """A browser of nobody who is signed in; the gateway runs while it is open."""
    async with browsing(rig) as found:
        yield found

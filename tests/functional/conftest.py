"""What holds for all tests of parts put together in memory."""

import pytest

from api import deadline, pages


@pytest.fixture(autouse=True)
def _no_server_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here waits for a server: a busy machine is no reason to answer that one is away."""
    monkeypatch.setattr(deadline, "SECONDS", 60.0)
    monkeypatch.setattr(pages, "_PATIENCE", 60.0)

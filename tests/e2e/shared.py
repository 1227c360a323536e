"""One platform for every file that needs a whole one: it stops once the last of them is through."""

import urllib.request
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path

import pytest
from redis import Redis

from infra.local import state
from tests.e2e import whole
from tests.e2e.whole import Platform

FIXTURE = "shared_platform"
SERVERS = ("kafka", "cassandra", "redis")


class SharedPlatform:
    """Runs from the first file that begins until it is stopped."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self._folder = folder
        self._settings = settings
        self._open = ExitStack()
        self._platform: Platform | None = None

    def begin(self) -> Platform:
        """The platform as a file may expect it, whatever other files did to it before."""
        if self._platform is None:
            running = whole.running(self._folder, **self._settings)
            self._platform = self._open.enter_context(running)
        whole.until(self._ailing, lambda ailing: not ailing, 120)
        forget_attempts(self._platform)
        return self._platform

    def stop(self) -> None:
        """Stop it, if it runs."""
        self._platform = None
        self._open.close()

    def _ailing(self) -> list[str]:
        """What does not run, or says that it is not well."""
        assert self._platform is not None
        found = state.running(self._platform.layout)
        assert found is not None, "the platform has stopped by itself"
        return [each.name for each in found.processes if not _well(each)]


def _well(process: state.ProcessState) -> bool:
    if process.phase != "ready" or state.process_of(process.pid, process.created) is None:
        return False
    # The supervisor does not ask again once a process has been ready.
    return process.port is None or process.name in SERVERS or _says_so(process.port)


def _says_so(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return True
    except (OSError, HTTPException):
        return False


def forget_attempts(platform: Platform) -> None:
    """Nobody has tried to sign up or in too often: all tests come from one address."""
    with Redis.from_url(platform.settings["MILLRACE_REDIS_URL"]) as redis:
        for key in redis.scan_iter("millrace:limit:sign-*"):
            redis.unlink(key)


def shares(item: pytest.Item) -> bool:
    """Whether a test uses the shared platform."""
    return FIXTURE in getattr(item, "fixturenames", ())


def is_last(module: pytest.Module) -> bool:
    """Whether no file that is still to come uses it."""
    return [each for each in module.session.items if shares(each)][-1].path == module.path

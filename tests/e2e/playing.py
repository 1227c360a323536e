"""A live test picture on a watch page, and what its frames tell."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Running

READER = Path(__file__).parents[2] / "benchmarks" / "_glass" / "clock_reader.js"
LIVE_WITHIN = 20_000
CURRENT = "() => millrace.player.quality.current"
STALLS = "() => millrace.player.stalls"
STAND_BACK = """() => {
  const { steering, video } = millrace.player;
  steering.floor = steering.target = 0.7;
  video.currentTime -= 0.4;
}"""
"""Keeps further from the edge: room for the hiccups of a machine that runs all of it."""


@contextmanager
def published(running: Running, channel: str = "clock", *options: str) -> Iterator[None]:
    """The test picture goes to a channel while the context is open."""
    command = [sys.executable, "-m", "benchmarks.burnt_in_clock", running.rtmp(channel)]
    process = subprocess.Popen([*command, "--seconds", "120", "--gop", "1", *options])
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def until(page: Page, script: str, satisfied: Callable[[Any], bool], seconds: float = 30) -> Any:
    """The value of a script once it satisfies; fails with the last value after a deadline."""
    deadline = time.monotonic() + seconds
    while not satisfied(value := page.evaluate(script)):
        assert time.monotonic() < deadline, f"{script} is still {value}"
        page.wait_for_timeout(100)
    return value


def watch(running: Running, page: Page) -> None:
    page.goto(f"{running.url}/c/clock")
    expect(page.locator("#player")).to_have_attribute("data-state", "live", timeout=LIVE_WITHIN)
    frames_advance(page)


def frames_advance(page: Page, by: int = 30) -> None:
    before = page.evaluate("() => glass.frames.length")
    until(page, "() => glass.frames.length", lambda count: count > before + by)


def menu_item(page: Page, text: str) -> Locator:
    """A choice in the quality menu."""
    return page.get_by_role("menuitemradio", name=text)

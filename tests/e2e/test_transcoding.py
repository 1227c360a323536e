"""Renditions on a whole platform: who has them, and what the death of a worker costs a viewer."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from subprocess import Popen
from typing import Any

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.playing import CURRENT, READER, STALLS, STAND_BACK, menu_item
from tests.e2e.test_live import get, stream_of
from tests.e2e.whole import Platform, until

pytestmark = [pytest.mark.alone, pytest.mark.timeout(240)]

SEGMENT = 2000
"""Milliseconds of a segment of the test picture."""
RATE = 20
"""Frames a second that count as going on, of the 30 of the test picture: machines are busy."""
AWAY = 60
"""Seconds that a worker's machine is away: it is given up after five."""


@pytest.fixture(autouse=True)
def _reads_the_clock(page: Page) -> None:
    page.add_init_script(path=str(READER))


@pytest.fixture(scope="module")
def partner(platform: Platform) -> Iterator[str]:
    """A broadcast that has a rung by its channel's tier, for all tests; the stream's id."""
    with on_air(platform, "partner", "partner") as stream_id:
        yield stream_id


@contextmanager
def on_air(platform: Platform, channel: str, tier: str) -> Iterator[str]:
    """The test picture on a channel of a tier; the stream's id."""
    key = platform.channel(channel)
    assert platform.millrace("channel", "tier", channel, tier).returncode == 0
    arguments = ("--height", "360", "--gop", "2", "--seconds", "600")
    command = [sys.executable, "-m", "benchmarks.burnt_in_clock", f"{platform.rtmp}/{key}"]
    process = Popen([*command, *arguments])
    try:
        stream = until(lambda: stream_of(platform, channel), lambda found: found is not None, 60)
        yield str(stream["stream_id"])
    finally:
        process.terminate()
        process.wait(10)


def ladder(platform: Platform, stream_id: str) -> dict[str, Any]:
    found: dict[str, Any] = get(platform, f"/v1/streams/{stream_id}/ladder")
    return found


def states(platform: Platform, stream_id: str) -> dict[str, str]:
    return {each["name"]: each["state"] for each in ladder(platform, stream_id)["rungs"]}


def watch_its_rung(platform: Platform, page: Page, stream_id: str) -> None:
    """The partner's page, with the rung chosen, and played for a while."""
    until(lambda: granted(platform, stream_id), bool, 60)
    page.goto(f"{platform.gateway}/c/partner")
    expect(page.locator("#player")).to_have_attribute("data-state", "live", timeout=30_000)
    until(lambda: count(page), lambda frames: frames > 60, 40)
    page.evaluate("() => millrace.player.wishFor('160p30')")
    plays(page, "160p30")
    advance(page, 3)


def plays(page: Page, name: str, seconds: float = 60) -> None:
    until(lambda: page.evaluate(CURRENT), lambda current: current == name, seconds)


def worst_gap(page: Page, since: int) -> float:
    shown = [at for at, *_ in page.evaluate("since => glass.frames.slice(since)", since)]
    return max(after - before for before, after in pairwise(shown))


def count(page: Page) -> int:
    return int(page.evaluate("() => glass.frames.length"))


def advance(page: Page, seconds: float) -> None:
    """Until the picture has gone on for so long."""
    since = count(page)
    until(lambda: count(page) - since, lambda frames: frames >= seconds * RATE, 3 * seconds + 30)


def granted(platform: Platform, stream_id: str) -> set[str]:
    return {name for name, state in states(platform, stream_id).items() if state == "granted"}


@contextmanager
def away(worker: psutil.Process) -> Iterator[float]:
    """The worker and all that it started do nothing while the context is open; since when."""
    paused = [worker, *worker.children(recursive=True)]
    _signal(paused, signal.SIGSTOP)
    try:
        yield time.monotonic()
    finally:
        _signal(paused, signal.SIGCONT)


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        if process.is_running():
            process.send_signal(number)


def test_who_has_which_renditions_and_why(platform: Platform, partner: str) -> None:
    until(lambda: granted(platform, partner), lambda found: found == {"160p30"}, 60)
    assert ladder(platform, partner)["rungs"][0]["reason"] == "tier"
    with on_air(platform, "regular", "regular") as regular:
        until(lambda: states(platform, regular), lambda found: found == {"160p30": "refused"}, 60)
        (rung,) = ladder(platform, regular)["rungs"]
        assert rung["reason"] == "tier"
        assert rung["detail"]


def test_a_worker_that_is_killed_costs_less_than_a_segment_and_its_rungs_come_back(
    platform: Platform, page: Page, partner: str
) -> None:
    watch_its_rung(platform, page, partner)
    before = count(page)
    worker = platform.process("transcoder")
    for process in (*worker.children(recursive=True), worker):
        process.kill()
    plays(page, "source")
    plays(page, "160p30")
    assert worst_gap(page, before) < SEGMENT
    assert platform.process("transcoder").pid != worker.pid


def test_while_a_worker_s_machine_is_away_for_a_minute_the_source_plays_on_and_the_menu_says_why(
    platform: Platform, page: Page, partner: str
) -> None:
    watch_its_rung(platform, page, partner)
    before = count(page)
    with away(platform.process("transcoder")) as since:
        plays(page, "source")
        until(lambda: states(platform, partner), lambda found: found == {"160p30": "waiting"}, 30)
        page.evaluate(STAND_BACK)
        advance(page, 1)
        stalls, settled, began = page.evaluate(STALLS), count(page), time.monotonic()
        page.keyboard.press("q")
        rung = menu_item(page, "160p30")
        expect(rung).to_be_disabled()
        expect(rung).to_contain_text("The machine that made it is gone")
        until(lambda: time.monotonic() - since, lambda gone: gone >= AWAY, AWAY + 10)
        assert page.evaluate(STALLS) == stalls
        assert count(page) - settled > (time.monotonic() - began) * RATE
        assert page.evaluate(CURRENT) == "source"
        assert ladder(platform, partner)["rungs"][0]["reason"] == "worker_lost"
    until(lambda: granted(platform, partner), bool, 60)
    expect(rung).to_be_enabled(timeout=60_000)
    plays(page, "160p30")
    advance(page, 3)
    assert worst_gap(page, before) < SEGMENT

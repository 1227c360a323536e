"""Renditions on a whole platform: who has them, and what the death of a worker costs a viewer."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from subprocess import Popen
from typing import Any

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.playing import READER
from tests.e2e.test_live import get, stream_of
from tests.e2e.whole import Platform, until

pytestmark = [pytest.mark.alone, pytest.mark.timeout(240)]

CURRENT = "() => millrace.player.quality.current"
SEGMENT = 2000
"""Milliseconds of a segment of the test picture."""
RATE = 20
"""Frames a second that count as going on, of the 30 of the test picture: machines are busy."""
AWAY = 8
"""Seconds that a worker's machine is away: it is given up after five."""


@pytest.fixture(autouse=True)
def _reads_the_clock(page: Page) -> None:
    page.add_init_script(path=str(READER))


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


def watch(platform: Platform, page: Page, channel: str) -> None:
    page.goto(f"{platform.gateway}/c/{channel}")
    expect(page.locator("#player")).to_have_attribute("data-state", "live", timeout=30_000)
    until(lambda: page.evaluate("() => glass.frames.length"), lambda count: count > 60, 40)


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


def test_who_has_which_renditions_and_why(platform: Platform) -> None:
    with on_air(platform, "partner", "partner") as partner:
        until(lambda: granted(platform, partner), lambda found: found == {"160p30"}, 60)
        assert ladder(platform, partner)["rungs"][0]["reason"] == "tier"
    with on_air(platform, "regular", "regular") as regular:
        until(lambda: states(platform, regular), lambda found: found == {"160p30": "refused"}, 60)
        (rung,) = ladder(platform, regular)["rungs"]
        assert rung["reason"] == "tier"
        assert rung["detail"]


def test_a_worker_that_is_killed_costs_less_than_a_segment_and_its_rungs_come_back(
    platform: Platform, page: Page
) -> None:
    with on_air(platform, "killed", "partner") as stream_id:
        until(lambda: granted(platform, stream_id), bool, 60)
        watch(platform, page, "killed")
        page.evaluate("() => millrace.player.wishFor('160p30')")
        plays(page, "160p30")
        advance(page, 3)  # what is measured is a picture that has been playing for a while
        before = count(page)
        worker = platform.process("transcoder")
        for process in (*worker.children(recursive=True), worker):
            process.kill()
        plays(page, "source")
        plays(page, "160p30")
        assert worst_gap(page, before) < SEGMENT
        assert platform.process("transcoder").pid != worker.pid


def test_while_a_worker_s_machine_is_away_the_source_plays_on(
    platform: Platform, page: Page
) -> None:
    with on_air(platform, "away", "partner") as stream_id:
        until(lambda: granted(platform, stream_id), bool, 60)
        watch(platform, page, "away")
        page.evaluate("() => millrace.player.wishFor('160p30')")
        plays(page, "160p30")
        before = count(page)
        worker = platform.process("transcoder")
        paused = [worker, *worker.children(recursive=True)]
        _signal(paused, signal.SIGSTOP)
        try:
            plays(page, "source")
            until(lambda: states(platform, stream_id)["160p30"], lambda now: now == "waiting", 30)
            advance(page, AWAY)
            assert ladder(platform, stream_id)["rungs"][0]["reason"] == "worker_lost"
        finally:
            _signal(paused, signal.SIGCONT)
        until(lambda: granted(platform, stream_id), bool, 60)
        plays(page, "160p30")
        assert worst_gap(page, before) < SEGMENT


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        if process.is_running():
            process.send_signal(number)

"""The whole platform on ports of its own, as `millrace up` runs it, and publishers to it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page

from infra.local import state
from infra.local.layout import Layout
from infra.local.ports import free_ports, free_row
from millrace import roles
from tests import local_stack

GRACE = 8
"""Seconds a publisher may be away; short, so that a test can see a stream end."""


class Platform:
    """A running platform: where it is, and what a person would type."""

    def __init__(self, layout: Layout, settings: dict[str, str]) -> None:
        self.layout = layout
        self.settings = settings
        self.gateway = f"http://127.0.0.1:{settings['MILLRACE_GATEWAY_PORT']}"
        self.origin = f"http://127.0.0.1:{settings['MILLRACE_ORIGIN_PORT']}"
        self.rtmp = f"rtmp://127.0.0.1:{settings['MILLRACE_INGEST_RTMP_PORT']}/live"
        self.environment = os.environ | settings
        """Of a process that belongs to this platform."""

    def millrace(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the command line; its output is JSON because it is no terminal."""
        return subprocess.run(
            [sys.executable, "-m", "millrace", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=90,
        )

    def prove(self) -> None:
        """Every view is what the log says."""
        done = self.millrace("prove", "all", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert all(proof["differences"] == [] for proof in json.loads(done.stdout))

    def channel(self, name: str) -> str:
        """A channel's new stream key."""
        done = self.millrace("channel", "create", name, "--title", f"The {name} test", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return str(json.loads(done.stdout)["stream_key"])

    @contextmanager
    def publishing(self, recording: Path, channel: str) -> Iterator[None]:
        """`millrace publish` puts a channel on air with a recording while the context is open."""
        command = (sys.executable, "-m", "millrace", "publish", str(recording))
        process = subprocess.Popen([*command, "--channel", channel], env=self.environment)
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)

    def process(self, role: str) -> psutil.Process:
        """A role's process."""
        running = state.running(self.layout)
        assert running is not None
        (found,) = [each for each in running.processes if each.name == role]
        assert found.pid is not None
        return psutil.Process(found.pid)


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Platform]:
    """A platform that runs within the `with` block, with settings besides its ports."""
    servers, names = free_ports(5), roles.port_settings()
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    settings |= local_stack.environment(folder, servers) | ports
    settings["MILLRACE_WORKER_WEB_PORT"] = str(free_row(len(roles.TOPOLOGIES)))
    settings["MILLRACE_VIEWS_WEB_PORT"] = str(free_row(len(roles.STORES)))
    settings["MILLRACE_BROADCAST_GRACE"] = str(GRACE)
    with local_stack.local_stack(folder, servers, **settings) as layout:
        yield Platform(layout, settings)


@contextmanager
def ffmpeg(recording: Path, url: str, *, loop: bool = True) -> Iterator["subprocess.Popen[bytes]"]:
    """Debian's ffmpeg pushes a recording as it is, in a loop, at the speed of a live source."""
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-re"]
    command += ["-stream_loop", "-1"] if loop else []
    command += ["-i", str(recording), "-c", "copy", "-f", "flv", url]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=10)


def until(value: Callable[[], Any], satisfied: Callable[[Any], bool], seconds: float = 30) -> Any:
    """The value once it satisfies; fails with the last one after a deadline."""
    deadline = time.monotonic() + seconds
    while not satisfied(found := value()):
        assert time.monotonic() < deadline, f"still {found}"
        time.sleep(0.02)
    return found


def plays(page: Page, frames: int = 20, seconds: float = 40) -> None:
    """The page's video shows new frames."""
    count = "() => document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames"
    before = page.evaluate(count)
    until(lambda: page.evaluate(count), lambda now: now >= before + frames, seconds)


def heard(page: Page) -> int:
    """Bytes of sound that the page's video has decoded."""
    return int(page.evaluate("() => document.querySelector('video').webkitAudioDecodedByteCount"))

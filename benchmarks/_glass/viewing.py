"""Watching in headless Chromium, reading the burnt-in clock of every frame shown."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import msgspec
from playwright.sync_api import Browser, sync_playwright

from benchmarks._glass.gaps import Gap, gaps
from web import build

HERE = Path(__file__).parent
PLAYERS = {"hls.js": "peer_hls.js", "steered": "peer_steered.js"}
"""Who plays other servers' playlists, and its script."""
FIRST_FRAME_WITHIN = 30.0


class Watched(msgspec.Struct):
    """What a run measured; times in milliseconds."""

    backend: str
    player: str
    seconds: float
    frames: int
    misread: int
    median: float
    p95: float
    first_frame: float
    """From the start of the navigation to the first frame, median of the starts."""
    starts: list[float]
    stalls: int
    """Gaps in which the picture stood, and not because of the source."""
    longest_gap: float
    gaps: list[Gap]


class _Files(SimpleHTTPRequestHandler):
    """The files of one folder."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def peer_pages() -> Iterator[str]:
    """Serve the page that plays other servers' playlists; yields its base URL."""
    with TemporaryDirectory(prefix="glass-") as folder:
        build.install()
        page = (HERE / "peer.html").read_text()
        for player, script in PLAYERS.items():
            build.bundle([HERE / script], Path(folder))
            (Path(folder) / f"{player}.html").write_text(page.replace("PLAYER", script))
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=folder))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()


@contextmanager
def chromium(executable: str) -> Iterator[Browser]:
    """A headless browser that may play with sound."""
    arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def page_for(player: str, url: str, peers: str) -> str:
    """The address to open so that a player plays `url`."""
    if player == "page":
        return url
    low = "0" if url.endswith("glass.m3u8") else "1"
    return f"{peers}/{player}.html?{urlencode({'url': url, 'low': low})}"


def watch(browser: Browser, page_url: str, seconds: float) -> dict[str, Any]:
    """Watch for some seconds; every frame as [shown at, latency or None, media time]."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        for script in ("clock_reader.js", "gap_recorder.js"):
            page.add_init_script(path=str(HERE / script))
        page.goto(page_url, wait_until="commit")
        deadline = time.monotonic() + FIRST_FRAME_WITHIN
        # Asked from outside: a page with a content security policy evaluates no strings itself.
        while not page.evaluate("() => window.glass?.frames.length ?? 0"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"no frame within {FIRST_FRAME_WITHIN:.0f} s at {page_url}")
            page.wait_for_timeout(50)
        page.wait_for_timeout(seconds * 1000)
        seen: dict[str, Any] = page.evaluate(
            "() => ({ opened: performance.timeOrigin, gaps: window.gaps, ...window.glass })"
        )
        return seen
    finally:
        context.close()


def summarise(
    backend: str, player: str, seen: dict[str, Any], starts: list[float], settle: float
) -> Watched:
    """The figures of a run: latency after `settle` seconds, stalls from the first frame on."""
    frames = seen["frames"]
    begin = frames[0][0]
    read = [f[1] for f in frames if f[1] is not None and f[0] - begin >= settle * 1000]
    found = gaps(seen)
    if len(read) < 20:
        raise RuntimeError(f"{backend}: only {len(read)} frames could be read")
    return Watched(
        backend=backend,
        player=player,
        seconds=(frames[-1][0] - begin) / 1000,
        frames=len(frames),
        misread=seen["misread"],
        median=statistics.median(read),
        p95=statistics.quantiles(read, n=20)[18],
        first_frame=statistics.median(starts),
        starts=starts,
        stalls=sum(gap.stall for gap in found),
        longest_gap=max((gap.lasted for gap in found if gap.stall), default=0.0),
        gaps=found,
    )


def first_frame(seen: dict[str, Any]) -> float:
    """Milliseconds from the start of the navigation to the first frame."""
    return float(seen["frames"][0][0] - seen["opened"])

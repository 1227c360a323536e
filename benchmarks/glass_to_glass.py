"""Glass to glass: from a frame's making to its showing in a browser, against named peers.

    python -m benchmarks.glass_to_glass --page http://127.0.0.1:8080/c/demo --rtmp rtmp://…/KEY

One source (720p30, x264 zerolatency, a key frame every 2 s, a clock burnt into each frame) is
pushed over RTMP to each server in turn; one headless Chromium plays it and reads the clock of
every frame.
MediaMTX is measured where MEDIAMTX names its binary, nginx-rtmp where Debian's module is installed.
Peers play with hls.js at its best settings and, for fairness, with our steering too.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from playwright.sync_api import Browser

from benchmarks._glass.backends import Backend, MediaMtx, NginxRtmp, Ours, Rig
from benchmarks._glass.viewing import (
    Watched,
    chromium,
    first_frame,
    page_for,
    peer_pages,
    summarise,
    watch,
)

BUFFERED = 6.0
"""Seconds that a stream runs before anyone watches: plain HLS needs three segments."""
START = 2.0
"""Seconds that a start is watched for."""
REACH = {"median": 700.0, "p95": 900.0, "first_frame": 500.0, "stalls": 0.0}


@contextmanager
def source(url: str, gop: float, height: int = 720) -> Iterator[None]:
    """Push the test picture to a URL while the context is open."""
    command = [sys.executable, "-m", "benchmarks.burnt_in_clock", url]
    picture = ["--gop", str(gop), "--height", str(height)]
    process = subprocess.Popen([*command, "--seconds", "86400", *picture])
    try:
        time.sleep(BUFFERED)
        if process.poll() is not None:
            raise RuntimeError(f"the source could not publish to {url.rpartition('/')[0]}")
        yield
    finally:
        process.terminate()
        process.wait(10)


def measure(
    backend: Backend, browser: Browser, peers: str, arguments: argparse.Namespace
) -> Iterator[Watched]:
    """Each player of a server in turn, on one stream."""
    backend.start()
    try:
        with source(backend.rtmp_url, arguments.gop):
            for player in backend.players:
                page = page_for(player, backend.watch_url, peers)
                starts = [first_frame(watch(browser, page, START)) for _ in range(arguments.starts)]
                seen = watch(browser, page, arguments.settle + arguments.seconds)
                starts.append(first_frame(seen))
                yield summarise(backend.name, player, seen, starts, arguments.settle)
    finally:
        backend.stop()


def show(results: list[Watched], missing: list[Backend]) -> None:
    """A table, the first row as the measure of the others."""
    print(
        f"\n{'server':<26}{'player':<9}{'median':>8}{'p95':>8}{'first':>8}{'stalls':>8}"
        f"{'gap':>8}{'ratio':>8}   over"
    )
    for result in results:
        print(
            f"{result.backend:<26}{result.player:<9}{result.median:>6.0f}ms{result.p95:>6.0f}ms"
            f"{result.first_frame:>6.0f}ms{result.stalls:>8}{result.longest_gap:>6.0f}ms"
            f"{result.median / results[0].median:>8.2f}   {result.seconds:.0f} s,"
            f" {result.frames} frames, {result.misread} misread"
        )
    for backend in missing:
        print(f"{backend.name:<26}not measured: {backend.missing}")
    show_gaps(results)
    busy, cores = os.getloadavg()[1], os.cpu_count() or 1
    print(f"\nload {busy:.1f} on {cores} cores over five minutes", end="")
    print(": others were busy, the figures are not worth much" if busy > 1.5 * cores else "")
    print("latency after settling; first frame: median from navigation; stalls: over 250 ms")
    best = results[0]
    for name, most in REACH.items():
        value = getattr(best, name)
        print(f"reach {name} <= {most:g}: {value:.0f} {'met' if value <= most else 'MISSED'}")


def show_gaps(results: list[Watched]) -> None:
    """What lay behind each gap between frames."""
    for result in results:
        for gap in result.gaps:
            print(
                f"\n{result.backend}, {result.player}: {gap.lasted:.0f} ms without news of a frame"
                f" after {gap.at / 1000:.1f} s, with {gap.buffered:.0f} ms buffered."
                f" Slowest request {gap.slowest_request:.0f} ms, scripts held up for"
                f" {gap.page_busy:.0f} ms, the source late by {gap.source_late:.0f} ms,"
                f" frames shown {gap.presented}{'' if gap.stall else ': no stall'}",
                end="",
            )
    print()


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--page", default="", help="watch page of a running stack")
    parser.add_argument("--rtmp", default="", help="RTMP URL of that channel, with its stream key")
    parser.add_argument("--rig", action="store_true", help="our servers in one process, no log")
    parser.add_argument("--seconds", type=float, default=60, help="time measured (600: the claim)")
    parser.add_argument("--settle", type=float, default=10, help="seconds before latency counts")
    parser.add_argument("--starts", type=int, default=4, help="extra starts for the first frame")
    parser.add_argument("--gop", type=float, default=2.0, help="seconds between key frames")
    parser.add_argument("--only", default="", help="measure servers whose name contains this")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    ours: Backend = Rig() if arguments.rig else Ours(arguments.page, arguments.rtmp)
    every: list[Backend] = [ours, MediaMtx(), NginxRtmp()]
    chosen = [each for each in every if arguments.only.lower() in each.name.lower()]
    missing = [each for each in chosen if each.missing]
    results: list[Watched] = []
    with peer_pages() as peers, chromium(arguments.chromium) as browser:
        for backend in chosen:
            if not backend.missing:
                results += measure(backend, browser, peers, arguments)
    if not results:
        sys.exit("; ".join(f"{each.name}: {each.missing}" for each in missing))
    show(results, missing)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)))


if __name__ == "__main__":
    main()

"""How long the whole stack takes to start, how much memory it keeps, and what it leaves behind.

    uv run python -m benchmarks.stack

Runs `millrace up --demo` twice in a folder of its own (the second start is the warm one: the
downloads are there, and so are the data), on free ports, and watches it in Chromium. Limits: first
frame of the warm start 60 s, memory 4 GiB, no process left behind.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from infra.local import state
from infra.local.layout import Layout
from infra.local.ports import free_ports
from infra.settings import LocalSettings
from millrace import demo, roles

CHROMIUM = "/usr/bin/chromium"
MEMORY_LIMIT = 4 << 30
FIRST_FRAME_LIMIT = 60.0
FIRST_FRAME = """() => new Promise((seen) =>
    document.querySelector("video").requestVideoFrameCallback(() => seen(true)))"""
SETTLE = 20.0
"""Seconds between readiness and the look at the memory."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--settle", type=float, default=SETTLE, help="seconds before memory is read"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        layout = Layout(Path(folder), Layout.of(LocalSettings()).downloads)
        settings = environment(layout)
        runs = [measure(layout, settings, settle) for settle in (0.0, arguments.settle)]
    if arguments.json:
        print(json.dumps({"first": runs[0], "warm": runs[1]}, indent=2))
    else:
        show(*runs)
    warm = runs[1]
    well = warm["resident"] <= MEMORY_LIMIT and warm["first_frame_seconds"] <= FIRST_FRAME_LIMIT
    sys.exit(0 if well and not any(run["left"] for run in runs) else 1)


def environment(layout: Layout) -> dict[str, str]:
    """Free ports for everything that listens."""
    names = [
        *("MILLRACE_KAFKA_CONTROLLER_PORT", "MILLRACE_CASSANDRA_PORT"),
        *("MILLRACE_CASSANDRA_STORAGE_PORT", *roles.port_settings()),
    ]
    kafka, redis, *ports = map(str, free_ports(len(names) + 2))
    return {
        "MILLRACE_DATA": str(layout.data),
        "MILLRACE_DOWNLOADS": str(layout.downloads),
        "MILLRACE_KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka}",
        "MILLRACE_REDIS_URL": f"redis://127.0.0.1:{redis}/0",
        **dict(zip(names, ports, strict=True)),
    }


def measure(layout: Layout, settings: dict[str, str], settle: float) -> dict[str, Any]:
    """One life of the stack: seconds to start and to stop, memory by process, processes left."""
    layout.make()
    began = time.monotonic()
    with layout.log("millrace").open("ab") as log:
        stack = subprocess.Popen(
            [sys.executable, "-m", "millrace", "up", "--demo"],
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        found = wait_ready(layout, stack)
        started = time.monotonic() - began
        show_first_frame(f"http://127.0.0.1:{settings['MILLRACE_GATEWAY_PORT']}/c/{demo.SAMPLE}")
        first_frame = time.monotonic() - began
        time.sleep(settle)
        family = [psutil.Process(stack.pid), *psutil.Process(stack.pid).children(recursive=True)]
        names = {each.pid: each.name for each in found.processes}
        memory = {
            names.get(each.pid, "millrace" if each.pid == stack.pid else each.name()): each
            for each in family
        }
        resident = {name: each.memory_info().rss for name, each in memory.items()}
        proportional = sum(each.memory_full_info().pss for each in family)
    finally:
        began = time.monotonic()
        stack.send_signal(signal.SIGTERM)
        stack.wait(120)
    stopped = time.monotonic() - began
    _, left = psutil.wait_procs(family, timeout=1)
    return {
        "start_seconds": round(started, 1),
        "first_frame_seconds": round(first_frame, 1),
        "ready_after": {each.name: round(each.ready_after or 0, 1) for each in found.processes},
        "resident": sum(resident.values()),
        "resident_by_process": resident,
        "proportional": proportional,
        "stop_seconds": round(stopped, 1),
        "left": [each.pid for each in left],
    }


def show_first_frame(page: str) -> None:
    """Start a browser, open the watch page, and return when it shows a frame."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        tab = browser.new_page()
        tab.goto(page)
        tab.evaluate(FIRST_FRAME)
        browser.close()


def wait_ready(layout: Layout, stack: "subprocess.Popen[bytes]") -> state.StackState:
    """The state of a stack whose every process is ready."""
    while stack.poll() is None:
        found = state.running(layout)
        if found is not None and found.pid == stack.pid and found.phase == "ready":
            return found
        time.sleep(0.05)
    sys.exit(f"the stack did not start:\n{layout.log('millrace').read_text()[-2000:]}")


def show(first: dict[str, Any], warm: dict[str, Any]) -> None:
    """Print the figures for people."""
    processes = Table("process", "ready after", "resident", box=None)
    for name, size in sorted(warm["resident_by_process"].items(), key=lambda item: -item[1]):
        after = warm["ready_after"].get(name)
        processes.add_row(name, f"{after} s" if after else "", f"{size / 2**20:.0f} MiB")
    figures = Table("figure", "value", "limit", box=None)
    figures.add_row("first start, data empty", f"{first['start_seconds']} s", "")
    figures.add_row("warm start, everything ready", f"{warm['start_seconds']} s", "")
    first_frame = f"{warm['first_frame_seconds']} s"
    figures.add_row("warm start, first frame in a browser", first_frame, "≤60 s")
    resident, shared = warm["resident"] / 2**20, warm["proportional"] / 2**20
    figures.add_row("resident memory", f"{resident:.0f} MiB", f"≤{MEMORY_LIMIT / 2**20:.0f} MiB")
    figures.add_row("of it, shared pages counted once", f"{shared:.0f} MiB", "")
    figures.add_row("stop", f"{warm['stop_seconds']} s", "")
    figures.add_row("processes left", str(len(first["left"]) + len(warm["left"])), "0")
    console = Console()
    console.print(processes)
    console.print(figures)


if __name__ == "__main__":
    main()

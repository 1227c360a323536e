"""What a rendition adds, from a frame's making to its showing, over the source.

    millrace channel tier glass partner
    python -m benchmarks.rendition_delay --page http://127.0.0.1:8080/c/glass --rtmp rtmp://…/KEY

One browser watches the page of a running platform and changes between the source and a rendition,
some seconds each, in turns, so that both meet the same load. It reads the clock that is burnt into
each frame. Reach: 150 ms more, median.
"""

import argparse
import os
import statistics
import time
from typing import Any, Final

from playwright.sync_api import Page

from benchmarks._glass.viewing import HERE, chromium
from benchmarks.glass_to_glass import source

REACH: Final = 150.0
CURRENT: Final = "() => window.millrace?.player?.quality?.current"


def opened(page: Page, url: str) -> None:
    """Open the page, and wait for its first frames."""
    page.add_init_script(path=str(HERE / "clock_reader.js"))
    page.goto(url, wait_until="commit")
    wait(page, "() => window.glass?.frames.length ?? 0", lambda count: count > 30)


def wait(page: Page, script: str, satisfied: Any, seconds: float = 60.0) -> Any:
    """The value of a script as soon as it satisfies. Raises RuntimeError."""
    deadline = time.monotonic() + seconds
    while not satisfied(value := page.evaluate(script)):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{script} is still {value}")
        page.wait_for_timeout(100)
    return value


def watched(page: Page, name: str, settle: float, seconds: float) -> list[float]:
    """Latencies in milliseconds while a rendition is shown."""
    page.evaluate("name => millrace.player.wishFor(name)", name)
    wait(page, CURRENT, lambda current: current == name)
    page.wait_for_timeout(settle * 1000)
    since = page.evaluate("() => glass.frames.length")
    page.wait_for_timeout(seconds * 1000)
    if page.evaluate(CURRENT) != name:
        raise RuntimeError(f"{name} was left meanwhile: {page.evaluate(CURRENT)} plays")
    frames = page.evaluate("since => glass.frames.slice(since)", since)
    return [latency for _, latency, _ in frames if latency is not None]


def rungs(page: Page) -> list[str]:
    """Renditions that can be played, besides the source and the sound."""
    script = (
        "() => millrace.player.quality.choices.filter((one) => one.there).map((one) => one.name)"
    )
    found = wait(page, script, lambda names: any(name[0].isdigit() for name in names))
    return [name for name in found if name[0].isdigit()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--page", required=True, help="watch page of a running platform")
    parser.add_argument("--rtmp", required=True, help="RTMP URL of that channel, with its key")
    parser.add_argument("--rendition", default="", help="default: the largest that there is")
    parser.add_argument("--height", type=int, default=720, help="of the source: 360, 540, 720")
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--settle", type=float, default=6, help="seconds before latency counts")
    parser.add_argument("--seconds", type=float, default=10, help="seconds of a turn that count")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    with source(arguments.rtmp, 2.0, arguments.height), chromium(arguments.chromium) as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        opened(page, arguments.page)
        name = arguments.rendition or max(rungs(page), key=lambda rung: int(rung.split("p")[0]))
        seen: dict[str, list[float]] = {"source": [], name: []}
        for turn in range(arguments.turns):
            for each, latencies in seen.items():
                found = watched(page, each, arguments.settle, arguments.seconds)
                latencies += found
                print(f"turn {turn + 1}  {each:<10} median {statistics.median(found):6.0f} ms")
    show(seen["source"], seen[name], name)


def show(source_ms: list[float], rendition_ms: list[float], name: str) -> None:
    """Both, and what the rendition adds."""
    for each, latencies in (("source", source_ms), (name, rendition_ms)):
        p95 = statistics.quantiles(latencies, n=20)[18]
        median = statistics.median(latencies)
        print(f"{each:<10} median {median:6.0f} ms  p95 {p95:6.0f} ms  {len(latencies)} frames")
    added = statistics.median(rendition_ms) - statistics.median(source_ms)
    print(f"load {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores over five minutes")
    verdict = "met" if added <= REACH else "MISSED"
    print(f"reach added by {name} <= {REACH:.0f} ms: {added:.0f} {verdict}")


if __name__ == "__main__":
    main()

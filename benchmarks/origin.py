"""How many low-latency viewers a core of the origin serves: `python -m benchmarks.origin`.

Three processes besides Kafka: this one publishes a recording in real time through the packager,
an origin serves it, a load generator plays N viewers (blocking reload with delta updates, then
every new part). Prints requests a second, delays, and the origin's CPU time.
"""

import asyncio
import json
import multiprocessing
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated

import aiohttp
import psutil
import typer
import uvloop

from infra.settings import OriginSettings
from media.flv import Tag
from media.origin.follower import Topics
from media.origin.role import Origin
from media.storage import object_store
from schemas.registry import registry
from tests.integration.media_stack import MediaStack, media_stack
from tests.recordings import tags

RECORDING = "bbb_360p_10s.flv"
PARTS_A_SECOND = 12.5  # two frames of 25 a second
_PART = re.compile(r'#EXT-X-PART:DURATION=([\d.]+),URI="([^"]*/(\d+)\.(\d+)\.m4s)"', re.MULTILINE)


def loop_of_tags() -> Iterator[Tag]:
    """The recording again and again, its clock going on."""
    sent = tags(RECORDING)
    span = max(tag.timestamp for tag in sent) + 40
    turn = 0
    while True:
        for tag in sent:
            if turn == 0 or tag.data[1:2] == b"\1":
                yield Tag(tag.kind, tag.timestamp + turn * span, tag.data)
        turn += 1


async def publish(stack: MediaStack) -> None:
    """Feed the packager at the recording's own speed."""
    publisher = await stack.start()
    start, started = stack.clock.now(), time.monotonic()
    for tag in loop_of_tags():
        ahead = tag.timestamp / 1000 - (time.monotonic() - started)
        if ahead > 0:
            await asyncio.sleep(ahead)
        await publisher.feed([tag], start + tag.timestamp * 1000)


def serve(bootstrap: str, topics: Topics, folder: str, port: Connection) -> None:
    """The origin's process."""

    async def run() -> None:
        settings = OriginSettings(host="127.0.0.1", port=0)
        store = object_store("", Path(folder))
        origin = Origin(settings, bootstrap, registry(), store, topics=topics)
        running = asyncio.ensure_future(origin.run())
        await origin.started.wait()
        port.send(origin.port)
        await running

    uvloop.run(run())


class Figures:
    """What the viewers saw."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget what was before the run."""
        self.requests, self.bytes, self.errors = 0, 0, 0
        self.fetches: list[float] = []
        self.announced: dict[str, float] = {}
        self.spreads: list[float] = []


async def view(session: aiohttp.ClientSession, base: str, figures: Figures) -> None:
    """One viewer: follows the newest part."""
    number, part = -1, -1
    while True:
        query = f"?_HLS_msn={number}&_HLS_part={part + 1}&_HLS_skip=YES" if number >= 0 else ""
        text = await fetch(session, f"{base}/source.m3u8{query}", figures)
        if text is None:
            await asyncio.sleep(0.2)
            continue
        listed = _PART.findall(text.decode())
        new = [each for each in listed if (int(each[2]), int(each[3])) > (number, part)]
        for _, uri, at, index in new[-3:]:
            asked = time.monotonic()
            body = await fetch(session, f"{base}/{uri}", figures)
            if body is None:
                continue
            done = time.monotonic()
            figures.fetches.append(done - asked)
            figures.spreads.append(done - figures.announced.setdefault(uri, asked))
            number, part = int(at), int(index)


async def fetch(session: aiohttp.ClientSession, url: str, figures: Figures) -> bytes | None:
    async with session.get(url) as response:
        body = await response.read()
        figures.requests += 1
        figures.bytes += len(body)
        if response.status != 200:
            figures.errors += 1
            return None
        return body


def load(base: str, viewers: int, seconds: float, result: Connection) -> None:
    """The load generator's process."""

    async def run() -> None:
        figures = Figures()
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            playing = [asyncio.ensure_future(view(session, base, figures)) for _ in range(viewers)]
            await asyncio.sleep(3)  # until every viewer is at the live edge
            figures.clear()
            result.send("begin")
            await asyncio.sleep(seconds)
            result.send(figures)
            for each in playing:
                each.cancel()
            await asyncio.gather(*playing, return_exceptions=True)

    uvloop.run(run())


async def measure(bootstrap: str, viewers: int, seconds: float) -> dict[str, float]:
    """One run with so many viewers."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        async with media_stack(bootstrap, Path(folder)) as stack:
            here, there = context.Pipe()
            origin = context.Process(target=serve, args=(bootstrap, stack.topics, folder, there))
            origin.start()
            port = await asyncio.to_thread(here.recv)
            publishing = asyncio.ensure_future(publish(stack))
            await asyncio.sleep(3)
            base = f"http://127.0.0.1:{port}/live/{stack.stream_id}"
            ours, theirs = context.Pipe()
            generator = context.Process(target=load, args=(base, viewers, seconds, theirs))
            generator.start()
            try:
                await asyncio.to_thread(ours.recv)
                process = psutil.Process(origin.pid)
                before, began = sum(process.cpu_times()[:2]), time.monotonic()
                figures: Figures = await asyncio.to_thread(ours.recv)
                spent = sum(process.cpu_times()[:2]) - before
                return summary(figures, viewers, time.monotonic() - began, spent)
            finally:
                for child in (generator, origin):
                    child.terminate()
                    child.join()
                publishing.cancel()
                await asyncio.gather(publishing, return_exceptions=True)


def summary(figures: Figures, viewers: int, seconds: float, cpu: float) -> dict[str, float]:
    """The figures of a run; delays in milliseconds."""

    def percentile(values: list[float], percent: int) -> float:
        return round(statistics.quantiles(values, n=100)[percent - 1] * 1000, 1)

    needed = 2 * PARTS_A_SECOND  # a reload and a part each; a generator at its limit does fewer
    return {
        "viewers": viewers,
        "served_of_needed": round(figures.requests / seconds / (viewers * needed), 2),
        "requests_per_second": round(figures.requests / seconds, 1),
        "megabits_per_second": round(figures.bytes * 8 / seconds / 1e6, 1),
        "errors": figures.errors,
        "part_fetch_p50_ms": percentile(figures.fetches, 50),
        "part_fetch_p99_ms": percentile(figures.fetches, 99),
        "last_viewer_after_first_p50_ms": percentile(figures.spreads, 50),
        "last_viewer_after_first_p99_ms": percentile(figures.spreads, 99),
        "origin_cpu_percent": round(100 * cpu / seconds, 1),
        "requests_per_core_second": round(figures.requests / cpu) if cpu else 0,
        "viewers_per_core": round(figures.requests / cpu / needed) if cpu else 0,
    }


def main(
    viewers: Annotated[list[int] | None, typer.Option(help="Viewers of a run.")] = None,
    seconds: Annotated[float, typer.Option(help="Length of a run.")] = 15.0,
    kafka: Annotated[str, typer.Option(envvar="MILLRACE_TEST_KAFKA")] = "127.0.0.1:9092",
) -> None:
    """Print one line of JSON for each number of viewers."""
    print(json.dumps({"cores": os.cpu_count(), "recording": RECORDING, "seconds": seconds}))
    for count in viewers or [50, 100, 200, 300]:
        print(json.dumps(uvloop.run(measure(kafka, count, seconds))), flush=True)


if __name__ == "__main__":
    typer.run(main)

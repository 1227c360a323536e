"""How many streams a machine makes renditions of in real time.

    uv run python -m benchmarks.density
    uv run python -m benchmarks.density --rate 60 --most 40

Ladders run side by side, each fed a live source's parts when they would come, with the encoder that
the probe finds best: NVENC on a GPU that has it, else x264, and it says which. One stream more is
added as long as all keep up: of 20 parts of rungs, 19 come within `--late` of their source's.
"""

import argparse
import asyncio
import os
import time

import msgspec

from media.encoding import synthetic
from media.encoding.encoders import HARDWARE, Encoders
from media.encoding.ladder import Ladder
from media.encoding.outputs import Measured, Part, Produced, SourcePart, Target
from media.encoding.probe import SHARE, probe
from media.encoding.sizes import macroblocks

LADDER = (
    Target("480p30", 854, 480, 30, 1_500_000),
    Target("360p30", 640, 360, 30, 800_000),
    Target("160p30", 284, 160, 30, 400_000),
)
FULL = (Target("720p60", 1280, 720, 60, 3_000_000), *LADDER)


class Stream:
    """One ladder, fed in real time until told to stop."""

    def __init__(self, parts: list[SourcePart], targets: tuple[Target, ...], encoder: str) -> None:
        self._parts, self._ladder = parts, Ladder(targets, encoders=Encoders((encoder,)))
        self._fed: dict[tuple[int, int], float] = {}
        self._stopped = False
        self.delays: list[float] = []
        self.measured: list[Measured] = []

    async def run(self) -> None:
        """Until stopped."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feed())
            tasks.create_task(self._take())

    def stop(self) -> None:
        """End with the part at hand."""
        self._stopped = True

    async def _feed(self) -> None:
        due, sequence = time.perf_counter(), 0
        while not self._stopped:
            for part in self._parts:
                due += part.duration
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                self._fed[sequence, part.part] = due
                await self._ladder.feed(msgspec.structs.replace(part, media_sequence=sequence))
                if self._stopped:
                    break
            sequence += 1
        await self._ladder.close()

    async def _take(self) -> None:
        async for output in self._ladder.outputs():
            if isinstance(output, Measured):
                self.measured.append(output)
            elif isinstance(output, Produced) and isinstance(output.output, Part):
                at = output.output.media_sequence, output.output.part
                self.delays.append(time.perf_counter() - self._fed[at])


async def fill(arguments: argparse.Namespace) -> None:
    """Add streams until one falls behind."""
    abilities = await probe()
    encoder = abilities.encoders[0]
    width, height = (1920, 1080) if arguments.rate == 60 else (1280, 720)
    targets = FULL if arguments.rate == 60 else LADDER
    parts = synthetic.segment(width, height, arguments.rate, 2.0)
    cost = sum(macroblocks(one.width, one.height) * one.frame_rate for one in targets)
    cost += macroblocks(width, height) * arguments.rate * abilities.decoding / 1000
    kind = "GPU" if encoder in HARDWARE else "no GPU that encodes: the processor, same code path"
    print(f"{encoder} ({kind}), {height}p{arguments.rate} into {len(targets)} rungs")
    print(f"the probe says {abilities.capacity / cost:.1f} streams ({SHARE:.0%} of what it saw)\n")
    streams: list[Stream] = []
    held = 0
    async with asyncio.TaskGroup() as tasks:
        while len(streams) < arguments.most:
            streams.append(Stream(parts, targets, encoder))
            tasks.create_task(streams[-1].run())
            await asyncio.sleep(1)
            for stream in streams:
                stream.delays.clear()
            await asyncio.sleep(arguments.seconds)
            late = sorted(delay for stream in streams for delay in stream.delays) or [99.0]
            p95 = late[int(len(late) * 0.95)]
            print(
                f"{len(streams):>3} streams: parts out {1000 * late[len(late) // 2]:.0f} ms after"
                f" their source's, p95 {1000 * p95:.0f} ms, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            if p95 > arguments.late:
                break
            held = len(streams)
        for stream in streams:
            stream.stop()
    measured = [one for stream in streams for one in stream.measured]
    media = sum(one.duration for one in measured if one.rendition == targets[0].name)
    if media:
        processor = sum(one.cpu_seconds for one in measured) / media
        gpu = sum(one.gpu_seconds for one in measured) / media
        print(
            f"\n{held} streams in real time on {os.cpu_count()} processors; a stream takes", end=""
        )
        print(f" {processor:.2f} of a processor and {gpu:.2f} of a GPU's encoders")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, choices=(30, 60), default=30, help="720p30 or 1080p60")
    parser.add_argument("--most", type=int, default=200, help="streams at most")
    parser.add_argument("--seconds", type=float, default=4.0, help="for which a number must hold")
    parser.add_argument("--late", type=float, default=0.5, help="seconds that parts may take")
    asyncio.run(fill(parser.parse_args()))


if __name__ == "__main__":
    main()

"""The ladder against FFmpeg's command line: processor time, wall time, quality, delay.

    uv run python -m benchmarks.ladder
    uv run python -m benchmarks.ladder --case 1080p60 --repeat 5
    uv run python -m benchmarks.ladder --video recording.mp4 --only-delay

The same pictures go through our ladder (parts in, parts out, as fast as it goes), through one
FFmpeg process that splits them, and through one FFmpeg process a rung; all with x264, the same
bitrates, buffers and key frames. The peers have the preset that people use (veryfast), and once
ours. Contenders take turns, so that a noisy minute hurts all; the median counts. While processor
time is measured each is held to one processor, for two that share a core slow each other.
"""

import argparse
import asyncio
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import av
import msgspec

from media import flv
from media.encoding.ladder import Ladder
from media.encoding.outputs import Measured, Output, Produced, SourcePart, Target
from media.packaging.outputs import Opened, Part
from media.packaging.packager import Packager

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "infra" / "local" / "demo" / "big_buck_bunny_480p.mp4"
DECIBELS = 0.3
REACH = 0.95
NAMES = {
    "ours": "Millrace",
    "split": "one FFmpeg that splits",
    "each": "one FFmpeg a rung",
    "split-same": "one FFmpeg, our preset",
}
CONTENDERS = tuple(NAMES)
PRESETS = {"split": "veryfast", "each": "veryfast", "split-same": "superfast"}
"""x264's, of the peers. Ours is superfast."""


@dataclass(frozen=True)
class Case:
    """A source and its rungs."""

    width: int
    height: int
    rate: int
    bitrate: str
    targets: tuple[Target, ...]


SMALL = (
    Target("480p30", 854, 480, 30, 1_500_000),
    Target("360p30", 640, 360, 30, 800_000),
    Target("160p30", 284, 160, 30, 400_000),
)
CASES = {
    "720p30": Case(1280, 720, 30, "3500k", SMALL),
    "1080p60": Case(1920, 1080, 60, "6000k", (Target("720p60", 1280, 720, 60, 3_000_000), *SMALL)),
}


@dataclass
class Figures:
    """Seconds that a contender takes for a minute: of the processor, one a repetition, and wall."""

    cpu: list[float] = field(default_factory=list)
    wall: float = 0.0


def prepare(video: Path, case: Case, seconds: float, folder: Path) -> tuple[SourcePart, ...]:
    """A publisher's stream of the video's pictures, scaled and re-timed: nothing is duplicated."""
    target = folder / "source.flv"
    command = [
        *("ffmpeg", "-v", "error", "-y", "-stream_loop", "-1", "-r", str(case.rate)),
        *("-i", str(video), "-an", "-frames:v", str(round(seconds * case.rate))),
        *("-vf", f"scale={case.width}:{case.height}:flags=bicubic,setsar=1"),
        *("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-b:v", case.bitrate),
        *("-maxrate", case.bitrate, "-bufsize", case.bitrate, "-g", str(2 * case.rate)),
        *("-sc_threshold", "0", "-pix_fmt", "yuv420p", "-f", "flv", str(target)),
    ]
    subprocess.run(command, check=True)
    packager, opened, parts = Packager(), None, []
    outputs = []
    for tag in flv.read_tags(target.read_bytes()):
        outputs += packager.feed(tag, tag.timestamp * 1000)
    for output in outputs + packager.finish():
        if isinstance(output, Opened):
            opened = output
        elif isinstance(output, Part):
            assert opened is not None
            fields = msgspec.structs.asdict(output)
            parts.append(SourcePart(**fields, init=opened.init, frame_rate=opened.frame_rate))
    (folder / "source.mp4").write_bytes(parts[0].init + b"".join(part.data for part in parts))
    (folder / "source.parts").write_bytes(msgspec.msgpack.encode(parts))
    return tuple(parts)


async def drive(
    parts: tuple[SourcePart, ...], targets: tuple[Target, ...], *, paced: bool
) -> tuple[dict[str, list[bytes]], list[float], list[Measured]]:
    """Feed a ladder. Returns what it made, how long each part took, and its own measurements."""
    ladder = Ladder(targets)
    media: dict[str, list[bytes]] = defaultdict(list)
    fed: dict[tuple[int, int], float] = {}
    delays, measured = [], []

    async def feed() -> None:
        began = time.perf_counter()
        for part in parts:
            if paced:  # A part is there when its last picture is.
                ready = began + part.media_time + part.duration
                await asyncio.sleep(max(0.0, ready - time.perf_counter()))
            fed[part.media_sequence, part.part] = time.perf_counter()
            await ladder.feed(part)
        await ladder.close(ended=True)

    feeding = asyncio.create_task(feed())
    async for output in ladder.outputs():
        take(output, media, measured)
        if isinstance(output, Produced) and isinstance(output.output, Part):
            at = output.output.media_sequence, output.output.part
            delays.append(time.perf_counter() - fed[at])
    await feeding
    return media, delays, measured


def take(output: Output, media: dict[str, list[bytes]], measured: list[Measured]) -> None:
    if isinstance(output, Measured):
        measured.append(output)
    elif isinstance(output, Produced):
        made = output.output
        if isinstance(made, Opened):
            media[output.rendition].append(made.init)
        elif isinstance(made, Part):
            media[output.rendition].append(made.data)
    else:
        sys.exit(f"a rung failed: {output.detail}")


def run_ours(folder: Path, case: Case) -> None:
    """As fast as it goes, in a process of its own: prints processor and wall seconds."""
    parts = msgspec.msgpack.decode(
        (folder / "source.parts").read_bytes(), type=tuple[SourcePart, ...]
    )
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    media, _, _ = asyncio.run(drive(parts, case.targets, paced=False))
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began
    for name, pieces in media.items():
        (folder / f"ours-{name}.mp4").write_bytes(b"".join(pieces))
    print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def ffmpeg(folder: Path, case: Case, targets: tuple[Target, ...], kind: str) -> list[str]:
    """One FFmpeg process that makes these rungs, with the settings that ours have."""
    labels = "".join(f"[in{index}]" for index in range(len(targets)))
    chains = [f"[0:v]split={len(targets)}{labels}"]
    outputs: list[str] = []
    for index, target in enumerate(targets):
        step, rate = round(case.rate / target.frame_rate), f"{target.frame_rate:g}"
        pictures = f"select=not(mod(n\\,{step})),setpts=N/{rate}/TB,fps={rate}"
        scale = f"scale={target.width}:{target.height}:flags=bicubic"
        chains.append(f"[in{index}]{pictures},{scale}[out{index}]")
        gop = round(2 * target.frame_rate)
        outputs += [
            *("-map", f"[out{index}]", "-c:v", "libx264", "-preset", PRESETS[kind]),
            *(
                "-threads",
                "1",
                "-tune",
                "zerolatency",
                "-profile:v",
                "high",
                "-b:v",
                str(target.bitrate),
            ),
            *("-maxrate", str(target.bitrate * 6 // 5), "-bufsize", str(target.bitrate)),
            *("-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-fps_mode", "vfr"),
            *("-movflags", "frag_keyframe+empty_moov", str(folder / f"{kind}-{target.name}.mp4")),
        ]
    return [
        *("ffmpeg", "-v", "error", "-y", "-nostdin", "-threads", "1", "-filter_complex_threads"),
        *("1", "-i", str(folder / "source.mp4"), "-filter_complex", ";".join(chains), *outputs),
    ]


def run(kind: str, folder: Path, name: str, processors: set[int]) -> tuple[float, float]:
    """Processor and wall seconds of one contender on these processors."""
    case = CASES[name]
    hold = ["taskset", "-c", ",".join(map(str, processors))]
    if kind == "ours":
        command = [sys.executable, "-m", "benchmarks.ladder", "--ours", str(folder), "--case", name]
        said = subprocess.run(hold + command, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout
        cpu, wall = map(float, said.split())
        return cpu, wall
    groups = [(target,) for target in case.targets] if kind == "each" else [case.targets]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    running = [subprocess.Popen(hold + ffmpeg(folder, case, group, kind)) for group in groups]
    for process in running:
        process.wait()
    if any(process.returncode for process in running):
        sys.exit("FFmpeg failed")
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def quality(folder: Path, case: Case, target: Target, kind: str) -> tuple[float, float]:
    """PSNR against the source's picture scaled (luma and chroma), and kbit/s of video."""
    made = folder / f"{kind}-{target.name}.mp4"
    step = round(case.rate / target.frame_rate)
    graph = (
        f"[1:v]select=not(mod(n\\,{step})),scale={target.width}:{target.height}:flags=bicubic,"
        "setpts=N/30/TB[b];[0:v]setpts=N/30/TB[a];[a][b]psnr"
    )
    command = ["ffmpeg", "-hide_banner", "-nostats", "-i", str(made), "-i"]
    command += [str(folder / "source.mp4"), "-lavfi", graph, "-f", "null", "-"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    found = re.search(r"PSNR.* average:([\d.]+)", said)
    with av.open(str(made)) as container:
        size = sum(packet.size for packet in container.demux(video=0))
    pictures = int(re.findall(r"frame=\s*(\d+)", said)[-1])
    assert found is not None
    return float(found[1]), size * 8 * target.frame_rate / pictures / 1000


def compare(name: str, folder: Path, seconds: float, repeat: int) -> None:
    """All contenders in turns, then how good what they made is."""
    case = CASES[name]
    figures = {kind: Figures() for kind in CONTENDERS}
    everywhere = os.sched_getaffinity(0)
    for number in (turn % len(CONTENDERS) for turn in range(repeat)):
        for kind in CONTENDERS[number:] + CONTENDERS[:number]:
            cpu, _ = run(kind, folder, name, {max(everywhere)})
            figures[kind].cpu.append(cpu * 60 / seconds)
    for kind in CONTENDERS:
        figures[kind].wall = run(kind, folder, name, everywhere)[1] * 60 / seconds
    cpu = {kind: statistics.median(figures[kind].cpu) for kind in CONTENDERS}
    print(f"\n{name}: seconds for a minute of it, median (range) of {repeat}\n")
    for kind in CONTENDERS:
        each = figures[kind]
        print(
            f"{NAMES[kind]:<24}CPU {cpu[kind]:6.1f} ({min(each.cpu):.1f} to {max(each.cpu):.1f})"
            f"   wall {each.wall:6.1f}   ratio {cpu['ours'] / cpu[kind]:.2f}"
        )
    worst = dict.fromkeys(PRESETS, 99.0)
    print()
    for target in case.targets:
        found = {kind: quality(folder, case, target, kind) for kind in CONTENDERS}
        for kind in PRESETS:
            worst[kind] = min(worst[kind], found["ours"][0] - found[kind][0])
        said = (
            f"{NAMES[kind]} {found[kind][0]:.2f} dB {found[kind][1]:.0f} k" for kind in CONTENDERS
        )
        print(f"{target.name:<8}" + ", ".join(said))
    print()
    for kind in PRESETS:
        verdict = "MISSED" if worst[kind] < -DECIBELS else "met"
        print(
            f"reach PSNR >= {NAMES[kind]} - {DECIBELS}: {worst[kind]:+.2f} dB at worst, {verdict}"
        )
    print()
    for kind, preset in PRESETS.items():
        ratio = cpu["ours"] / cpu[kind]
        verdict = "met" if ratio <= REACH else "MISSED"
        print(f"reach CPU <= {REACH} of {NAMES[kind]} ({preset}): {ratio:.2f} {verdict}")


def delay(name: str, parts: tuple[SourcePart, ...]) -> None:
    """Feed the parts when a live source would, and see how long each takes."""
    _, delays, measured = asyncio.run(drive(parts, CASES[name].targets, paced=True))
    rungs = sorted(1000 * one for one in delays)
    media = sum(one.duration for one in measured) / len(CASES[name].targets)
    median = statistics.median(rungs)
    print(
        f"\n{name} in real time: from a source's part being there (its last picture was just taken)"
        f"\nto the same part of a rung being out, {len(rungs)} parts of {len(CASES[name].targets)}"
        f" rungs: median {median:.0f} ms, p95 {rungs[int(len(rungs) * 0.95)]:.0f} ms;"
        f" {sum(one.cpu_seconds for one in measured) / media:.2f} cores"
    )
    print(f"reach median <= 50: {median:.0f} ms {'met' if median <= 50 else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=CASES, help="one of them; else both")
    parser.add_argument("--video", type=Path, default=DEMO, help="recording to scale")
    parser.add_argument("--seconds", type=float, default=8.0, help="how much of it")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only-delay", action="store_true", help="do not compare with FFmpeg")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        run_ours(arguments.ours, CASES[arguments.case])
        return
    for name in [arguments.case] if arguments.case else CASES:
        with tempfile.TemporaryDirectory() as folder:
            parts = prepare(arguments.video, CASES[name], arguments.seconds, Path(folder))
            if not arguments.only_delay:
                compare(name, Path(folder), arguments.seconds, arguments.repeat)
            delay(name, parts)
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()

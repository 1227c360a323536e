"""CPU per publisher of the RTMP ingest, against nginx-rtmp and MediaMTX.

    python -m benchmarks.ingest [--publishers 50 100 200] [--seconds 20]

One process sends the same prepared RTMP bytes (720p30, about 2.6 Mbit/s, H.264 and AAC) at real
pace over N connections. Servers take them in and nothing else is attached to them; ours also writes
every packet to its spool, as it does in production. Packaging is not part of any of the figures.
nginx-rtmp is measured where Debian's libnginx-mod-rtmp is installed, MediaMTX where MEDIAMTX names
its binary.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import psutil
import uvloop

from infra.local.ports import free_ports
from media import flv
from media.flv import Tag
from tests import rtmp_publisher as client
from tests.integration.ingest_fakes import Segments, key_of, running

NGINX_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
SETTLE = 4.0
CLIP = 10


def clip(folder: Path) -> list[Tag]:
    """Ten seconds of a moving test picture and a tone."""
    target = folder / "clip.flv"
    picture = f"testsrc2=size=1280x720:rate=30:duration={CLIP}"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture]
    command += ["-f", "lavfi", "-i", f"sine=sample_rate=48000:duration={CLIP}"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "60"]
    command += ["-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k", "-pix_fmt", "yuv420p"]
    command += ["-c:a", "aac", "-b:a", "128k", "-ac", "2", str(target)]
    subprocess.run(command, check=True)
    return list(flv.read_tags(target.read_bytes()))


def schedule(tags: list[Tag]) -> Iterator[tuple[float, bytes]]:
    """(seconds from the start, bytes), without end: the clip in a loop with times that go on."""
    heads = [tag for tag in tags if not flv.is_coded_frame(tag)]
    yield 0.0, b"".join(map(client.media, heads))
    frames = [tag for tag in tags if flv.is_coded_frame(tag)]
    for round_ in count():
        for tag in frames:
            at = tag.timestamp + round_ * CLIP * 1000
            yield at / 1000, client.media(msgspec.structs.replace(tag, timestamp=at))


class Sender(asyncio.Protocol):
    """A connection that sends, and reads nothing but its end."""

    lost = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport: Any = transport

    def connection_lost(self, error: Exception | None) -> None:
        """Count it."""
        Sender.lost += 1


async def publish(port: int, publishers: int, seconds: float, tags: list[Tag]) -> None:
    """Send at real pace for `seconds`."""
    loop = asyncio.get_running_loop()
    senders = []
    for number in range(publishers):
        _, sender = await loop.create_connection(Sender, "127.0.0.1", port)
        sender.transport.write(client.opening(key_of(f"c{number}")))
        senders.append(sender)
    await asyncio.sleep(1)
    begin = loop.time()
    for at, data in schedule(tags):
        wait = begin + at - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        if loop.time() - begin > seconds:
            break
        for sender in senders:
            sender.transport.write(data)
    if Sender.lost:
        raise SystemExit(f"{Sender.lost} of {publishers} publishers were disconnected")
    for sender in senders:
        sender.transport.close()


class Discarded(Segments):
    """No packaging."""

    async def feed(self, tags: list[Tag], arrived_at: int) -> None:
        """Forget the tags."""


async def serve(folder: Path, port: int) -> None:
    """Our ingest, in a process of its own."""
    many: dict[str, Any] = {"max_connections_per_address": 1000, "max_half_open": 1000}
    async with running(folder, rtmp_port=port, **many) as rig:
        rig.make = Discarded
        await asyncio.Event().wait()


@contextmanager
def server(name: str, folder: Path, port: int) -> Iterator[psutil.Process | None]:
    """A server in a process of its own; None if it is not on this machine."""
    if name == "ours":
        command = [sys.executable, "-m", "benchmarks.ingest", "--serve", str(folder), str(port)]
    elif name == "nginx-rtmp":
        if not NGINX_MODULE.exists():
            yield None
            return
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"load_module {NGINX_MODULE};\nworker_processes 1;\ndaemon off;\npid {folder}/pid;\n"
            f"error_log {folder}/error.log;\nevents {{ worker_connections 2048; }}\n"
            f"rtmp {{ server {{ listen 127.0.0.1:{port}; chunk_size 4096; "
            "application live { live on; } } }\n"
        )
        command = ["nginx", "-c", str(configuration), "-p", str(folder)]
    else:
        binary = os.environ.get("MEDIAMTX")
        if not binary:
            yield None
            return
        configuration = folder / "mediamtx.yml"
        configuration.write_text(
            f"rtmpAddress: 127.0.0.1:{port}\nrtsp: no\nhls: no\nwebrtc: no\nsrt: no\n"
            "paths:\n  all_others:\n"
        )
        command = [binary, str(configuration)]
    with (folder / "output.log").open("wb") as log:
        place = None if name == "ours" else folder  # MediaMTX writes certificates where it runs
        child = psutil.Popen(command, stdout=log, stderr=log, cwd=place)
        try:
            yield child
        finally:
            child.terminate()
            with suppress(psutil.TimeoutExpired):
                child.wait(15)
            if child.is_running():
                child.kill()


def cpu(process: psutil.Process) -> float:
    """Seconds of CPU of a process and its children so far."""
    whole = [process, *process.children(recursive=True)]
    return sum(each.cpu_times().user + each.cpu_times().system for each in whole)


def measure(name: str, publishers: int, seconds: float, clip_folder: Path) -> float | None:
    """Cores that a server uses for one publisher; None if it is not on this machine."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = free_ports(1)[0]
        process = stack.enter_context(server(name, folder, port))
        if process is None:
            return None
        time.sleep(SETTLE)
        command = [
            sys.executable,
            "-m",
            "benchmarks.ingest",
            "--send",
            str(clip_folder / "clip.flv"),
        ]
        command += [str(port), str(publishers), str(seconds + 2 * SETTLE)]
        load = subprocess.Popen(command)
        time.sleep(SETTLE + 1)
        began, before = time.monotonic(), cpu(process)
        time.sleep(seconds)
        used = (cpu(process) - before) / (time.monotonic() - began)
        if load.wait(60):
            raise SystemExit(f"{name}: the publishers failed")
    return used / publishers


def compare(publishers: list[int], seconds: float) -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder:
        tags = clip(Path(folder))
        rate = sum(len(tag.data) for tag in tags) * 8 / CLIP / 1e6
        print(f"CPU per publisher of {rate:.2f} Mbit/s, in percent of one core; {seconds:g} s each")
        print(f"{'publishers':>10} {'ours':>8} {'nginx-rtmp':>18} {'MediaMTX':>18}")
        for number in publishers:
            ours = measure("ours", number, seconds, Path(folder))
            assert ours is not None
            cells = [f"{number:>10} {ours * 100:>7.3f}%"]
            for peer in ("nginx-rtmp", "MediaMTX"):
                theirs = measure(peer, number, seconds, Path(folder))
                if theirs is None:
                    cells.append(f"{'not measured':>18}")
                else:
                    cells.append(f"{theirs * 100:>7.3f}% ({ours / theirs:.2f} x)".rjust(18))
            print(" ".join(cells), flush=True)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publishers", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--send", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        folder, port = asked.serve
        uvloop.run(serve(Path(folder) / "spool", int(port)))
    elif asked.send:
        path, port, number, seconds = asked.send
        tags = list(flv.read_tags(Path(path).read_bytes()))
        uvloop.run(publish(int(port), int(number), float(seconds), tags))
    else:
        compare(asked.publishers, asked.seconds)


if __name__ == "__main__":
    main()

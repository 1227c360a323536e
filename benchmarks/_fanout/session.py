"""A contender with all its listeners, each on its core, at one rate after the other."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

from benchmarks._fanout.messages import LOAD_CORE, SERVER_CORE, now
from benchmarks._fanout.pace import Settings

_SUBSCRIBE: Final = '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"CHANNEL"}}'
_LEAD: Final = 1.5
"""Seconds of publishing before the measurement."""
_ROOT: Final = Path(__file__).parents[2]


class Figure(NamedTuple):
    """What one contender did at one rate."""

    offered: float
    """Deliveries a second."""
    delivered: float
    a_cpu_second: float
    """Deliveries, for each second of the server's processor time."""
    busy: float
    """Processor time of the server a second."""
    p50: float
    p99: float
    """Milliseconds from when a message was due."""
    together: float
    """Messages that came with one read: how much was written together."""
    load_busy: float

    def kept_up(self, p99: float) -> bool:
        """Whether all came in time."""
        return self.p99 <= p99 and self.delivered >= 0.97 * self.offered


@contextmanager
def process(core: int, module: str, settings: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """A module with its settings, on one core."""
    command = ["taskset", "-c", str(core), sys.executable, "-m", module, json.dumps(settings)]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT, env=_ENVIRON
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


_ENVIRON: Final = os.environ | {"GOMAXPROCS": "1"}


def _said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    line = child.stdout.readline().strip()
    if not line:
        raise SystemExit("a process ended too early")
    return line


def _order(child: subprocess.Popen[str], **words: float) -> None:
    assert child.stdin is not None
    child.stdin.write(json.dumps(words) + "\n")
    child.stdin.flush()


class Session:
    """One contender, until the stack is closed."""

    def __init__(self, stack: ExitStack, name: str, sockets: int, settings: Settings) -> None:
        go = name == "centrifugo"
        self._sockets, self._channels = sockets, settings.channels
        module = "ours" if name == "ours" else f"with_{name}"
        self._server = stack.enter_context(
            process(
                LOAD_CORE if go else SERVER_CORE,
                f"benchmarks._fanout.{module}",
                settings._asdict(),
            )
        )
        self._measured = psutil.Process(int(_said(self._server).removeprefix("ready ")))
        load = {
            "port": settings.port,
            "channels": settings.channels,
            "sockets": sockets,
            "path": "/connection/websocket" if go else "/{}",
            "greeting": _SUBSCRIBE if go else "",
        }
        self._load = stack.enter_context(process(LOAD_CORE, "benchmarks._fanout.load", load))
        stack.callback(self._measured.kill)  # before its listeners leave it
        if _said(self._load) != "ready":
            raise SystemExit("the load does not start")

    def run(self, rate: int, seconds: float) -> Figure:
        """Publish so many messages a second to each channel."""
        begin = now() + _LEAD
        end = begin + seconds
        _order(self._load, begin=begin, end=end)
        _order(self._server, rate=rate, until=end)
        time.sleep(max(0.0, begin - now()))
        before = self._used()
        time.sleep(max(0.0, end - now()))
        used = self._used() - before
        found = json.loads(_said(self._load))
        delivered = found["deliveries"] / seconds
        return Figure(
            offered=rate * self._sockets,
            delivered=delivered,
            a_cpu_second=delivered * seconds / used,
            busy=used / seconds,
            p50=found["p50"],
            p99=found["p99"],
            together=found["together"],
            load_busy=found["load_cpu"] / seconds,
        )

    def _used(self) -> float:
        times = self._measured.cpu_times()
        return float(times.user + times.system)


def free_port() -> int:
    """One that nobody listens to."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])

"""Starts `millrace up` for tests, on ports and in a folder of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.local import state
from infra.local.layout import Layout
from infra.local.process import guarded, last_words
from infra.local.state import StackState
from infra.settings import LocalSettings


def environment(data: Path, ports: Sequence[int]) -> dict[str, str]:
    """What a stack is told: its folder, and the ports of Kafka (2), Cassandra (2) and Redis."""
    kafka, controller, cassandra, storage, redis = ports
    downloads = Layout.of(LocalSettings()).downloads
    return {
        "MILLRACE_DATA": str(data),
        "MILLRACE_DOWNLOADS": str(downloads),
        "MILLRACE_KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka}",
        "MILLRACE_KAFKA_CONTROLLER_PORT": str(controller),
        "MILLRACE_CASSANDRA_HOSTS": "127.0.0.1",
        "MILLRACE_CASSANDRA_PORT": str(cassandra),
        "MILLRACE_CASSANDRA_STORAGE_PORT": str(storage),
        "MILLRACE_REDIS_URL": f"redis://127.0.0.1:{redis}/0",
    }


def start(
    data: Path, ports: Sequence[int], *arguments: str, **settings: str
) -> "subprocess.Popen[bytes]":
    """Start `millrace up` and wait until it is ready. It dies with this process."""
    layout = Layout(data, data)
    layout.make()
    with layout.log("millrace").open("ab") as log:
        process = subprocess.Popen(
            guarded((sys.executable, "-m", "millrace", "up", *arguments)),
            env=os.environ | environment(data, ports) | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(layout, process, lambda found: found.phase == "ready", 600)
    except BaseException:
        stop(process)
        raise
    return process


def wait_for(
    layout: Layout,
    process: "subprocess.Popen[bytes]",
    condition: Callable[[StackState], bool],
    seconds: float,
) -> StackState:
    """The first state for which the condition holds; fails with the stack's last words."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        found = state.running(layout)
        if found is not None and found.pid == process.pid and condition(found):
            return found
        time.sleep(0.05)
    words = last_words(layout.log("millrace"), 20)
    raise AssertionError(f"the stack did not get there (exit {process.poll()}):\n{words}")


def stop(process: "subprocess.Popen[bytes]") -> int:
    """Stop a stack in order; returns its exit status."""
    process.send_signal(signal.SIGTERM)
    return process.wait(90)


@contextmanager
def local_stack(
    data: Path, ports: Sequence[int], *arguments: str, **settings: str
) -> Iterator[Layout]:
    """A stack that runs within the `with` block."""
    process = start(data, ports, *arguments, **settings)
    try:
        yield Layout(data, data)
    finally:
        stop(process)

"""One program: how it is started, when it is ready, how it is stopped, without leaving anything."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LOG_LIMIT: Final = 16 << 20
"""Bytes after which a log file is set aside as `<name>.log.1`."""
BEHIND: Final = "5"
"""Niceness of who goes behind the others: has a third of the processor where both want it."""
_CAP_SETPCAP: Final = 8


@dataclass(frozen=True)
class Program:
    """What the supervisor starts."""

    name: str
    title: str
    """What people call it."""
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the supervisor's own."""
    port: int | None = None
    prepare: Callable[[], Awaitable[None]] | None = None
    """Runs once before the first start."""
    ready: Callable[[], Awaitable[bool]] | None = None
    """Asked until it says yes; a program without it is ready once it runs."""
    ended: Callable[[bool], None] | None = None
    """Told of every end, and whether the program ended by itself after SIGTERM."""
    start_deadline: float = 60.0
    stop_deadline: float = 15.0
    """Seconds between SIGTERM and SIGKILL."""
    behind: bool = False
    """Whether the others go first where processors are short: nobody waits for it."""
    lasting: bool = True
    """Whether it should run until it is stopped; if not, exit 0 means that it has finished."""


def guarded(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The command under `setpriv`, so that it dies with its parent, even if that is killed.

    As root it also loses the right to lock memory: Cassandra would lock its whole heap.
    """
    drop = ("--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock") if _may_drop_capabilities() else ()
    return ("setpriv", "--pdeathsig", "KILL", *drop, "--", *argv)


async def spawn(program: Program, log: Path) -> asyncio.subprocess.Process:
    """Start a program as the leader of a session of its own, with its output in a log file."""
    rotate(log)
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *guarded(("nice", "-n", BEHIND, *program.argv) if program.behind else program.argv),
            env={**os.environ, **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


async def terminate(process: asyncio.subprocess.Process, deadline: float) -> bool:
    """SIGTERM, then SIGKILL after `deadline` seconds; then whatever is left of its group.

    Returns whether it ended by itself.
    """
    in_time = True
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), deadline)
        except TimeoutError:
            in_time = False
            process.kill()
            await process.wait()
    sweep(process.pid)
    return in_time


def sweep(leader: int) -> None:
    """Kill what is left of the process group of a program that has ended."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def rotate(log: Path) -> None:
    """Set a log file aside once it is too long. Writers append, so it is emptied in place."""
    if not log.exists() or log.stat().st_size < LOG_LIMIT:
        return
    log.with_name(f"{log.name}.1").write_bytes(log.read_bytes())
    os.truncate(log, 0)


def last_words(log: Path, lines: int = 1) -> str:
    """The last lines of a log file that say something."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        said = file.read().decode(errors="replace").splitlines()
    return "\n".join([line.strip() for line in said if line.strip()][-lines:])


def _may_drop_capabilities() -> bool:
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> _CAP_SETPCAP & 1)

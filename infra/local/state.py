"""What runs, written to a file so that another terminal can ask."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

import msgspec
import psutil

from infra.errors import ConfigurationError, InvalidRecord
from infra.local.layout import Layout

_CLOCK_STEP: Final = 10.0
"""Seconds that the system's account of a start may shift when its clock is set."""

ProcessPhase = Literal["waiting", "starting", "ready", "restarting", "finished", "stopped"]
StackPhase = Literal["starting", "ready", "stopping", "stopped", "failed"]


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the stack. Times are seconds since 1970."""

    name: str
    title: str
    phase: ProcessPhase
    pid: int | None
    created: float | None
    """When the system says that the pid began: a pid alone may belong to someone else by now."""
    restarts: int
    last_exit: int | None
    """Exit status of the last end; negative for a signal."""
    port: int | None
    started_at: float | None
    ready_after: float | None
    """Seconds from start to ready, of the last start."""
    log: str


class StackState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole stack."""

    phase: StackPhase
    pid: int
    created: float
    started_at: float
    processes: list[ProcessState]
    message: str = ""
    """Why it failed, or what to tell the person who started it."""


def write(layout: Layout, state: StackState) -> None:
    """Replace the state file at once, never half."""
    fresh = layout.state_file.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(state))
    fresh.replace(layout.state_file)


def read(layout: Layout) -> StackState | None:
    """What the file says, or None if nothing was ever started here."""
    try:
        return msgspec.json.decode(layout.state_file.read_bytes(), type=StackState)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise InvalidRecord(f"{layout.state_file}: {error}") from error


def process_of(pid: int | None, created: float | None) -> psutil.Process | None:
    """The process that a state file speaks of, if it is still that one and alive."""
    if pid is None or created is None:
        return None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if (
            abs(process.create_time() - created) < _CLOCK_STEP
            and process.status() != psutil.STATUS_ZOMBIE
        ):
            return process
    return None


def running(layout: Layout) -> StackState | None:
    """The state, if its supervisor is alive."""
    state = read(layout)
    return state if state and process_of(state.pid, state.created) else None


def created(pid: int) -> float | None:
    """When a process began, or None if it is gone already."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).create_time()
    return None


@contextmanager
def only_supervisor(layout: Layout) -> Iterator[None]:
    """Hold the data folder. Raises ConfigurationError if another supervisor does.

    The lock ends with the process, however it ends.
    """
    with layout.lock_file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise ConfigurationError(
                f"a stack runs already in {layout.data} (pid {lock.read().strip() or 'unknown'}): "
                "see `millrace status`, stop it with `millrace down`"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield

"""Starts programs in order, starts again what stopped by itself, stops all in reverse order."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.errors import Unavailable
from infra.local import process as processes
from infra.local.layout import Layout
from infra.local.process import Program
from infra.local.state import ProcessPhase, ProcessState, created

_ASK_EVERY: Final = 0.1
_ROTATE_EVERY: Final = 60.0
_GIVE_UP: Final = 4
"""Ends before the first readiness after which a program is not tried any more."""


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a program that stopped by itself is started again, in seconds."""

    first: float = 0.5
    longest: float = 30.0
    forget: float = 60.0
    """A program that ran this long starts from `first` again."""

    def delay(self, failures: int) -> float:
        """The wait after the n-th end in a row (n from 1): doubles each time."""
        return float(min(self.longest, self.first * 2 ** min(failures - 1, 30)))


@dataclass
class _Watched:
    program: Program
    phase: ProcessPhase = "waiting"
    process: asyncio.subprocess.Process | None = None
    created: float | None = None
    started_at: float | None = None
    ready_after: float | None = None
    restarts: int = 0
    last_exit: int | None = None
    was_ready: asyncio.Event = field(default_factory=asyncio.Event)
    stop_asked: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None


class Supervisor:
    """Keeps programs running for as long as it lives.

    `say` gets what a person should know; `changed` is called after every change of `states()`.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        say: Callable[[str], None],
        changed: Callable[[], None],
        backoff: Backoff | None = None,
    ) -> None:
        self._layout = layout
        self._say = say
        self._changed = changed
        self._backoff = backoff or Backoff()
        self._groups: list[list[_Watched]] = []
        self._rotation: asyncio.Task[None] | None = None

    def states(self) -> list[ProcessState]:
        """Every program in the order of its start."""
        return [self._state(watched) for group in self._groups for watched in group]

    async def start(self, programs: Sequence[Program]) -> None:
        """Start programs side by side and wait until each has been ready once.

        Raises Unavailable, with the last words of its log, if one does not get there.
        """
        if self._rotation is None:
            self._rotation = asyncio.create_task(self._rotate())
        group = [_Watched(program) for program in programs]
        self._groups.append(group)
        for watched in group:
            watched.task = asyncio.create_task(self._keep(watched))
        waiting = [asyncio.create_task(self._first_ready(watched)) for watched in group]
        try:
            await asyncio.gather(*waiting)
        finally:
            for each in waiting:
                each.cancel()

    async def stop(self) -> None:
        """Stop the groups in reverse order of their start; within a group, side by side."""
        if self._rotation is not None:
            self._rotation.cancel()
        for group in reversed(self._groups):
            await asyncio.gather(*(self._stop(watched) for watched in group))

    async def _first_ready(self, watched: _Watched) -> None:
        program, keeper = watched.program, watched.task
        assert keeper is not None
        ready = asyncio.create_task(watched.was_ready.wait())
        try:
            done, _ = await asyncio.wait(
                {ready, keeper},
                timeout=program.start_deadline,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            ready.cancel()
        if watched.was_ready.is_set():
            return
        if keeper in done:
            keeper.result()
            happened = f"stopped {watched.restarts + 1} times (exit {watched.last_exit})"
        else:
            happened = f"was not ready within {program.start_deadline:g} s"
        log = self._layout.log(program.name)
        words = processes.last_words(log, 5)
        raise Unavailable(f"{program.title} {happened}. Log: {log}\n{words}".rstrip())

    async def _keep(self, watched: _Watched) -> None:
        """Run a program until it is asked to stop, has finished, or never became ready."""
        program = watched.program
        if program.prepare is not None:
            self._enter(watched, "starting")
            await program.prepare()
        failures = 0
        while not watched.stop_asked.is_set():
            code, ran = await self._run_once(watched)
            if watched.stop_asked.is_set():
                return
            if code == 0 and not program.lasting:
                self._enter(watched, "finished")
                return
            failures = 1 if ran >= self._backoff.forget else failures + 1
            if not watched.was_ready.is_set() and failures >= _GIVE_UP:
                self._enter(watched, "stopped")
                return
            await self._pause(watched, failures)

    async def _run_once(self, watched: _Watched) -> tuple[int, float]:
        """One life of a program: (exit status, seconds that it ran)."""
        program = watched.program
        began = time.monotonic()
        watched.process = await processes.spawn(program, self._layout.log(program.name))
        watched.created = created(watched.process.pid)
        watched.started_at, watched.ready_after = time.time(), None
        self._enter(watched, "starting")
        asking = asyncio.create_task(self._ask(watched, began))
        try:
            if watched.stop_asked.is_set():  # asked while it was being started
                await processes.terminate(watched.process, program.stop_deadline)
            code = await watched.process.wait()
        finally:
            asking.cancel()
        watched.last_exit = code
        if not watched.stop_asked.is_set():
            processes.sweep(watched.process.pid)
            self._told(watched, in_order=False)
        return code, time.monotonic() - began

    async def _ask(self, watched: _Watched, began: float) -> None:
        ready = watched.program.ready
        while ready is not None and not await ready():  # noqa: ASYNC110 - a server cannot tell us
            await asyncio.sleep(_ASK_EVERY)
        watched.ready_after = time.monotonic() - began
        watched.was_ready.set()
        self._enter(watched, "ready")

    async def _pause(self, watched: _Watched, failures: int) -> None:
        """Say that a program stopped itself, and wait before it is started again."""
        program, delay = watched.program, self._backoff.delay(failures)
        words = processes.last_words(self._layout.log(program.name))
        self._say(
            f"{program.title} stopped itself ({_exit(watched.last_exit)}); "
            f"starting it again in {delay:g} s. Its last words: {words[:300] or 'none'}"
        )
        watched.restarts += 1
        self._enter(watched, "restarting")
        try:
            await asyncio.wait_for(watched.stop_asked.wait(), delay)
        except TimeoutError:
            return

    async def _stop(self, watched: _Watched) -> None:
        watched.stop_asked.set()
        if watched.task is None:
            return
        if watched.process is not None:
            in_order = await processes.terminate(watched.process, watched.program.stop_deadline)
            if not in_order:
                self._say(
                    f"{watched.program.title} did not stop within "
                    f"{watched.program.stop_deadline:g} s and was killed"
                )
            self._told(watched, in_order=in_order)
        elif watched.program.prepare is not None:
            watched.task.cancel()
        await asyncio.wait({watched.task})
        if watched.phase != "finished":
            self._enter(watched, "stopped")

    def _told(self, watched: _Watched, *, in_order: bool) -> None:
        if watched.program.ended is not None:
            watched.program.ended(in_order)

    def _enter(self, watched: _Watched, phase: ProcessPhase) -> None:
        watched.phase = phase
        self._changed()

    def _state(self, watched: _Watched) -> ProcessState:
        alive = watched.process is not None and watched.process.returncode is None
        return ProcessState(
            name=watched.program.name,
            title=watched.program.title,
            phase=watched.phase,
            pid=watched.process.pid if watched.process is not None and alive else None,
            created=watched.created if alive else None,
            restarts=watched.restarts,
            last_exit=watched.last_exit,
            port=watched.program.port,
            started_at=watched.started_at if alive else None,
            ready_after=watched.ready_after,
            log=str(self._layout.log(watched.program.name)),
        )

    async def _rotate(self) -> None:
        while True:
            await asyncio.sleep(_ROTATE_EVERY)
            for state in self.states():
                processes.rotate(self._layout.log(state.name))


def _exit(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit {code}"

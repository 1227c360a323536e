"""The supervisor: order, restarts that are told, ends that leave nothing."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from infra.errors import Unavailable
from infra.local.layout import Layout
from infra.local.process import Program, guarded
from infra.local.supervisor import Backoff, Supervisor
from tests.waiting import until

QUICK = Backoff(first=0.05, longest=0.2)


@dataclass
class Scene:
    supervisor: Supervisor
    layout: Layout
    said: list[str] = field(default_factory=list)
    changes: list[list[tuple[str, str]]] = field(default_factory=list)

    def pid(self, name: str) -> int:
        pid = next(each.pid for each in self.supervisor.states() if each.name == name)
        assert pid is not None
        return pid

    def phase(self, name: str) -> str:
        return next(each.phase for each in self.supervisor.states() if each.name == name)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    layout = Layout(tmp_path, tmp_path)
    layout.make()
    said: list[str] = []
    changes: list[list[tuple[str, str]]] = []

    def changed() -> None:
        changes.append([(each.name, each.phase) for each in supervisor.states()])

    supervisor = Supervisor(layout, say=said.append, changed=changed, backoff=QUICK)
    yield Scene(supervisor, layout, said, changes)
    await supervisor.stop()


def python(name: str, code: str, **options: object) -> Program:
    return Program(name=name, title=name.title(), argv=(sys.executable, "-c", code), **options)  # type: ignore[arg-type]


SLEEP = "import time; time.sleep(600)"


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_a_role_that_exits_70_starts_again_and_it_is_told(scene: Scene) -> None:
    mark = scene.layout.data / "mark"
    code = f"""
import pathlib, sys, time
mark = pathlib.Path({str(mark)!r})
if not mark.exists():
    mark.touch()
    time.sleep(0.3)
    print("the broker is away", flush=True)
    sys.exit(70)
time.sleep(600)
"""
    await scene.supervisor.start([python("views", code)])
    first = scene.pid("views")
    await until(lambda: scene.phase("views") == "restarting")
    await until(lambda: scene.phase("views") == "ready")
    assert scene.pid("views") != first
    assert scene.supervisor.states()[0].restarts == 1
    [told] = scene.said
    assert "Views stopped itself (exit 70)" in told
    assert "the broker is away" in told


async def test_a_killed_program_starts_again(scene: Scene) -> None:
    await scene.supervisor.start([python("origin", SLEEP)])
    first = scene.pid("origin")
    os.kill(first, 9)
    await until(lambda: scene.phase("origin") == "ready" and scene.pid("origin") != first)
    assert "signal 9" in scene.said[0]


async def test_what_never_gets_ready_ends_the_start_with_its_last_words(scene: Scene) -> None:
    broken = python("gateway", "import sys; sys.exit('no such setting')")
    never = python("origin", SLEEP, ready=_never, start_deadline=0.5)
    with pytest.raises(Unavailable, match=r"Gateway stopped 4 times \(exit 1\)(.|\n)*no such sett"):
        await scene.supervisor.start([_needing_readiness(broken)])
    with pytest.raises(Unavailable, match=r"Origin was not ready within 0.5 s"):
        await scene.supervisor.start([never])


async def test_groups_stop_in_reverse_order_and_leave_nothing(scene: Scene) -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"
    await scene.supervisor.start([python("server", SLEEP)])
    await scene.supervisor.start([python("role", child)])
    role = psutil.Process(scene.pid("role"))
    await until(lambda: bool(role.children()))
    pids = [scene.pid("server"), role.pid, *(each.pid for each in role.children())]
    await scene.supervisor.stop()
    await until(lambda: all(map(gone, pids)))
    stopped = [dict(change) for change in scene.changes if ("role", "stopped") in change]
    assert stopped[0]["server"] == "ready"
    assert dict(scene.changes[-1])["server"] == "stopped"


async def test_what_ignores_sigterm_is_killed_and_it_is_told(scene: Scene) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf', flush=True); time.sleep(600)"
    )
    await scene.supervisor.start([python("deaf", deaf, stop_deadline=0.3)])
    pid, log = scene.pid("deaf"), scene.layout.log("deaf")
    await until(lambda: "deaf" in log.read_text())
    began = time.monotonic()
    await scene.supervisor.stop()
    assert time.monotonic() - began < 5
    assert gone(pid)
    assert "Deaf did not stop" in scene.said[0]


async def test_what_is_not_lasting_may_finish(scene: Scene) -> None:
    await scene.supervisor.start([python("once", "print('done')", lasting=False)])
    await until(lambda: scene.phase("once") == "finished")
    assert scene.said == []


async def test_stopping_during_the_wait_before_a_restart_starts_nothing(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path)
    layout.make()
    slow = Backoff(first=60)
    supervisor = Supervisor(layout, say=lambda _: None, changed=lambda: None, backoff=slow)
    await supervisor.start([python("brief", "import time; time.sleep(0.2); raise SystemExit(70)")])
    await until(lambda: supervisor.states()[0].phase == "restarting")
    await asyncio.wait_for(supervisor.stop(), 5)
    assert supervisor.states()[0].pid is None
    assert supervisor.states()[0].restarts == 1


async def test_a_guarded_program_dies_with_its_parent(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    write = f"import os, pathlib; pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()))"
    inner = f"{write}; {SLEEP}"
    outer = f"import subprocess; subprocess.run({guarded((sys.executable, '-c', inner))!r})"
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", outer)
    await until(lambda: pid_file.exists() and pid_file.read_text() != "")
    parent.kill()
    await parent.wait()
    await until(lambda: gone(int(pid_file.read_text())))


def test_waits_double_up_to_a_limit() -> None:
    backoff = Backoff(first=0.5, longest=30)
    assert [backoff.delay(n) for n in (1, 2, 3, 7, 100)] == [0.5, 1, 2, 30, 30]


async def _never() -> bool:
    return False


def _needing_readiness(program: Program) -> Program:
    return Program(name=program.name, title=program.title, argv=program.argv, ready=_never)

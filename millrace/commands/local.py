"""The stack on this machine: `up`, `down`, `status`, `logs`, `doctor`."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from infra.errors import MillraceError, NotFound, Unavailable
from infra.local import process, state
from infra.local.layout import Layout
from infra.local.state import ProcessState, StackState
from infra.settings import LocalSettings
from millrace import console, panel
from millrace.display import Lines, Screen
from millrace.stack import Extent, Stack

_PANEL: Final = "This machine"
_DOWN_DEADLINE: Final = 90.0
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (up, down, status, logs):
        app.command(rich_help_panel=_PANEL)(command)


def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="Also push a sample broadcast over RTMP, in a loop.")
    ] = False,
    servers_only: Annotated[
        bool, typer.Option("--servers-only", help="Only Kafka, Cassandra and Redis.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return once everything runs.")
    ] = False,
) -> None:
    """Start the servers and every role; Ctrl-C stops them all, in order.

    What a role was doing is on the log, so that starting again goes on where it stopped.

    Examples:

        millrace up --demo            everything, with something to watch

        millrace up --servers-only    then run a role of yours: millrace gateway

        millrace up -d                in the background; stop with: millrace down
    """
    layout = Layout.of(LocalSettings())
    if detach:
        _detach(
            layout, [*(["--demo"] if demo else []), *(["--servers-only"] if servers_only else [])]
        )
        return
    extent = Extent(roles=not servers_only, demo=demo)
    screen = (_Screen if console.console.is_terminal else _Lines)(console.console)
    with screen:
        asyncio.run(Stack(layout, extent, screen).run())


def down() -> None:
    """Stop the stack that runs on this machine, in order."""
    layout = Layout.of(LocalSettings())
    found = state.running(layout)
    if found is None:
        console.console.print("Nothing was running.")
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_DEADLINE
    while state.process_of(found.pid, found.created) is not None:
        if time.monotonic() > deadline:
            raise Unavailable(
                f"pid {found.pid} did not stop within {_DOWN_DEADLINE:g} s: "
                f"`kill -9 {found.pid}` ends it and all its processes"
            )
        time.sleep(0.1)
    console.console.print("Stopped.")


def status(json: Json = False) -> None:
    """Show what runs: process, restarts, memory, port."""
    layout = Layout.of(LocalSettings())
    found = state.running(layout)
    if console.wants_json(json):
        console.print_json({"running": found is not None, "stack": found})
    elif found is None:
        console.console.print("Nothing runs. Start with: millrace up --demo")
    else:
        console.console.print(_table(found))
    if found is None:
        raise typer.Exit(1)


def logs(
    role: Annotated[str, typer.Argument(help="Name of the process, as in `millrace status`.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it is written.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines.")] = 40,
) -> None:
    """Show the log of a process.

    Example: millrace logs worker-broadcast -f
    """
    layout = Layout.of(LocalSettings())
    log = layout.log(role)
    if not log.is_file() or log.parent != layout.logs:
        names = ", ".join(sorted(path.stem for path in layout.logs.glob("*.log")))
        raise NotFound(
            f"there is no log of {role!r} in {layout.logs}: choose {names or 'none yet'}"
        )
    if follow:
        os.execvp("tail", ["tail", "-n", str(lines), "-F", str(log)])  # noqa: S606 - tail does it best
    sys.stdout.write(process.last_words(log, lines) + "\n")


class _Lines(Lines):
    def ready(self, states: list[ProcessState], seconds: float) -> None:
        """Everything runs."""
        self.console.print(panel.build(Layout.of(LocalSettings()), states, seconds))


class _Screen(Screen):
    def ready(self, states: list[ProcessState], seconds: float) -> None:
        """Everything runs."""
        self.close()
        self.console.print(panel.build(Layout.of(LocalSettings()), states, seconds))


def _detach(layout: Layout, arguments: list[str]) -> None:
    """Start `millrace up` in the background and wait until everything runs."""
    layout.make()
    log = layout.log("millrace")
    began = time.time()
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "millrace", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    with console.console.status(f"Starting; what happens is in {log}"):
        while child.poll() is None:
            found = state.running(layout)
            if found and found.pid == child.pid and found.phase == "ready":
                console.console.print(panel.build(layout, found.processes, time.time() - began))
                return
            time.sleep(0.2)
    found = state.read(layout)
    why = found.message if found and found.pid == child.pid else ""
    raise MillraceError(why or f"it stopped again. Its last words:\n{process.last_words(log, 6)}")


def _table(found: StackState) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("name", "state"):
        table.add_column(column)
    for column in ("pid", "port", "restarts", "memory", "up for"):
        table.add_column(column, justify="right")
    for each in found.processes:
        colour = {"ready": "green", "restarting": "red"}.get(each.phase, "yellow")
        table.add_row(
            *(each.name, Text(each.phase, colour), str(each.pid or ""), str(each.port or "")),
            *(str(each.restarts), panel.megabytes(panel.memory([each]))),
            panel.span(time.time() - each.started_at) if each.started_at else "",
        )
    return table

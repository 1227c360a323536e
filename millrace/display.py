"""Shows the start and the end of the stack on a terminal, or as plain lines elsewhere."""

from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from infra.local.downloads import EXPECTED_BYTES, Downloaded
from infra.local.state import ProcessPhase, ProcessState

_MARKS: Final[dict[ProcessPhase, Text]] = {
    "waiting": Text("·", "dim"),
    "ready": Text("✓", "bold green"),
    "restarting": Text("↻", "bold yellow"),
    "finished": Text("✓", "dim"),
    "stopped": Text("■", "dim"),
}


class Lines:
    """Plain lines, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._seen: dict[str, ProcessPhase] = {}
        self._files = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def stage(self, text: str) -> None:
        """A new step has begun."""
        self.console.print(text)

    def arrived(self, file: Downloaded) -> None:
        """A download has arrived; every fiftieth is told."""
        self._files += 1
        if self._files % 50 == 0:
            self.console.print(f"  {self._files} files")

    def processes(self, states: list[ProcessState]) -> None:
        """Something changed in the processes."""
        for each in states:
            if each.phase == "ready" and self._seen.get(each.name) != "ready":
                self.console.print(f"  {each.title} is ready after {each.ready_after:.1f} s")
            self._seen[each.name] = each.phase

    def say(self, text: str) -> None:
        """Something to know."""
        self.console.print(Text.assemble(("! ", "bold yellow"), text), soft_wrap=True)


class Screen(Lines):
    """A live picture of what starts and stops."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._title = ""
        self._states: list[ProcessState] = []
        self._spinners: dict[str, Spinner] = {}
        self._download = Progress(
            TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), console=console
        )
        self._task = self._download.add_task("", total=EXPECTED_BYTES, visible=False)
        self._received = 0
        self._live: Live | None = None

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the last picture standing and write below it."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def stage(self, text: str) -> None:
        """A new step has begun."""
        self._download.update(self._task, visible=False)
        self._title = text
        self._open()

    def arrived(self, file: Downloaded) -> None:
        """A download has arrived."""
        self._received = min(self._received + file.size, EXPECTED_BYTES)
        self._download.update(
            self._task, completed=self._received, description=file.name[:40], visible=True
        )

    def processes(self, states: list[ProcessState]) -> None:
        """Something changed in the processes."""
        self._states = states

    def _open(self) -> None:
        if self._live is None:
            self._live = Live(
                console=self.console, get_renderable=self._picture, refresh_per_second=8
            )
            self._live.start()

    def _picture(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        for each in self._states:
            after = f"{each.ready_after:.1f} s" if each.ready_after is not None else each.phase
            table.add_row(" ", self._mark(each), each.title, Text(after, "dim"))
        return Group(Text(self._title, "bold"), self._download, table)

    def _mark(self, each: ProcessState) -> RenderableType:
        mark = _MARKS.get(each.phase)
        if mark is not None:
            return mark
        return self._spinners.setdefault(each.name, Spinner("dots", style="cyan"))

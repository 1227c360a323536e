"""What `up` says once everything runs."""

import contextlib

import psutil
from rich.panel import Panel
from rich.table import Table

from infra.local.layout import Layout
from infra.local.state import ProcessState, process_of
from infra.settings import GatewaySettings, IngestSettings
from millrace import demo
from millrace.channels import kept_key


def build(layout: Layout, states: list[ProcessState], seconds: float) -> Panel:
    """Addresses, keys, what runs, how much memory it takes, where the logs are."""
    names = {each.name for each in states}
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    gateway = f"http://127.0.0.1:{GatewaySettings().port}/"
    if "gateway" in names:
        lines.add_row("Watch", f"[bold]{gateway}[/]")
        lines.add_row("Publish to", f"[bold]{rtmp_address()}[/]")
    if "demo" in names:
        key, page = kept_key(layout, demo.YOURS), f"{gateway}c/{demo.YOURS}"
        lines.add_row("with the key", f"[bold]{key.text}[/]")
        lines.add_row("and watch it", page)
    lines.add_row("Runs", ", ".join(each.title for each in states))
    lines.add_row("Memory", f"{megabytes(memory(states))} in all, started in {seconds:.0f} s")
    lines.add_row("Logs", f"{layout.logs}/  (millrace logs NAME -f)")
    lines.add_row("Stop", "Ctrl-C here, or `millrace down` anywhere; the data stays")
    return Panel(lines, title="Millrace runs", border_style="green", expand=False)


def rtmp_address() -> str:
    """Where an encoder on this machine publishes to."""
    return f"rtmp://127.0.0.1:{IngestSettings().rtmp_port}/live"


def memory(states: list[ProcessState]) -> int:
    """Resident bytes of processes and their children."""
    total = 0
    for each in states:
        process = process_of(each.pid, each.created)
        if process is None:
            continue
        with contextlib.suppress(psutil.Error):
            total += sum(p.memory_info().rss for p in [process, *process.children(recursive=True)])
    return total


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 2**20:.0f} MiB" if size else ""


def span(seconds: float) -> str:
    """A duration for people, in its two largest units."""
    days, rest = divmod(int(seconds), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2])

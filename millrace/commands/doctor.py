"""Finds out why the stack does not start: `doctor`."""

from typing import Annotated

import psutil
import typer
from rich.table import Table

from infra.local import doctor as machine
from infra.local import state
from infra.local.doctor import Finding
from infra.local.layout import Layout
from infra.local.servers import ports_of
from infra.settings import CassandraSettings, KafkaSettings, LocalSettings, RedisSettings
from millrace import console, roles

_MARKS = {"well": "[green]✓[/]", "warning": "[yellow]![/]", "broken": "[red]✗[/]"}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="This machine")(doctor)


def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Find what is missing, taken or too small on this machine, and what to type.

    Exit status 1 if the stack cannot start.
    """
    layout = Layout.of(LocalSettings())
    findings = machine.examine(layout, _ports(), _ours(layout))
    if console.wants_json(json):
        console.print_json(findings)
    else:
        console.console.print(_table(findings))
    if any(finding.verdict == "broken" for finding in findings):
        raise typer.Exit(1)


def _ports() -> dict[str, int]:
    ports = ports_of(LocalSettings(), KafkaSettings(), CassandraSettings(), RedisSettings())
    return {
        "MILLRACE_KAFKA_BOOTSTRAP": ports.kafka,
        "MILLRACE_KAFKA_CONTROLLER_PORT": ports.kafka_controller,
        "MILLRACE_CASSANDRA_PORT": ports.cassandra,
        "MILLRACE_CASSANDRA_STORAGE_PORT": ports.cassandra_storage,
        "MILLRACE_REDIS_URL": ports.redis,
        **roles.port_settings(),
    }


def _ours(layout: Layout) -> set[int]:
    """Every process of the stack that runs here."""
    found = state.running(layout)
    if found is None:
        return set()
    supervisor = psutil.Process(found.pid)
    return {process.pid for process in [supervisor, *supervisor.children(recursive=True)]}


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        remedy = f"\n[bold]→ {finding.remedy}[/]" if finding.remedy else ""
        table.add_row(_MARKS[finding.verdict], finding.subject, finding.text + remedy)
    return table

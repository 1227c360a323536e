"""Views against the log: `rebuild`, `prove`, `as-of`, `diff`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from infra.errors import InvalidRecord, NotFound
from infra.kafka import LogReader
from infra.settings import KafkaSettings
from millrace import console, moments
from schemas.registry import registry
from sinks import asof, comparison, prove, rebuild
from sinks import diff as differences
from sinks.fold import OnProgress
from sinks.rows import Key
from sinks.view import View
from sinks.views import VIEWS, view_named

_PANEL: Final = "Views and the log"
_SHOWN: Final = 20
Name = Annotated[str, typer.Argument(metavar="VIEW", help="Name of the view, or all.")]
One = Annotated[str, typer.Argument(metavar="VIEW", help="Name of the view.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_MOMENT: Final = "Like 2026-05-01T20:15:00Z, 20:15, '10 minutes ago' or now."


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=_PANEL, name="prove")(prove_)
    app.command(rich_help_panel=_PANEL, name="rebuild")(rebuild_)
    app.command(rich_help_panel=_PANEL, name="as-of")(as_of)
    app.command(rich_help_panel=_PANEL, name="diff")(diff_)


def prove_(view: Name, json: Json = False) -> None:
    """Fold the log and compare every row of a view with it. Exit status 1 if a row differs.

    Examples:

        millrace prove live-channels

        millrace prove all
    """
    proofs = [asyncio.run(_prove(each)) for each in _chosen(view)]
    if console.wants_json(json):
        console.print_json(proofs)
    else:
        for proof in proofs:
            verdict = "[green]as the log says[/]" if proof.equal else "[red]differs[/]"
            console.console.print(
                f"{proof.view}: {proof.rows} rows, {proof.tally.messages} messages, {verdict}"
                f"  [dim]{proof.found_digest}[/]"
            )
            _show(proof.differences, "the log says", "the view has")
            if proof.differences and view_named(proof.view).retention:
                console.console.print(
                    "[dim]Was the setting changed for how long its rows are kept? "
                    f"millrace rebuild {proof.view}[/]"
                )
    if not all(proof.equal for proof in proofs):
        raise typer.Exit(1)


def rebuild_(view: Name, json: Json = False) -> None:
    """Fill a view anew from the log, beside the old rows, then switch over. Reads go on.

    Example: millrace rebuild stream-history
    """
    rebuilt = [asyncio.run(_rebuild(each)) for each in _chosen(view)]
    if console.wants_json(json):
        console.print_json(rebuilt)
        return
    for each in rebuilt:
        console.console.print(
            f"{each.view}: {each.tally.messages} messages in {each.tally.seconds:.1f} s; "
            f"writing paused for {each.held_seconds * 1000:.0f} ms"
        )


def as_of(
    view: One,
    key: Annotated[str, typer.Argument(help="Key of the row; its columns separated by commas.")],
    time: Annotated[str, typer.Argument(help=_MOMENT)],
    json: Json = False,
) -> None:
    """Show a row as it was at a moment, from the log alone.

    Example: millrace as-of channels demo "10 minutes ago"
    """
    chosen = view_named(view)
    full = key_in(chosen, key)
    found = asyncio.run(_as_of(chosen, full, _moment(time)))
    row = found.rows.get(full)
    if row is None:
        raise NotFound(f"{view} had no row {key!r} at {moments.show(found.time)}")
    if console.wants_json(json):
        console.print_json({"time": found.time, "key": full, "row": row})
        return
    table = Table(box=None, show_header=False, title=moments.show(found.time), title_justify="left")
    for name, value in [*zip(chosen.key, full, strict=True), *row.items()]:
        table.add_row(f"[dim]{name}[/]", str(value))
    console.console.print(table)


def diff_(
    view: One,
    at: Annotated[str, typer.Option("--at", help=f"The earlier moment. {_MOMENT}")],
    and_at: Annotated[str, typer.Option("--to", help="The later moment.")] = "now",
    json: Json = False,
) -> None:
    """Show what became different in a view between two moments.

    Example: millrace diff live-channels --at "1 hour ago"
    """
    chosen = view_named(view)
    found = asyncio.run(_diff(chosen, _moment(at), _moment(and_at)))
    if console.wants_json(json):
        console.print_json(found)
        return
    console.console.print(f"{view}: {found.rows_before} rows, then {found.rows_after}")
    _show(found.differences, "before", "after")


def key_in(view: View, text: str) -> Key:
    """A key as it is typed: the columns in order, separated by commas. Raises InvalidRecord."""
    parts = text.split(",") if len(view.key) > 1 else [text]
    if len(parts) != len(view.key):
        raise InvalidRecord(f"{view.name}: a key has the columns {','.join(view.key)}")
    try:
        typed = [kind(part) for kind, part in zip(view.key.values(), parts, strict=True)]
    except ValueError as error:
        raise InvalidRecord(f"{view.name}: {text!r} is no key: {error}") from error
    return view.key_of(tuple(typed))


async def _prove(view: View) -> prove.Proof:
    from millrace import connections

    async with LogReader(KafkaSettings().bootstrap) as log, connections.stores() as stores:
        with _progress("Proving") as moved:
            return await prove.prove(
                log,
                stores[view.store],
                registry(),
                view,
                lifetimes=connections.lifetimes(),
                on_progress=moved,
            )


async def _rebuild(view: View) -> rebuild.Rebuilt:
    from millrace import connections

    async with LogReader(KafkaSettings().bootstrap) as log, connections.stores() as stores:
        with _progress("Rebuilding") as moved:
            return await rebuild.rebuild(
                log, stores[view.store], registry(), view, on_progress=moved
            )


async def _as_of(view: View, key: Key, time: int) -> asof.AsOf:
    from millrace import connections

    kept = connections.lifetimes()
    async with LogReader(KafkaSettings().bootstrap) as log:
        with _progress("Reading") as moved:
            return await asof.as_of(
                log, registry(), view, time, key=key, lifetimes=kept, on_progress=moved
            )


async def _diff(view: View, before: int, after: int) -> differences.Diff:
    from millrace import connections

    kept = connections.lifetimes()
    async with LogReader(KafkaSettings().bootstrap) as log:
        with _progress("Reading") as moved:
            return await differences.diff(
                log, registry(), view, before, after, lifetimes=kept, on_progress=moved
            )


@contextmanager
def _progress(what: str) -> Iterator[OnProgress]:
    """A bar of messages on a terminal; nothing elsewhere."""
    with console.bar(what) as moved:
        yield lambda now: moved(now.done, now.total, now.view)


def _show(found: list[comparison.Difference], expected: str, actual: str) -> None:
    if not found:
        return
    table = Table("row", "column", expected, actual, box=None)
    for each in found[:_SHOWN]:
        table.add_row(
            ",".join(map(str, each.key)), each.column, _text(each.expected), _text(each.found)
        )
    console.console.print(table)
    if len(found) > _SHOWN:
        console.console.print(f"… and {len(found) - _SHOWN} more (--json shows all)")


def _text(value: Any) -> str:
    return "none" if value is None else str(value)


def _chosen(name: str) -> list[View]:
    """The view of that name, or all that the log could make again."""
    if name == "all":
        return [view for view in VIEWS.values() if view.lasting]
    return [view_named(name)]


def _moment(text: str) -> int:
    return moments.parse(text, datetime.now().astimezone())

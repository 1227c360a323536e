"""Other rules over what really happened: `backtest`."""

import asyncio
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from agents.chat.backtest.report import Change, Report
from infra.names import id_of
from infra.settings import KafkaSettings
from millrace import console, moments
from schemas.chat_backtest import Agreement, Caught, Counts, Verdict

_MOMENT: Final = "Like 2026-05-01T20:15:00Z, 20:15, '1 day ago' or now."
_RULES: Final = "TOML or YAML with what to change; without it, nothing may come out differently."
_FATES: Final = {
    "stood": "",
    "approved": "a moderator approved it",
    "deleted": "a moderator deleted it",
    "denied": "a moderator denied it",
    "banned": "its author was banned",
    "timed out": "its author was timed out",
    "expired": "nobody looked at it",
    "unseen": "",
}

backtest_app = typer.Typer(
    no_args_is_help=True, help="Other rules over what really happened; nothing is changed by it."
)


def add_to(app: typer.Typer) -> None:
    """Add `backtest`."""
    app.add_typer(backtest_app, name="backtest", rich_help_panel="Views and the log")


@backtest_app.callback()
def _backtest() -> None:
    """Other rules over what really happened; nothing is changed by it."""


@backtest_app.command()
def chat(
    channel: Annotated[str, typer.Option(help="Name of the channel.")],
    start: Annotated[str, typer.Option("--from", help=f"Begin of the window. {_MOMENT}")],
    end: Annotated[str, typer.Option("--to", help="End of the window.")] = "now",
    rules: Annotated[Path | None, typer.Option(metavar="FILE", help=_RULES)] = None,
    examples: Annotated[
        int, typer.Option(min=0, max=1000, help="Of each way in which a verdict changes.")
    ] = 5,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try other settings, terms, AutoMod levels or limits on what was really said in a chat.

    Shows the messages whose verdict changes, counts by rule, and how both agree with what
    moderators did then. Nothing is written, and nobody in the chat notices.

    Example: millrace backtest chat --channel demo --from "1 day ago" --rules try.yaml

    Where try.yaml may have (TOML will do, too; docs/how-to/back-test-a-chat-rule.md has it all):

        settings:
          slow_seconds: 10
          links: moderators
        terms:
          add:
            - free viewers*
        automod:
          toxicity: 3
        limits:
          burst: 3

    Without --rules the rules of today run over what they decided then: every verdict has to come
    out the same. Exit status 1 if one does not.
    """
    from agents.chat.backtest import Changes
    from infra.streaming.run import spare_garbage_collector
    from millrace.backtests import Asked, back_test, changes_in, judge_of

    now = datetime.now().astimezone()
    changes = changes_in(rules) if rules else Changes()
    asked = Asked(
        id_of(channel), moments.parse(start, now), moments.parse(end, now), changes, examples
    )
    spare_garbage_collector()
    with console.bar("Reading") as moved:
        report = asyncio.run(
            back_test(
                KafkaSettings().bootstrap,
                asked,
                judge_of(changes),
                on_progress=lambda done, total: moved(done, total, "chat-events"),
            )
        )
    if console.wants_json(json):
        console.print_json(report)
    else:
        show(channel, report)
    if rules is None and report.changed:
        raise typer.Exit(1)


def show(channel: str, report: Report) -> None:
    """A report for people."""
    window = f"{moments.show(report.start)} to {moments.show(report.end)}"
    console.console.print(f"[bold]{channel}[/], {window}: {_number(report.messages)} messages\n")
    if not report.messages:
        return
    console.console.print(_counts(report.before, report.after))
    if not report.changed:
        console.console.print("\n[green]No verdict changes.[/]")
    else:
        console.console.print(f"\n[bold]{_number(report.changed)} verdicts change[/]")
    for change in report.changes:
        _show_change(change)
    if report.agreement.removed + report.agreement.stood:
        console.console.print()
        _show_agreement(report.agreement)
    for term in report.unknown_terms:
        console.note(f"{term!r} was not blocked at any time in the window")
    if report.undecided:
        console.note(f"{report.undecided} messages have no verdict on the log, and do not count")


def _counts(before: Counts, after: Counts) -> Table:
    table = Table("", "then", "now", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name in ("sent", "held", "rejected"):
        table.add_row(name, *(_number(getattr(each, name)) for each in (before, after)))
    for rule in Counter(before.rules) | Counter(after.rules):
        cells = (_number(each.rules.get(rule, 0)) for each in (before, after))
        table.add_row(f"  {rule}", *cells, style="dim")
    return table


def _show_change(change: Change) -> None:
    verdicts = f"{_verdict(change.before)} → {_verdict(change.after)}"
    users = f"{_number(change.users)} user{'s' if change.users > 1 else ''}"
    console.console.print(f"\n{verdicts}: {_number(change.messages)} of {users}")
    for each in change.examples:
        line = Text.assemble(
            ("  " + moments.show(each.at)[:19].replace("T", " "), "dim"),
            (f" {each.login}: ", "cyan"),
            _printable(each.text),
        )
        if fate := _FATES[each.fate]:
            line.append(f"  ({fate})", "yellow")
        console.console.print(line, soft_wrap=True)


def _show_agreement(found: Agreement) -> None:
    console.console.print(
        f"Within five minutes moderators removed {_number(found.removed)} messages and let "
        f"{_number(found.stood)} stand. Of these were held or rejected by the rules:"
    )
    table = Table("", "removed", "let stand", "precision", "recall", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, caught in (("then", found.before), ("now", found.after)):
        table.add_row(name, *_caught(caught))
    console.console.print(table)


def _caught(caught: Caught) -> tuple[str, ...]:
    return (
        _number(caught.removed_stopped),
        _number(caught.stood_stopped),
        *("-" if each is None else f"{each:.0%}" for each in (caught.precision, caught.recall)),
    )


def _printable(text: str) -> str:
    """What people wrote, without anything that a terminal would obey."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _verdict(verdict: Verdict) -> str:
    return f"{verdict.outcome} ({verdict.rule})" if verdict.rule else verdict.outcome


def _number(number: int) -> str:
    return f"{number:,}".replace(",", " ")

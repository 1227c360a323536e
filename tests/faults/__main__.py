"""The run loop under chaos: `python -m tests.faults --seeds 100`. One line a seed, then totals."""

import argparse
import asyncio
import json
import logging
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from infra.errors import MillraceError
from tests.faults.broker import Cluster, fetch_library
from tests.faults.chaos import Chaos, Result
from tests.faults.plan import plan
from tests.faults.verdict import Verdict
from tests.faults.worker import Sabotage

COLUMNS = list(Verdict.__struct_fields__)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many runs")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--events", type=int, default=12_000, help="source records a run")
    parser.add_argument("--seconds", type=float, default=20.0, help="of load and faults a run")
    parser.add_argument("--brokers", type=int, default=1, help="of the cluster, and replicas")
    parser.add_argument("--controls", action="store_true", help="only the negative controls")
    parser.add_argument("--json", type=Path, help="append one line a run to this file")
    parser.add_argument("--keep", type=Path, help="keep the workers' logs in this folder")
    return parser.parse_args()


async def run_seeds(
    arguments: argparse.Namespace, cluster: Cluster, folder: Path, console: Console
) -> list[Result]:
    """Run every seed, showing each as it ends."""
    results = []
    text = TextColumn("{task.description}")
    columns = (text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("chaos", total=arguments.seeds)
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            progress.update(bar, description=f"seed {seed}")
            chaos = Chaos(
                plan(seed, arguments.seconds),
                cluster,
                folder,
                events=arguments.events,
                seconds=arguments.seconds,
            )
            result = await chaos.run()
            results.append(result)
            progress.console.print(line(result))
            note(arguments.json, result, "seed")
            progress.advance(bar)
    return results


async def run_controls(
    arguments: argparse.Namespace, cluster: Cluster, folder: Path, console: Console
) -> bool:
    """Break the run loop in each way; each must be found."""
    found = True
    cases = [(control, False) for control in Sabotage if control is not Sabotage.NONE]
    for control, stock in [*cases, (Sabotage.NONE, True)]:
        chaos = Chaos(
            plan(arguments.first, arguments.seconds),
            cluster,
            folder,
            events=arguments.events,
            seconds=arguments.seconds,
            sabotage=control,
            stock=stock,
        )
        result = await chaos.run()
        name = "stock Faust" if stock else control.value
        verdict = result.verdict.failures
        found = found and bool(verdict)
        mark = "[green]found[/]" if verdict else "[red]NOT FOUND[/]"
        console.print(f"{mark} {name}: {verdict}, repeated {result.verdict.repeated}")
        note(arguments.json, result, name)
    return found


def line(result: Result) -> str:
    """One run, in a line."""
    failures = result.verdict.failures
    mark = f"[red]FAILED {failures}[/]" if failures else "[green]held[/]"
    faults = ", ".join(f"{count} {name}" for name, count in sorted(result.faults.items()))
    return (
        f"seed {result.seed:>4}  {mark}  [dim]{faults}; {result.verdict.repeated} repeated, "
        f"{result.restarts} restarts, {result.seconds:.0f} s[/]"
    )


def note(path: Path | None, result: Result, kind: str) -> None:
    """One line of JSON, for the record."""
    if path is None:
        return
    verdict = msgspec.structs.asdict(result.verdict)
    said = {
        "kind": kind,
        "seed": result.seed,
        "events": result.events,
        "seconds": round(result.seconds, 1),
        "restarts": result.restarts,
        "fenced": result.fenced,
        "leader_changes": result.leader_changes,
        **verdict,
        "faults": dict(result.faults),
    }
    with path.open("a") as out:
        out.write(json.dumps(said) + "\n")


def show_totals(results: list[Result], console: Console) -> None:
    """Sums over all seeds."""
    table = Table(title=f"{len(results)} seeds, {sum(r.events for r in results):,} records")
    table.add_column("counter")
    table.add_column("total", justify="right")
    faults = sum((result.faults for result in results), Counter[str]())
    for name, count in sorted(faults.items()):
        table.add_row(name, f"{count:,}")
    table.add_row("restarts", f"{sum(result.restarts for result in results):,}")
    table.add_row("fenced", f"{sum(result.fenced for result in results):,}")
    table.add_section()
    for name in COLUMNS:
        total = sum(getattr(result.verdict, name) for result in results)
        style = "dim" if name in Verdict.ALLOWED else "red" if total else "green"
        table.add_row(name, f"[{style}]{total:,}[/]")
    console.print(table)


async def main() -> int:
    """0 if every seed held, and every control was found. SIGTERM ends it in order."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    arguments, console = parse(), Console()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the broker goes away on purpose
    with tempfile.TemporaryDirectory(prefix="millrace-faults-") as temporary:
        folder = arguments.keep or Path(temporary)
        with console.status("Kafka starts (and is downloaded, the first time)"):
            await fetch_library()
            cluster = Cluster(Path(temporary) / "kafka", arguments.brokers)
        try:
            cluster.start()
            if arguments.controls:
                return 0 if await run_controls(arguments, cluster, folder, console) else 1
            results = await run_seeds(arguments, cluster, folder, console)
        finally:
            cluster.forget()
    show_totals(results, console)
    return 1 if any(result.verdict.failures for result in results) else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except MillraceError as error:
        sys.exit(f"{error}")
    except asyncio.CancelledError:
        sys.exit("stopped")

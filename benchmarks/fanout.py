"""Deliveries a CPU-second of chat: `python -m benchmarks.fanout`.

The same messages of 200 bytes go from one process to many WebSockets on loopback, from each
contender in turn. The server has one core, the load the other. What is published to a channel
within 25 ms is written together by all. Prints what each delivers for a second of the server's
processor time (user and system, all threads), and how late; then ratios, of ours to the others at
the same rate, and of the best that each did with a p99 of at most 100 ms.
"""

import os
import resource
import statistics
from collections import defaultdict
from contextlib import ExitStack
from typing import Annotated, Final

import typer

from benchmarks._fanout.pace import Settings
from benchmarks._fanout.session import Figure, Session, free_port

P99_MS: Final = 100.0
SHAPES: Final = {
    "1x1000": (1, 1_000, (50, 200, 1000, 2000)),
    "1x10000": (1, 10_000, (10, 20, 50)),
    "100x100": (100, 10_000, (10, 20, 50)),
}
"""Channels, sockets in all, messages a second to each channel."""
CONTENDERS: Final = ("ours", "socketify", "picows", "websockets", "centrifugo")
_FILES: Final = 16_384

Figures = dict[tuple[str, int], list[Figure]]
"""By contender and rate."""


def measure(shape: str, name: str, rates: list[int], seconds: float, given: Settings) -> Figures:
    """One contender at one rate after the other, until it is hopelessly late."""
    channels, sockets, usual = SHAPES[shape]
    found: Figures = {}
    with ExitStack() as stack:
        settings = given._replace(port=free_port(), channels=channels)
        session = Session(stack, name, sockets, settings)
        for rate in rates or usual:
            figure = session.run(rate // channels if rates else rate, seconds)
            found[name, rate] = [figure]
            show(shape, name, rate, figure)
            if figure.delivered < 0.8 * figure.offered:
                break
    return found


def show(shape: str, name: str, rate: int, figure: Figure) -> None:
    """One line."""
    print(
        f"{shape:8} {name:11} {rate:5}/s  {figure.delivered / 1e3:6.0f}k of"
        f" {figure.offered / 1e3:5.0f}k/s {figure.a_cpu_second / 1e3:6.0f}k a CPU-s"
        f"  busy {figure.busy:4.2f}  p50 {figure.p50:6.1f}  p99 {figure.p99:6.1f} ms"
        f"  {figure.together:4.1f} together  load {figure.load_busy:4.2f}"
        f"{'' if figure.kept_up(P99_MS) else '  too late'}",
        flush=True,
    )


def summary(shape: str, figures: Figures) -> None:
    """Medians of all turns, as ratios: of deliveries, and (of writes, each of several)."""
    median = {key: statistics.median(each.a_cpu_second for each in figures[key]) for key in figures}
    writes = {
        key: statistics.median(each.a_cpu_second / each.together for each in figures[key])
        for key in figures
    }
    in_time = {
        key: statistics.median(each.p99 for each in figures[key]) <= P99_MS
        and statistics.median(each.delivered / each.offered for each in figures[key]) > 0.97
        for key in figures
    }
    names = dict.fromkeys(name for name, _ in figures)
    for name in names:
        best = max((median[key] for key in figures if key[0] == name and in_time[key]), default=0)
        ratios = [
            f"{rate}/s {median['ours', rate] / median[name, rate]:.2f}x"
            f" ({writes['ours', rate] / writes[name, rate]:.2f}x)"
            for key, rate in figures
            if key == name and name != "ours" and ("ours", rate) in median
        ]
        said = f"{best / 1e3:.0f}k a CPU-s" if best else "never in time"
        more = f"ours against it: {', '.join(ratios)}" if ratios else ""
        print(f"{shape:8} {name:11} best in time: {said:18} {more}")


def main(
    contenders: Annotated[str, typer.Option(help="Comma-separated.")] = ",".join(CONTENDERS),
    shapes: Annotated[str, typer.Option(help="Comma-separated.")] = ",".join(SHAPES),
    rates: Annotated[str, typer.Option(help="Messages a second in all, comma-separated.")] = "",
    seconds: Annotated[float, typer.Option(help="Of each measurement.")] = 4.0,
    repeat: Annotated[int, typer.Option(help="Turns.")] = 3,
    window: Annotated[float, typer.Option(help="Seconds.")] = 0.025,
    packed: Annotated[bool, typer.Option(help="One WebSocket message a window.")] = False,
) -> None:
    """Measure the contenders in turns."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, _FILES)), hard))
    names = contenders.split(",")
    if "centrifugo" in names and not os.environ.get("CENTRIFUGO"):
        print("centrifugo: not measured (CENTRIFUGO names its binary)")
        names.remove("centrifugo")
    given = Settings(0, 1, window, packed)
    for shape in shapes.split(","):
        figures: Figures = defaultdict(list)
        for _ in range(repeat):
            for name in names:
                asked = [int(rate) for rate in rates.split(",") if rate]
                for key, found in measure(shape, name, asked, seconds, given).items():
                    figures[key] += found
        summary(shape, figures)
        print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    typer.run(main)

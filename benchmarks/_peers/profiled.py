"""Runs a contender under cProfile and writes where its time went when it gets SIGUSR1."""

import cProfile
import io
import os
import pstats
import runpy
import signal
import sys
import threading
from pathlib import Path


def write(profiler: cProfile.Profile, path: Path) -> None:
    """The thirty costliest functions by own time and by cumulated time."""
    out = io.StringIO()
    stats = pstats.Stats(profiler, stream=out)
    stats.sort_stats("tottime").print_stats(30)
    stats.sort_stats("cumulative").print_stats(30)
    path.with_suffix(".txt").write_text(out.getvalue())


def main() -> None:
    """`python -m benchmarks._peers.profiled PATH MODULE [ARGUMENT…]`."""
    path, module = Path(sys.argv[1]), sys.argv[2]
    sys.argv = sys.argv[2:]
    profiler = cProfile.Profile()

    def stop() -> None:
        signal.sigwait({signal.SIGUSR1})
        write(profiler, path)
        os._exit(0)

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    threading.Thread(target=stop, daemon=True).start()
    profiler.enable()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

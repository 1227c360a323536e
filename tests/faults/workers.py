"""The workers of a run: started, paused, killed, and started again when they exit."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from infra.local.ports import free_ports
from tests.faults.plan import WORKERS
from tests.faults.verdict import Place

ROOT = Path(__file__).parents[2]
EXIT_DEADLINE = 20.0


class Workers:
    """The worker processes, started again when they exit, as a supervisor would."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str], module: str) -> None:
        self._name, self._folder, self._module = name, folder, module
        self._environment = environment
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._paused: set[int] = set()
        self._ports = free_ports(WORKERS + 8)
        self.restarts = 0

    @property
    def numbers(self) -> list[int]:
        """Workers that run and are not paused."""
        return [number for number in self._running if number not in self._paused]

    def start(self, number: int) -> None:
        """Start worker `number` in its folder."""
        folder = self._folder / f"worker-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            **self._environment,
            "FAULT_FOLDER": str(folder),
            "FAULT_PORT": str(self._ports[number % len(self._ports)]),
            "PYTHONPATH": str(ROOT),
        }
        arguments = ["worker"] if "stock" in self._module else []
        if arguments:
            arguments += ["--web-port", environment["FAULT_PORT"]]
        with (folder / "log").open("ab") as log:
            self._running[number] = subprocess.Popen(
                [sys.executable, "-m", self._module, *arguments],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def revive(self) -> None:
        """Start those again that have exited on their own."""
        for number, process in list(self._running.items()):
            if process.poll() is not None:
                self.restarts += 1
                self.start(number)

    def kill(self, number: int) -> None:
        """End a worker at once."""
        process = self._running.pop(number)
        self._paused.discard(number)
        process.kill()
        process.wait()

    async def pause(self, number: int, seconds: float) -> None:
        """Stop a worker's time; it wakes as a zombie whose partitions others have."""
        process = self._running[number]
        self._paused.add(number)
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            process.send_signal(signal.SIGCONT)
            self._paused.discard(number)

    async def leave(self, number: int) -> bool:
        """Ask a worker to go. Whether it went."""
        process = self._running.pop(number)
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, EXIT_DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False
        return True

    async def leave_all(self) -> int:
        """Ask all to go. How many did not."""
        gone = await asyncio.gather(*[self.leave(number) for number in list(self._running)])
        return gone.count(False)

    def kill_all(self) -> None:
        """Leave nothing behind."""
        for number in list(self._running):
            self.kill(number)

    @property
    def busy(self) -> bool:
        """Whether a handler has noted anything."""
        return any(path.stat().st_size for path in self._folder.glob("worker-*/handled"))

    @property
    def fenced(self) -> int:
        """How often a worker that had been replaced was kept from writing to the journal."""
        logs = self._folder.glob("worker-*/log")
        return sum(path.read_text(errors="replace").count("FencedError") for path in logs)

    def handled(self) -> list[Place]:
        """What handlers noted."""
        places = []
        for path in self._folder.glob("worker-*/handled"):
            for line in path.read_text().splitlines():
                partition, _, offset = line.partition(" ")
                if offset:
                    places.append((int(partition), int(offset)))
        return places

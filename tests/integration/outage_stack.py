"""A platform of its own whose servers a test kills, freezes and brings back."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis.asyncio import Redis

from infra.local import downloads
from infra.local.java import find_java
from infra.local.layout import Layout
from infra.local.master_key import keep_master_key
from infra.local.ports import free_ports, free_row
from infra.local.process import Program, guarded, last_words, sweep
from infra.local.servers import Ports, servers
from millrace import roles
from schemas import provision
from tests.local_stack import environment

ROLES = (
    "worker-identity",
    "worker-eventsub",
    "worker-transcode",
    "worker-chat",
    "views-redis",
    "views-cassandra",
    "gateway",
)


class Process:
    """One program, as often as it is started."""

    def __init__(self, program: Program, layout: Layout) -> None:
        self.program = program
        self._log = layout.log(program.name)
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                guarded(self.program.argv),
                env=os.environ | dict(self.program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def running(self) -> "subprocess.Popen[bytes]":
        assert self._running is not None, f"{self.program.name} was not started"
        return self._running

    async def ready(self) -> None:
        """It answers. Fails with its last words."""
        assert self.program.ready is not None
        deadline = time.monotonic() + self.program.start_deadline
        while not await self.program.ready():
            words = last_words(self._log, 20)
            assert self.running.poll() is None, f"{self.program.name} ended:\n{words}"
            assert time.monotonic() < deadline, f"{self.program.name} is not ready:\n{words}"
            await asyncio.sleep(0.1)

    def kill(self) -> None:
        """At once, and whatever it started."""
        self.running.kill()
        self.running.wait()
        sweep(self.running.pid)

    def freeze(self) -> None:
        """It keeps its connections, takes new ones, and says nothing."""
        os.kill(self.running.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.running.pid, signal.SIGCONT)


class Stack:
    """Servers and roles by name."""

    def __init__(self, layout: Layout, processes: dict[str, Process], url: str) -> None:
        self.layout = layout
        self.processes = processes
        self.url = url

    async def start(self, names: list[str]) -> None:
        """Start programs at the same time."""
        found = [self.processes[name] for name in names]
        await asyncio.gather(*(each.program.prepare() for each in found if each.program.prepare))
        for each in found:
            each.start()
        await asyncio.gather(*(each.ready() for each in found))

    async def forget_attempts(self) -> None:
        """Nobody has tried to sign in too often."""
        async with Redis.from_url(os.environ["MILLRACE_REDIS_URL"]) as redis:
            async for key in redis.scan_iter("millrace:limit:sign-*"):
                await redis.unlink(key)

    async def take_away(self, server: str, way: str) -> None:
        process = self.processes[server]
        process.kill() if way == "killed" else process.freeze()
        assert process.program.ready is not None
        if way == "killed":
            assert not await process.program.ready()

    async def bring_back(self, server: str, way: str) -> None:
        process = self.processes[server]
        process.start() if way == "killed" else process.thaw()
        await process.ready()


@contextmanager
def stack(folder: Path) -> Iterator[Stack]:
    """Servers, workers of what is asked, view writer and gateway, on ports of their own."""
    numbers, names = free_ports(5), roles.port_settings()
    settings = environment(folder, numbers)
    settings |= dict(zip(names, map(str, free_ports(len(names))), strict=True))
    settings["MILLRACE_WORKER_WEB_PORT"] = str(free_row(len(roles.TOPOLOGIES)))
    settings["MILLRACE_VIEWS_WEB_PORT"] = str(free_row(len(roles.STORES)))
    # A walk asks every route, again and again, from one address.
    settings |= {"MILLRACE_GATEWAY_TOKEN_LIMIT": "1000000"}
    settings |= {"MILLRACE_GATEWAY_ADDRESS_LIMIT": "1000000"}
    before = dict(os.environ)
    os.environ.update(settings)
    layout = Layout(folder, Path(settings["MILLRACE_DOWNLOADS"]))
    layout.make()
    keep_master_key(layout)
    programs = servers(layout, find_java(), Ports(*numbers))
    programs += [each.program(layout) for each in roles.roles() if each.name in ROLES]
    processes = {each.name: Process(each, layout) for each in programs}
    found = Stack(layout, processes, f"http://127.0.0.1:{settings['MILLRACE_GATEWAY_PORT']}")

    async def start() -> None:
        if downloads.missing(layout):
            await downloads.fetch(layout, lambda file: None)
        await found.start(["kafka", "cassandra", "redis"])
        await provision.apply(settings["MILLRACE_KAFKA_BOOTSTRAP"])
        await found.start(list(ROLES))

    try:
        asyncio.run(start())
        yield found
    finally:
        for process in reversed(processes.values()):
            if process._running is not None:
                process.kill()
        os.environ.clear()
        os.environ.update(before)

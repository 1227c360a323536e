"""The whole stack on one machine, from nothing to a live picture, and back to nothing."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from infra.errors import ConfigurationError, MillraceError
from infra.local import downloads, state
from infra.local.downloads import Downloaded
from infra.local.java import find_java
from infra.local.layout import Layout
from infra.local.master_key import keep_master_key
from infra.local.ports import holders
from infra.local.servers import ports_of, servers
from infra.local.state import ProcessState, StackPhase, StackState, created
from infra.local.supervisor import Supervisor
from infra.settings import CassandraSettings, KafkaSettings, LocalSettings, RedisSettings
from millrace import demo, roles
from schemas import provision
from web import built


class Display(Protocol):
    """Shows a person what goes on."""

    def stage(self, text: str) -> None:
        """A new step has begun."""
        ...

    def arrived(self, file: Downloaded) -> None:
        """A download has arrived."""
        ...

    def processes(self, states: list[ProcessState]) -> None:
        """Something changed in the processes."""
        ...

    def say(self, text: str) -> None:
        """Something to know."""
        ...

    def ready(self, states: list[ProcessState], seconds: float) -> None:
        """Everything runs."""
        ...


@dataclass(frozen=True)
class Extent:
    """How much of the stack to run."""

    roles: bool = True
    demo: bool = False
    """Whether to push a sample broadcast."""


class Stack:
    """Runs the stack until SIGINT or SIGTERM; its state file tells other terminals."""

    def __init__(self, layout: Layout, extent: Extent, display: Display) -> None:
        self._layout = layout
        self._extent = extent
        self._display = display
        self._supervisor = Supervisor(layout, say=display.say, changed=self._changed)
        self._phase: StackPhase = "starting"
        self._message = ""
        self._began = time.time()

    async def run(self) -> None:
        """Start, stay, stop. Raises MillraceError if it could not be started."""
        self._layout.make()
        with state.only_supervisor(self._layout):
            stop = _stop_signal(self._display.say)
            work = asyncio.create_task(self._start())
            asked = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    work.result()
                    await asked
            except MillraceError as error:
                self._message = str(error)
                raise
            finally:
                work.cancel()
                await asyncio.wait({work})
                await self._stop()

    async def _start(self) -> None:
        local, kafka = LocalSettings(), KafkaSettings()
        began = time.monotonic()
        ports = ports_of(local, kafka, CassandraSettings(), RedisSettings())
        refuse_taken(ports.all + (roles.ports() if self._extent.roles else []))
        java = find_java()
        keep_master_key(self._layout)
        if self._extent.roles:
            built()
        self._changed()
        if downloads.missing(self._layout):
            self._display.stage("Fetching Kafka and Cassandra from Maven Central, once")
            await downloads.fetch(self._layout, self._display.arrived)
        self._display.stage("Starting the servers")
        await self._supervisor.start(servers(self._layout, java, ports))
        if self._extent.roles:
            await provision.apply(kafka.bootstrap, kafka.replication_factor)
            self._display.stage("Starting the roles")
            await self._supervisor.start([role.program(self._layout) for role in roles.roles()])
        if self._extent.demo:
            self._display.stage("Starting the sample broadcast")
            await self._supervisor.start([await demo.prepare(self._layout, kafka.bootstrap)])
        self._enter("ready")
        self._display.ready(self._supervisor.states(), time.monotonic() - began)

    async def _stop(self) -> None:
        failed = bool(self._message)
        self._enter("stopping")
        self._display.stage("Stopping")
        await self._supervisor.stop()
        self._enter("failed" if failed else "stopped")

    def _enter(self, phase: StackPhase) -> None:
        self._phase = phase
        self._changed()

    def _changed(self) -> None:
        states = self._supervisor.states()
        pid = os.getpid()
        state.write(
            self._layout,
            StackState(
                phase=self._phase,
                pid=pid,
                created=created(pid) or 0.0,
                started_at=self._began,
                processes=states,
                message=self._message,
            ),
        )
        self._display.processes(states)


def refuse_taken(ports: list[int]) -> None:
    """Raise ConfigurationError if a port is taken, naming who holds each."""
    taken = [str(found) for found in holders(ports)]
    if taken:
        raise ConfigurationError(
            f"{'; '.join(taken)}: stop it, or choose other ports (`millrace doctor` tells how)"
        )


def _stop_signal(say: Callable[[str], None]) -> asyncio.Event:
    """Set at SIGINT, SIGTERM or SIGHUP; which of them is told."""
    stop = asyncio.Event()

    def received(number: signal.Signals) -> None:
        say(f"Got {number.name}")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, received, number)
    return stop

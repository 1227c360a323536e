"""A Kafka broker of our own, on free ports, that may be killed and started again."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path

from infra.errors import Unavailable
from infra.local.java import find_java
from infra.local.layout import Layout
from infra.local.ports import free_ports
from infra.settings import LocalSettings

START_DEADLINE = 60.0

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.cleaner.backoff.ms=300
log.cleaner.dedupe.buffer.size=8388608
log.segment.delete.delay.ms=1000
"""
_LOG4J = """\
<Configuration status="WARN"><Appenders><Console name="c"><PatternLayout pattern="%d %p %m%n"/>
</Console></Appenders><Loggers><Root level="warn"><AppenderRef ref="c"/></Root></Loggers>
</Configuration>
"""


def library() -> Path:
    """The folder of Kafka's jars: MILLRACE_KAFKA_LIB, else what `make run` has downloaded."""
    chosen = os.environ.get("MILLRACE_KAFKA_LIB")
    return Path(chosen) if chosen else Layout.of(LocalSettings()).lib / "kafka"


class Broker:
    """One KRaft node in a folder that is given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port, controller = free_ports(2)
        self._config = folder / "server.properties"
        self._config.write_text(
            _PROPERTIES.format(port=self.port, controller=controller, folder=folder)
        )
        (folder / "log4j2.xml").write_text(_LOG4J)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self.port}"

    def _java(self, *arguments: str) -> list[str]:
        return [
            str(find_java()),
            *("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            f"-Dlog4j2.configurationFile={self._folder}/log4j2.xml",
            *("-cp", f"{library()}/*", *arguments),
        ]

    def format(self) -> None:
        """Make its storage."""
        identity = uuid.uuid4().hex[:22]
        tool = ("kafka.tools.StorageTool", "format", "-t", identity, "-c", str(self._config))
        subprocess.run(self._java(*tool), check=True, capture_output=True)

    def start(self) -> None:
        """Start it and wait until its port answers."""
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", str(self._config)),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 1),
            ):
                return
            time.sleep(0.05)
        raise Unavailable(f"Kafka did not start; see {self._folder}/broker.log")

    def stop(self, *, kill: bool = False) -> None:
        """Stop it: in order, or at once as a lost machine would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def forget(self) -> None:
        """Stop it and remove its data."""
        self.stop(kill=True)
        shutil.rmtree(self._folder, ignore_errors=True)

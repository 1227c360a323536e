"""Kafka of our own, on free ports: one node or several, killed and started again one by one."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.errors import Unavailable
from infra.kafka import min_insync_replicas
from infra.local import downloads
from infra.local.java import find_java
from infra.local.layout import Layout
from infra.local.ports import free_ports
from infra.settings import LocalSettings

START_DEADLINE = 60.0
HEAP = "256m"

_PROPERTIES = """\
process.roles=broker,controller
node.id={node.number}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{node.controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{node.port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
auto.create.topics.enable=false
auto.leader.rebalance.enable=false
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={insync}
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={insync}
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


async def fetch_library() -> None:
    """Download Kafka's jars unless they are there. Raises ConfigurationError or Unavailable."""
    if not os.environ.get("MILLRACE_KAFKA_LIB"):
        await downloads.fetch(Layout.of(LocalSettings()), lambda file: None)


@dataclass(frozen=True)
class Node:
    """A node's number and ports."""

    number: int
    port: int
    controller: int


class Broker:
    """One KRaft node, broker and controller, in a folder that is given."""

    def __init__(self, folder: Path, node: Node, nodes: Sequence[Node]) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._port = node.port
        self._config = folder / "server.properties"
        self._config.write_text(
            _PROPERTIES.format(
                node=node,
                voters=",".join(f"{each.number}@127.0.0.1:{each.controller}" for each in nodes),
                replicas=len(nodes),
                insync=min_insync_replicas(len(nodes)),
                folder=folder,
            )
        )
        (folder / "log4j2.xml").write_text(_LOG4J)
        self._process: subprocess.Popen[bytes] | None = None

    def _java(self, *arguments: str) -> list[str]:
        return [
            str(find_java()),
            *(f"-Xmx{HEAP}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            f"-Dlog4j2.configurationFile={self._folder}/log4j2.xml",
            *("-cp", f"{library()}/*", *arguments),
        ]

    def format(self, cluster: str) -> None:
        """Make its storage, as a member of a cluster."""
        tool = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._config))
        subprocess.run(self._java(*tool), check=True, capture_output=True)

    def launch(self) -> None:
        """Start it."""
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", str(self._config)),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until its port answers."""
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self._port), 1),
            ):
                return
            time.sleep(0.05)
        raise Unavailable(f"Kafka did not start; see {self._folder}/broker.log")

    def start(self) -> None:
        """Start it and wait for it."""
        self.launch()
        self.wait()

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


class Cluster:
    """As many nodes as are wanted, by number from 1; topics should have a replica on each."""

    def __init__(self, folder: Path, size: int = 1) -> None:
        self._folder = folder
        ports = free_ports(2 * size)
        self._nodes = [
            Node(number + 1, *ports[2 * number : 2 * number + 2]) for number in range(size)
        ]
        self.brokers = {
            node.number: Broker(folder / f"node-{node.number}", node, self._nodes)
            for node in self._nodes
        }

    @property
    def size(self) -> int:
        """How many nodes it has, and so replicas a topic."""
        return len(self._nodes)

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self._nodes)

    def start(self) -> None:
        """Make the nodes' storage, start them together and wait for all."""
        cluster = uuid.uuid4().hex[:22]
        for broker in self.brokers.values():
            broker.format(cluster)
        for broker in self.brokers.values():
            broker.launch()
        for broker in self.brokers.values():
            broker.wait()

    def forget(self) -> None:
        """Stop every node and remove all data."""
        for broker in self.brokers.values():
            broker.stop(kill=True)
        shutil.rmtree(self._folder, ignore_errors=True)

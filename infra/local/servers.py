"""The three servers of the local stack as programs: configuration, command line, readiness."""

import asyncio
import base64
import os
import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import urlsplit

from infra.errors import ConfigurationError
from infra.local import probes
from infra.local.layout import Layout
from infra.local.process import Program, guarded
from infra.settings import CassandraSettings, KafkaSettings, LocalSettings, RedisSettings

_HERE: Final = Path(__file__).parent
_HOST: Final = "127.0.0.1"
_SMALL_JVM: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""One collector thread and one compiler: a third of the memory, a third of the start."""


@dataclass(frozen=True)
class Ports:
    """Where the servers listen, on 127.0.0.1."""

    kafka: int
    kafka_controller: int
    cassandra: int
    cassandra_storage: int
    redis: int

    @property
    def all(self) -> list[int]:
        """Every port."""
        return [
            *(self.kafka, self.kafka_controller),
            *(self.cassandra, self.cassandra_storage, self.redis),
        ]


def ports_of(
    local: LocalSettings, kafka: KafkaSettings, cassandra: CassandraSettings, redis: RedisSettings
) -> Ports:
    """The ports that the roles' settings name. Raises ConfigurationError for another machine."""
    kafka_host, _, kafka_port = kafka.bootstrap.rpartition(":")
    address = urlsplit(redis.url.get_secret_value())
    for name, host in (
        ("MILLRACE_KAFKA_BOOTSTRAP", kafka_host),
        ("MILLRACE_CASSANDRA_HOSTS", cassandra.hosts),
        ("MILLRACE_REDIS_URL", address.hostname or ""),
    ):
        if host not in (_HOST, "localhost"):
            raise ConfigurationError(
                f"{name} points to {host!r}: `millrace up` starts its own servers on {_HOST}. "
                "Unset it, or start the roles one by one (`millrace gateway` …)"
            )
    return Ports(
        kafka=int(kafka_port),
        kafka_controller=local.kafka_controller_port,
        cassandra=cassandra.port,
        cassandra_storage=local.cassandra_storage_port,
        redis=address.port or 6379,
    )


def servers(layout: Layout, java: Path, ports: Ports) -> list[Program]:
    """Kafka, Cassandra and Redis."""
    return [
        _kafka(layout, java, ports),
        _cassandra(layout, java, ports),
        _redis(layout, ports),
    ]


def _kafka(layout: Layout, java: Path, ports: Ports) -> Program:
    data = layout.server_data("kafka")
    settings = layout.run / "kafka.properties"
    class_path = _class_path(layout, "kafka")
    archive = _Archive(layout, "kafka")

    async def prepare() -> None:
        _fill(
            _HERE / "kafka/server.properties",
            settings,
            port=ports.kafka,
            controller_port=ports.kafka_controller,
            data=data,
        )
        if not (data / "meta.properties").exists():
            await _format_kafka(java, class_path, settings)

    return Program(
        name="kafka",
        title="Kafka",
        argv=(
            *(str(java), "-Xmx512m", *_SMALL_JVM, *archive.options()),
            f"-Dlog4j2.configurationFile={_HERE / 'kafka/log4j2.xml'}",
            *("-cp", class_path, "kafka.Kafka", str(settings)),
        ),
        port=ports.kafka,
        prepare=prepare,
        ready=partial(probes.kafka_answers, _HOST, ports.kafka),
        ended=archive.keep,
        start_deadline=120,
        stop_deadline=30,
    )


async def _format_kafka(java: Path, class_path: str, settings: Path) -> None:
    """Give an empty Kafka folder its cluster id."""
    cluster = _base64_uuid()
    process = await asyncio.create_subprocess_exec(
        *guarded((str(java), *_SMALL_JVM, "-cp", class_path)),
        *("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise ConfigurationError(f"Kafka's folder could not be formatted: {said.decode()[-500:]}")


def _cassandra(layout: Layout, java: Path, ports: Ports) -> Program:
    data = layout.server_data("cassandra")
    settings = layout.run / "cassandra.yaml"
    archive = _Archive(layout, "cassandra")
    properties = {
        "cassandra.config": settings.as_uri(),
        "logback.configurationFile": (_HERE / "cassandra/logback.xml").as_uri(),
        "cassandra.storagedir": data,
        "cassandra.logdir": layout.logs,
        "cassandra-foreground": "yes",
        # One node has nobody to wait for.
        "cassandra.skip_wait_for_gossip_to_settle": 0,
        "cassandra.ring_delay_ms": 0,
        "cassandra.superuser_setup_delay_ms": 0,
        "cassandra.shutdown_announce_in_ms": 0,
        "cassandra.initial_token": 0,
    }

    async def prepare() -> None:
        _fill(
            _HERE / "cassandra/cassandra.yaml",
            settings,
            port=ports.cassandra,
            storage_port=ports.cassandra_storage,
        )

    return Program(
        name="cassandra",
        title="Cassandra",
        argv=(
            *(str(java), "-Xms256m", "-Xmx768m", *_SMALL_JVM, *archive.options()),
            f"@{_HERE / 'cassandra/jvm17.args'}",
            *(f"-D{name}={value}" for name, value in properties.items()),
            *("-cp", _class_path(layout, "cassandra")),
            "org.apache.cassandra.service.CassandraDaemon",
        ),
        port=ports.cassandra,
        prepare=prepare,
        ready=partial(probes.cassandra_answers, _HOST, ports.cassandra),
        ended=archive.keep,
        behind=True,
        start_deadline=180,
        stop_deadline=60,
    )


def _redis(layout: Layout, ports: Ports) -> Program:
    data = layout.server_data("redis")

    async def prepare() -> None:
        data.mkdir(parents=True, exist_ok=True)

    return Program(
        name="redis",
        title="Redis",
        argv=(
            *("redis-server", "--port", str(ports.redis), "--bind", _HOST),
            *("--dir", str(data), "--appendonly", "yes", "--save", "", "--daemonize", "no"),
        ),
        port=ports.redis,
        prepare=prepare,
        ready=partial(probes.redis_answers, _HOST, ports.redis),
        stop_deadline=15,
    )


def _class_path(layout: Layout, server: str) -> str:
    """Sorted, so that a class-data archive of one start fits the next."""
    return ":".join(map(str, sorted((layout.lib / server).glob("*.jar"))))


def _fill(template: Path, target: Path, **values: object) -> None:
    target.write_text(Template(template.read_text()).substitute(values))


def _base64_uuid() -> str:
    """A cluster id as Kafka writes them: 22 characters, not beginning with a dash."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")


class _Archive:
    """The class-data archive of a server (JEP 350): written when a JVM first ends, used after.

    It saves Cassandra about five seconds a start and a third of its memory.
    """

    def __init__(self, layout: Layout, server: str) -> None:
        self._path = layout.archives / f"{server}.jsa"
        self._fresh = layout.archives / f"{server}.{os.getpid()}.new"

    def options(self) -> tuple[str, ...]:
        """What the JVM is told: use the archive that is there, or write one at its end."""
        quiet = "-Xlog:cds=off,cds+dynamic=off,class+path=off"
        if self._path.exists():
            return (f"-XX:SharedArchiveFile={self._path}", "-Xshare:auto", quiet)
        return (f"-XX:ArchiveClassesAtExit={self._fresh}", quiet)

    def keep(self, in_order: bool) -> None:
        """Put a new archive in its place; a JVM that was killed may have left half of one."""
        if not self._fresh.exists():
            return
        if in_order:
            self._fresh.replace(self._path)
        else:
            self._fresh.unlink()

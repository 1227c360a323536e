"""The processes of the platform on one machine: what each is called and where it listens."""

import sys
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from infra.local import probes
from infra.local.layout import Layout
from infra.local.process import Program
from infra.settings import (
    GatewaySettings,
    IngestSettings,
    OriginSettings,
    ViewsSettings,
    WorkerSettings,
)

TOPOLOGIES: Final = ("identity", "broadcast")
"""What `millrace worker` can run."""


@dataclass(frozen=True)
class Role:
    """A process of the platform."""

    name: str
    title: str
    arguments: tuple[str, ...]
    port: int | None
    """Where `/healthz` answers."""
    environment: dict[str, str] = field(default_factory=dict)

    def program(self, layout: Layout) -> Program:
        """What the supervisor starts."""
        port = self.port
        return Program(
            name=self.name,
            title=self.title,
            argv=(sys.executable, "-m", "millrace", *self.arguments),
            environment={"MILLRACE_DATA": str(layout.data), **self.environment},
            port=port,
            ready=partial(probes.http_healthy, "127.0.0.1", port) if port else None,
            start_deadline=90,
        )


def roles() -> list[Role]:
    """Every role once, as the settings have it."""
    worker_port = WorkerSettings().web_port
    workers = [
        Role(
            name=f"worker-{topology}",
            title=f"Worker {topology}",
            arguments=("worker", topology),
            port=worker_port + index,
            environment={"MILLRACE_WORKER_WEB_PORT": str(worker_port + index)},
        )
        for index, topology in enumerate(TOPOLOGIES)
    ]
    return [
        *workers,
        Role("clock", "Clock", ("clock",), None),
        Role("views", "Views", ("views",), ViewsSettings().web_port),
        Role("ingest", "Ingest", ("ingest",), IngestSettings().http_port),
        Role("origin", "Origin", ("origin",), OriginSettings().port),
        Role("gateway", "Gateway", ("gateway",), GatewaySettings().port),
    ]


def ports() -> list[int]:
    """Every port that the roles listen on."""
    ingest = IngestSettings()
    publishers = [ingest.rtmp_port, *([ingest.rtmps_port] if ingest.rtmps_port else [])]
    return [role.port for role in roles() if role.port] + publishers

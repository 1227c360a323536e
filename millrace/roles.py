"""The processes of the platform on one machine: what each is called and where it listens."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from infra.local import probes
from infra.local.layout import Layout
from infra.local.process import Program
from infra.settings import (
    ChatEdgeSettings,
    ChatFanoutSettings,
    GatewaySettings,
    IngestSettings,
    OriginSettings,
    TranscoderSettings,
    ViewsSettings,
    WebhooksSettings,
    WorkerSettings,
)
from sinks.view import StoreKind

TOPOLOGIES: Final = ("identity", "broadcast", "eventsub", "transcode", "chat")
"""What `millrace worker` can run."""
STORES: Final[tuple[StoreKind, ...]] = ("redis", "cassandra")
"""What `millrace views` can write. Lists in Cassandra take long in a storm: they are a process of
their own, so that nobody who waits for an answer from Redis waits for them."""

BEHIND: Final = ("views-cassandra", "webhooks")
"""Roles after which the others go first where processors are short: nobody waits for them."""


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
            start_deadline=180,
            behind=self.name in BEHIND,
        )


def roles() -> list[Role]:
    """Every role once, as the settings have it."""
    instance = {"MILLRACE_VIEWS_INSTANCE": ViewsSettings().instance or "views-1"}
    alone = {"MILLRACE_TRANSCODER_DRAIN": "0"}  # there is nobody to take its streams over
    return [
        *_each("worker", TOPOLOGIES, WorkerSettings().web_port),
        Role("clock", "Clock", ("clock",), None),
        *_each("views", STORES, ViewsSettings().web_port, instance),
        Role("webhooks", "Webhooks", ("webhooks",), WebhooksSettings().web_port),
        Role("chat-fanout", "Chat fan-out", ("chat-fanout",), ChatFanoutSettings().web_port),
        Role("chat-edge", "Chat edge", ("chat-edge",), ChatEdgeSettings().web_port),
        Role("ingest", "Ingest", ("ingest",), IngestSettings().http_port),
        Role("origin", "Origin", ("origin",), OriginSettings().port),
        Role("transcoder", "Transcoder", ("transcoder",), TranscoderSettings().web_port, alone),
        Role("gateway", "Gateway", ("gateway",), GatewaySettings().port),
    ]


def _each(
    command: str, names: Sequence[str], first: int, environment: Mapping[str, str] | None = None
) -> list[Role]:
    """A role for each that the command can run, on one port after another."""
    return [
        Role(
            name=f"{command}-{name}",
            title=f"{command.capitalize()} {name}",
            arguments=(command, name),
            port=port,
            environment={f"MILLRACE_{command.upper()}_WEB_PORT": str(port), **(environment or {})},
        )
        for port, name in enumerate(names, first)
    ]


def port_settings() -> dict[str, int]:
    """Every port that the roles listen on, by the setting that moves it."""
    ingest, edge = IngestSettings(), ChatEdgeSettings()
    found = {
        "MILLRACE_GATEWAY_PORT": GatewaySettings().port,
        "MILLRACE_ORIGIN_PORT": OriginSettings().port,
        "MILLRACE_VIEWS_WEB_PORT": ViewsSettings().web_port,
        "MILLRACE_WEBHOOKS_WEB_PORT": WebhooksSettings().web_port,
        "MILLRACE_TRANSCODER_WEB_PORT": TranscoderSettings().web_port,
        "MILLRACE_INGEST_HTTP_PORT": ingest.http_port,
        "MILLRACE_INGEST_RTMP_PORT": ingest.rtmp_port,
        "MILLRACE_WORKER_WEB_PORT": WorkerSettings().web_port,
        "MILLRACE_CHAT_EDGE_PORT": edge.port,
        "MILLRACE_CHAT_EDGE_WEB_PORT": edge.web_port,
        "MILLRACE_CHAT_FANOUT_WEB_PORT": ChatFanoutSettings().web_port,
    }
    if edge.irc_port:
        found["MILLRACE_CHAT_EDGE_IRC_PORT"] = edge.irc_port
    if edge.tls_certificate:
        found["MILLRACE_CHAT_EDGE_IRC_TLS_PORT"] = edge.irc_tls_port
    if ingest.rtmps_port:
        found["MILLRACE_INGEST_RTMPS_PORT"] = ingest.rtmps_port
    return found


def ports() -> list[int]:
    """Every port that the roles listen on."""
    return sorted({*port_settings().values(), *(role.port for role in roles() if role.port)})

"""Settings: one frozen class a component, read from `MILLRACE_…` environment variables.

`.env.example` is generated from these modules (`make generate`).
"""

from infra.settings.media import IngestSettings, OriginSettings, TranscoderSettings
from infra.settings.roles import (
    ChatEdgeSettings,
    ChatFanoutSettings,
    GatewaySettings,
    IngestPlace,
    ViewsSettings,
    WebhooksSettings,
    WorkerSettings,
)
from infra.settings.rules import BroadcastSettings, ChatSettings, TranscodeSettings
from infra.settings.servers import (
    CassandraSettings,
    KafkaSettings,
    LocalSettings,
    RedisSettings,
    SecretsSettings,
    StorageSettings,
)

__all__ = [
    "BroadcastSettings",
    "CassandraSettings",
    "ChatEdgeSettings",
    "ChatFanoutSettings",
    "ChatSettings",
    "GatewaySettings",
    "IngestPlace",
    "IngestSettings",
    "KafkaSettings",
    "LocalSettings",
    "OriginSettings",
    "RedisSettings",
    "SecretsSettings",
    "StorageSettings",
    "TranscodeSettings",
    "TranscoderSettings",
    "ViewsSettings",
    "WebhooksSettings",
    "WorkerSettings",
]

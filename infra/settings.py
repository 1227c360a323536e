"""Settings: one frozen class a component, read from `MILLRACE_…` environment variables.

`.env.example` is generated from this module (`make generate`).
"""

from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class _Section(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="MILLRACE_")


class KafkaSettings(_Section):
    """Where the log is."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_KAFKA_")

    bootstrap: str = Field(
        "127.0.0.1:9092", description="Kafka brokers, host:port, comma-separated."
    )
    replication_factor: int = Field(
        1, ge=1, description="Replication factor of provisioned topics."
    )


class RedisSettings(_Section):
    """Where hot views live."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_REDIS_")

    url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6380/0"), description="URL of the Redis server."
    )


class CassandraSettings(_Section):
    """Where long views live."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_CASSANDRA_")

    hosts: str = Field("127.0.0.1", description="Contact points, comma-separated.")
    port: int = Field(9042, description="Native protocol port.")
    keyspace: str = Field(
        "millrace", pattern=r"^[a-z][a-z0-9_]{0,47}$", description="Keyspace of the views."
    )
    replication_factor: int = Field(1, ge=1, description="Replication factor of the keyspace.")


class SecretsSettings(_Section):
    """What seals personal data and signs tokens."""

    master_key: SecretStr = Field(
        SecretStr(""),
        description="Master key of the platform, base64url of 32 bytes; several with commas: the "
        "first seals, all open. Empty: the key that `make run` has made under the data folder.",
    )


class StorageSettings(_Section):
    """Where media objects live."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_STORAGE_")

    url: str = Field(
        "",
        description="Object storage: file:///path or s3://bucket. "
        "Empty: `objects` under the data folder.",
    )


class LocalSettings(_Section):
    """The stack on one machine."""

    data: Path = Field(
        Path(".millrace"),
        description="Folder for downloads, server data, spools, objects and logs.",
    )
    downloads: Path | None = Field(
        None, description="Folder of the servers' jars. Empty: `downloads` under the data folder."
    )
    kafka_controller_port: int = Field(9093, description="Controller port of the local Kafka.")
    cassandra_storage_port: int = Field(
        7000, description="Port between nodes of the local Cassandra."
    )


class IngestSettings(_Section):
    """The role that publishers push to."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_INGEST_")

    name: str = Field(
        "",
        max_length=100,
        description="Name of this ingest among all, the same after it was started again. Empty: "
        "the machine's name and the RTMP port.",
    )
    place: str = Field(
        "local",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="The place that it belongs to: an id of MILLRACE_GATEWAY_INGESTS.",
    )
    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - publishers come from outside
    rtmp_port: int = Field(1935, description="RTMP port.")
    rtmps_port: int = Field(0, description="RTMPS port; 0 listens on no RTMPS port.")
    tls_certificate: Path | None = Field(None, description="PEM certificate chain for RTMPS.")
    tls_key: Path | None = Field(None, description="PEM private key for RTMPS.")
    http_host: str = Field(
        "127.0.0.1", description="Address of the spool, health and metrics server."
    )
    http_port: int = Field(8082, description="Port of the spool, health and metrics server.")
    max_connections: int = Field(1000, ge=1, description="Open publisher connections at most.")
    max_connections_per_address: int = Field(
        50, ge=1, description="Open connections from one address at most."
    )
    idle_timeout: float = Field(
        30.0, gt=0, description="Seconds without a byte after which a publisher is dropped."
    )
    handshake_deadline: float = Field(
        10.0, gt=0, description="Seconds from connecting to publishing, at most."
    )
    max_half_open: int = Field(
        200, ge=1, description="Connections that do not publish yet, at most."
    )
    decision_deadline: float = Field(
        5.0, gt=0, description="Seconds to wait for the platform to let a publisher on air."
    )
    spool_max_age: float = Field(
        86_400.0, gt=0, description="Seconds after which spooled media is deleted."
    )
    spool_session_bytes: int = Field(
        2 << 30,
        ge=0,
        description="Bytes of one session's spool above which its oldest are deleted, also while "
        "it runs. A publisher waits when half as many are not packaged.",
    )
    spool_max_bytes: int = Field(
        10 << 30, ge=0, description="Bytes of all spools above which the oldest are deleted."
    )
    storage_patience: float = Field(
        1800.0,
        ge=0,
        description="Seconds for which object storage may be away before sessions end; "
        "media waits in the spool.",
    )
    part_duration: float = Field(
        0.1, gt=0, le=1, description="Target duration of a part, in seconds."
    )
    warn_gop: float = Field(
        4.0, gt=0, description="Key-frame interval above which a publisher is warned, in seconds."
    )
    max_gop: float = Field(
        10.0, gt=0, description="Key-frame interval above which a publisher is refused, in seconds."
    )


class OriginSettings(_Section):
    """The role that players fetch playlists and media from."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_ORIGIN_")

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - viewers come from outside
    port: int = Field(8081, description="HTTP port.")
    window: float = Field(60.0, gt=0, description="Seconds of media listed in a live playlist.")
    part_hold_back: float = Field(
        3.0,
        ge=2,
        description="How far players stay from the live edge, in part durations (PART-HOLD-BACK).",
    )
    cache_bytes: int = Field(
        256 << 20, ge=1 << 20, description="Memory for recent parts and segments, in bytes."
    )
    max_requests: int = Field(
        20_000, ge=1, description="Requests in progress at most, blocked ones included."
    )
    write_timeout: float = Field(
        30.0, gt=0, description="Seconds a client may take to receive a response."
    )


class IngestPlace(BaseModel):
    """A place that publishers may send to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    name: str = Field(min_length=1, max_length=100)
    region: str = Field("", max_length=64)
    country: str = Field("", pattern=r"^([A-Z]{2})?$")
    """ISO 3166-1."""
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    rtmp_url: str = Field(pattern=r"^rtmp://[^\s{}]+[^\s{}/]$")
    """Without the stream key: rtmp://host/live."""
    rtmps_url: str = Field("", pattern=r"^(rtmps://[^\s{}]+[^\s{}/])?$")

    @model_validator(mode="after")
    def _is_somewhere_or_nowhere(self) -> "IngestPlace":
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude are given both or neither")
        return self


class GatewaySettings(_Section):
    """The role that pages and the API come from."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_GATEWAY_")

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - viewers come from outside
    port: int = Field(8080, description="HTTP port.")
    url: str = Field(
        "",
        pattern=r"^(https?://[^/\s]+)?$",
        description="Where browsers reach the gateway, https://host: the issuer of tokens; with "
        "https cookies are for TLS only. Empty: http://localhost and the port.",
    )
    origin_url: str = Field(
        "",
        description="Base URL of the origin as browsers reach it. "
        "Empty: the page's own host, origin's port.",
    )
    rtmp_url: str = Field(
        "", description="RTMP URL shown to broadcasters. Empty: the page's own host."
    )
    ingests: list[IngestPlace] = Field(
        [],
        description="Where broadcasters may publish to, JSON: a list of objects with id, name, "
        "rtmp_url, and as known rtmps_url, region, country (ISO 3166-1), latitude, longitude. "
        "Empty: the one at MILLRACE_GATEWAY_RTMP_URL, with the id `local`.",
    )
    country_header: str = Field(
        "",
        pattern=r"^[A-Za-z-]{0,64}$",
        description="Header in which trusted proxies say the client's country (ISO 3166-1): near "
        "ingests are named first. Empty: none does.",
    )
    token_limit: int = Field(
        800, ge=1, description="Requests a minute under one token, over all gateways."
    )
    drain: float = Field(
        5.0,
        ge=0,
        description="Seconds for WebSocket clients to go over to another gateway when this stops.",
    )
    address_limit: int = Field(
        3000, ge=1, description="Requests a minute without a token from one address (IPv6: /64)."
    )
    proxies: str = Field(
        "",
        description="Proxies that are believed who asks: addresses and networks (10.0.0.0/8), "
        "comma-separated. Empty: none, whoever connects is who asks.",
    )
    proxy_header: Literal["X-Forwarded-For", "Forwarded"] = Field(
        "X-Forwarded-For",
        description="The header that they write; it must not be passed on as clients send it.",
    )

    @field_validator("ingests")
    @classmethod
    def _have_ids_of_their_own(cls, found: list[IngestPlace]) -> list[IngestPlace]:
        if len({place.id for place in found}) < len(found):
            raise ValueError("two ingests have the same id")
        return found

    @field_validator("proxies")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        for each in filter(None, text.split(",")):
            ip_network(each.strip(), strict=False)
        return text

    @property
    def trusted_proxies(self) -> list[str]:
        """The proxies, one by one."""
        return [each.strip() for each in self.proxies.split(",") if each.strip()]


class WebhooksSettings(_Section):
    """The role that calls webhooks (EventSub)."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_WEBHOOKS_")

    web_host: str = Field("127.0.0.1", description="Address of the health and metrics server.")
    web_port: int = Field(6095, description="Port of that server.")
    private: bool = Field(
        False,
        description="Let webhooks be at private addresses, at any port, and without TLS: for tests "
        "and closed networks. Gateways must have the same setting.",
    )
    in_flight: int = Field(500, ge=1, description="Calls under way at most.")


class TranscodeSettings(_Section):
    """Who gets which renditions."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_TRANSCODE_")

    pool: str = Field(
        "default",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Name of the transcoders and streams that belong together: those of a region.",
    )
    reserve: float = Field(
        0.125,
        ge=0,
        lt=1,
        description="Share of all capacity that affiliates may use, but are promised nothing of.",
    )
    grace: float = Field(
        30.0, ge=0, description="Seconds for which a rendition that is taken away is still made."
    )
    worker_silence: float = Field(
        5.0, gt=1, description="Seconds without a word after which a transcoder counts as lost."
    )
    settling: float = Field(
        60.0,
        ge=0,
        description="Seconds for which a stream that lost a rendition is given none back.",
    )
    back_off: float = Field(
        60.0,
        gt=0,
        description="Seconds for which a transcoder that could not make a rendition is spared it; "
        "doubles each time.",
    )
    idle_renditions: bool = Field(
        False,
        description="Whether regular streams get renditions while capacity is idle and viewers "
        "ask for them.",
    )
    idle_viewers: int = Field(
        3, ge=1, le=100, description="Distinct viewers that must ask for a regular stream's."
    )
    idle_window: float = Field(
        300.0,
        gt=0,
        description="Seconds within which they must ask; without a wish for so long, a regular "
        "stream's renditions are taken back.",
    )
    reservation_lead: float = Field(
        600.0, ge=0, description="Seconds before an event begins from which its room is held."
    )


class TranscoderSettings(_Section):
    """The role that makes renditions."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_TRANSCODER_")

    web_host: str = Field("127.0.0.1", description="Address of the health and metrics server.")
    web_port: int = Field(6096, description="Port of that server.")
    name: str = Field(
        "",
        description="Name of this process's place: one that starts under the name of another takes "
        "its streams over at once. Empty: the machine's name.",
    )
    capacity: int = Field(
        0,
        ge=0,
        description="Macroblocks a second that it may make. 0: what a probe at the start measures.",
    )
    streams: int = Field(32, ge=1, description="Streams that it works on at once, at most.")
    drain: float = Field(
        30.0, ge=0, description="Seconds for its streams to go elsewhere when it stops."
    )
    storage_patience: float = Field(
        30.0,
        ge=0,
        description="Seconds for which object storage may be away before a stream's "
        "process starts again.",
    )


class BroadcastSettings(_Section):
    """Rules of the broadcast context."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_BROADCAST_")

    grace: float = Field(
        60.0, ge=0, description="Seconds a publisher may be away before the stream ends."
    )
    silence: float = Field(
        10.0,
        gt=0,
        description="Seconds without a sign of life after which a session counts as gone.",
    )


class WorkerSettings(_Section):
    """Every Faust worker."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_WORKER_")

    web_host: str = Field(
        "127.0.0.1", description="Address of the worker's health, metrics and table server."
    )
    web_port: int = Field(6066, description="Port of that server.")
    web_token: SecretStr = Field(
        SecretStr(""), description="Bearer token that opens /table to operators. Empty: closed."
    )
    max_consecutive_dead_letters: int = Field(
        100, ge=1, description="A worker stops after this many dead letters in a row."
    )


class ViewsSettings(_Section):
    """The role that writes views."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_VIEWS_")

    web_host: str = Field("127.0.0.1", description="Address of the health and metrics server.")
    web_port: int = Field(
        6090, description="Port of that server. `millrace up` gives each store's process the next."
    )
    instance: str = Field(
        "",
        description="Name of this process among those that write views: one that is started "
        "again under its name goes on at once. Empty: after the group's session timeout.",
    )
    max_consecutive_dead_letters: int = Field(
        100, ge=1, description="The writer stops after this many dead letters in a row."
    )

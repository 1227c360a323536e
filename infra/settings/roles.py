"""The other roles."""

from ipaddress import ip_network
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from infra.settings.section import Section


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


class GatewaySettings(Section):
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


class WebhooksSettings(Section):
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


class ChatEdgeSettings(Section):
    """The role that chat's clients connect to."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_CHAT_EDGE_")

    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104 - viewers come from outside
    port: int = Field(8083, description="Port of WebSockets: JSON at /chat, IRC at /.")
    irc_port: int = Field(6667, description="Port of IRC over TCP; 0: none.")
    irc_tls_port: int = Field(
        6697, ge=1, description="Port of IRC over TLS, where there is a certificate."
    )
    tls_certificate: Path | None = Field(
        None, description="PEM certificate chain for IRC over TLS. Empty: it is not spoken."
    )
    tls_key: Path | None = Field(None, description="PEM private key of that certificate.")
    url: str = Field(
        "",
        pattern=r"^(wss?://[^/\s]+)?$",
        description="Where browsers reach an edge, wss://host. Empty: the page's own host and "
        "MILLRACE_CHAT_EDGE_PORT.",
    )
    connections: int = Field(
        10_000,
        ge=1,
        description="Connections at most, over all protocols; one more is closed with 1013.",
    )
    connections_per_address: int = Field(
        200,
        ge=1,
        description="Connections from one address (IPv6: /64) at most. Proxies are believed as "
        "MILLRACE_GATEWAY_PROXIES says.",
    )
    drain: float = Field(
        5.0, ge=0, description="Seconds over which clients are sent away when this stops."
    )
    web_host: str = Field("127.0.0.1", description="Address of the health and metrics server.")
    web_port: int = Field(6097, description="Port of that server.")

    @model_validator(mode="after")
    def _have_a_key_to_the_certificate(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key are set together, or neither is")
        return self


class ChatFanoutSettings(Section):
    """The role that copies what happens in chats to Redis, where edges hear it."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_CHAT_FANOUT_")

    web_host: str = Field("127.0.0.1", description="Address of the health and metrics server.")
    web_port: int = Field(6098, description="Port of that server.")


class WorkerSettings(Section):
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


class ViewsSettings(Section):
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

"""The roles that the picture goes through."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from infra.settings.section import Section


class IngestSettings(Section):
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


class OriginSettings(Section):
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


class TranscoderSettings(Section):
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

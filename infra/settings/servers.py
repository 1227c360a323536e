"""Where the servers are, and what is kept on the machine."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from infra.settings.section import Section


class KafkaSettings(Section):
    """Where the log is."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_KAFKA_")

    bootstrap: str = Field(
        "127.0.0.1:9092", description="Kafka brokers, host:port, comma-separated."
    )
    replication_factor: int = Field(
        1, ge=1, description="Replication factor of provisioned topics."
    )


class RedisSettings(Section):
    """Where hot views live."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_REDIS_")

    url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6380/0"), description="URL of the Redis server."
    )


class CassandraSettings(Section):
    """Where long views live."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_CASSANDRA_")

    hosts: str = Field("127.0.0.1", description="Contact points, comma-separated.")
    port: int = Field(9042, description="Native protocol port.")
    keyspace: str = Field(
        "millrace", pattern=r"^[a-z][a-z0-9_]{0,47}$", description="Keyspace of the views."
    )
    replication_factor: int = Field(1, ge=1, description="Replication factor of the keyspace.")


class SecretsSettings(Section):
    """What seals personal data and signs tokens."""

    master_key: SecretStr = Field(
        SecretStr(""),
        description="Master key of the platform, base64url of 32 bytes; several with commas: the "
        "first seals, all open. Empty: the key that `make run` has made under the data folder.",
    )


class StorageSettings(Section):
    """Where media objects live."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="MILLRACE_STORAGE_")

    url: str = Field(
        "",
        description="Object storage: file:///path or s3://bucket. "
        "Empty: `objects` under the data folder.",
    )


class LocalSettings(Section):
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

from pathlib import Path

import pytest
from pydantic import SecretStr

from infra.errors import ConfigurationError
from infra.local.layout import Layout
from infra.local.process import Program
from infra.local.servers import Ports, ports_of, servers
from infra.settings import CassandraSettings, KafkaSettings, LocalSettings, RedisSettings

PORTS = Ports(kafka=1, kafka_controller=2, cassandra=3, cassandra_storage=4, redis=5)


def programs(folder: Path) -> dict[str, Program]:
    layout = Layout(folder, folder)
    layout.make()
    return {each.name: each for each in servers(layout, Path("/usr/bin/java"), PORTS)}


def test_servers_start_where_the_roles_look_for_them() -> None:
    ports = ports_of(
        LocalSettings(),
        KafkaSettings(bootstrap="localhost:1"),
        CassandraSettings(port=3),
        RedisSettings(url=SecretStr("redis://127.0.0.1:5/0")),
    )
    assert (ports.kafka, ports.cassandra, ports.redis) == (1, 3, 5)


def test_servers_of_another_machine_are_not_ours_to_start() -> None:
    with pytest.raises(ConfigurationError, match="MILLRACE_KAFKA_BOOTSTRAP points to 'kafka'"):
        ports_of(
            LocalSettings(),
            KafkaSettings(bootstrap="kafka:9092"),
            CassandraSettings(),
            RedisSettings(),
        )


async def test_configuration_is_filled_in(tmp_path: Path) -> None:
    cassandra = programs(tmp_path)["cassandra"]
    assert cassandra.prepare
    await cassandra.prepare()
    text = (tmp_path / "run/cassandra.yaml").read_text()
    assert "native_transport_port: 3\n" in text
    assert "storage_port: 4\n" in text
    assert "commitlog_sync: group\n" in text
    assert "$" not in text


def test_a_class_archive_is_written_once_and_only_a_whole_one_is_used(tmp_path: Path) -> None:
    first = programs(tmp_path)["kafka"]
    [writes] = [each for each in first.argv if "ArchiveClassesAtExit" in each]
    fresh = Path(writes.partition("=")[2])
    assert first.ended

    fresh.touch()
    first.ended(False)
    assert not fresh.exists()
    assert any("ArchiveClassesAtExit" in each for each in programs(tmp_path)["kafka"].argv)

    fresh.touch()
    first.ended(True)
    assert any("SharedArchiveFile" in each for each in programs(tmp_path)["kafka"].argv)

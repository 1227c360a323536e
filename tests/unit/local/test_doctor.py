import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import doctor, java
from infra.local.doctor import Finding
from infra.local.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "data", tmp_path / "downloads")


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def found(findings: list[Finding], subject: str) -> Finding:
    return next(each for each in findings if each.subject == subject)


def script(folder: Path, name: str, says: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)


def test_a_taken_port_is_named_with_its_holder_and_its_setting(
    layout: Layout, listener: int
) -> None:
    taken = found(doctor.examine(layout, {"MILLRACE_X_PORT": listener}), f"Port {listener}")
    assert taken.verdict == "broken"
    assert f"pid {os.getpid()}" in taken.text
    assert "MILLRACE_X_PORT" in taken.remedy


def test_ports_of_our_own_stack_are_no_trouble(layout: Layout, listener: int) -> None:
    findings = doctor.examine(layout, {"MILLRACE_X_PORT": listener}, [os.getpid()])
    assert found(findings, "Ports").verdict == "well"


def test_missing_programs_are_named_with_what_to_type(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    findings = doctor.examine(layout, {})
    assert "apt-get install" in found(findings, "redis-server").remedy
    missing = found(findings, "Kafka and Cassandra")
    assert missing.verdict == "broken"
    assert missing.remedy.endswith(" maven")


def test_an_old_redis_is_found(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script(tmp_path / "bin", "redis-server", "echo 'Redis server v=6.2.7 sha=0'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    old = found(doctor.examine(layout, {}), "Redis version")
    assert old.verdict == "broken"
    assert "6.2.7; 7 or later" in old.text


def test_a_wrong_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script(tmp_path / "bin", "java", "echo 'openjdk version \"21.0.1\"' >&2")
    monkeypatch.setattr(java, "_candidates", lambda: [tmp_path / "bin/java"])
    finding = found(doctor.examine(Layout(tmp_path, tmp_path), {}), "Java")
    assert finding.verdict == "broken"
    assert "bin/java is version 21" in finding.text
    assert "openjdk-17" in finding.remedy


def test_too_little_room_is_found(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK", 1 << 60)
    monkeypatch.setattr(doctor, "MEMORY", 1 << 60)
    findings = doctor.examine(layout, {})
    assert found(findings, "Disk").verdict == "broken"
    assert found(findings, "Memory").verdict == "warning"


def test_a_folder_that_cannot_be_written_is_found() -> None:
    layout = Layout(Path("/proc/nowhere"), Path("/proc/nowhere"))
    finding = found(doctor.examine(layout, {}), "Data folder")
    assert finding.verdict == "broken"
    assert "MILLRACE_DATA" in finding.remedy

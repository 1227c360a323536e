"""The compose file runs what `make run` runs: the same servers and versions, every role."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

import infra.local
from millrace.roles import roles

ROOT = Path(__file__).parent.parent.parent
LOCAL = Path(infra.local.__file__).parent
SERVERS = {"kafka", "cassandra", "redis"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return services


def version(services: dict[str, Any], name: str) -> str:
    return str(services[name]["image"].partition(":")[2])


@pytest.mark.parametrize("server", ["kafka", "cassandra"])
def test_servers_have_the_versions_of_the_pom(services: dict[str, Any], server: str) -> None:
    pom = ElementTree.parse(LOCAL / "pom.xml")
    found = pom.findtext(f".//{{*}}{server}.version")
    assert found
    assert version(services, server) == found


def test_redis_is_the_one_that_debian_has(services: dict[str, Any]) -> None:
    assert version(services, "redis") == "7.0.15"


def test_every_role_is_a_service_with_the_same_command(services: dict[str, Any]) -> None:
    assert {role.name for role in roles()} == services.keys() - SERVERS - {"demo"}
    for role in roles():
        service = services[role.name]
        command = service.get("command") or service["entrypoint"][-1].split("millrace ")[-1].split()
        assert tuple(command) == role.arguments


def test_every_service_but_the_sample_says_whether_it_is_well(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "healthcheck" not in service] == ["demo"]


def test_health_is_asked_where_the_role_answers(services: dict[str, Any]) -> None:
    ports = {role.name: role.port for role in roles()}
    for name in ports:
        asked = re.findall(
            r"127\.0\.0\.1:(\d+)/healthz", " ".join(services[name]["healthcheck"]["test"])
        )
        # In a container of its own, each has the port of the first of its kind.
        first = {"worker": "worker-identity", "views": "views-redis"}.get(name.split("-")[0], name)
        expected = ports[first]
        assert asked == ([str(expected)] if expected else [])


def test_only_people_facing_ports_are_open(services: dict[str, Any]) -> None:
    opened = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert opened == {
        "ingest": ["1935:1935"],
        "origin": ["8081:8081"],
        "gateway": ["8080:8080"],
        "chat-edge": ["8083:8083", "6667:6667"],
    }


def test_the_gateway_has_a_master_key_that_outlives_it(services: dict[str, Any]) -> None:
    gateway = services["gateway"]
    assert gateway["environment"]["MILLRACE_MASTER_KEY"] == "${MILLRACE_MASTER_KEY:-}"
    assert gateway["entrypoint"][-1].startswith("millrace keys make && exec ")
    assert "objects:/data" in gateway["volumes"]
    assert gateway["environment"].items() >= services["views-redis"]["environment"].items()


def test_the_sample_is_in_the_image(services: dict[str, Any]) -> None:
    clip = ROOT / services["demo"]["command"][1]
    assert 1_000_000 < clip.stat().st_size <= 5 << 20
    assert (clip.parent / "CREDITS.md").read_text().count("Blender Foundation") == 1


def test_the_image_runs_as_nobody_in_particular() -> None:
    dockerfile = (ROOT / "infra/deploy/Dockerfile").read_text()
    assert re.search(r"^USER millrace$", dockerfile, re.MULTILINE)
    assert "uv sync --frozen" in dockerfile
    copied = (ROOT / "infra/deploy/Dockerfile.dockerignore").read_text()
    packages = re.search(r"packages = \[(.*)\]", (ROOT / "pyproject.toml").read_text())
    assert packages
    for package in re.findall(r'"(\w+)"', packages[1]):
        assert f"!{package}\n" in copied

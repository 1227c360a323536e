"""Fixtures shared by all tests: addresses of real servers, unique names."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local.ports import free_ports
from tests.local_stack import local_stack


@dataclass(frozen=True)
class Servers:
    """Where the three servers listen."""

    kafka: str
    redis: str
    cassandra: str


_ADDRESSES = ("MILLRACE_TEST_KAFKA", "MILLRACE_TEST_REDIS", "MILLRACE_TEST_CASSANDRA")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The servers that MILLRACE_TEST_… name, or a stack of our own, started once and stopped."""
    kafka, redis, cassandra = (os.environ.get(name, "") for name in _ADDRESSES)
    if kafka and redis and cassandra:
        yield Servers(kafka, redis, cassandra)
        return
    with tempfile.TemporaryDirectory(prefix="millrace-tests-") as folder:
        ports = free_ports(5)
        with local_stack(Path(folder), ports, "--servers-only"):
            yield Servers(
                kafka=f"127.0.0.1:{ports[0]}",
                redis=f"redis://127.0.0.1:{ports[4]}",
                cassandra=f"127.0.0.1:{ports[2]}",
            )


@pytest.fixture(scope="session")
def kafka(servers: Servers) -> str:
    """Address of a Kafka broker, host:port."""
    return servers.kafka


@pytest.fixture(scope="session")
def redis_url(servers: Servers) -> str:
    """URL of a Redis server, without a database."""
    return servers.redis


@pytest.fixture(scope="session")
def cassandra(servers: Servers) -> str:
    """Address of a Cassandra node, host:port."""
    return servers.cassandra


@pytest.fixture
def unique() -> str:
    """A suffix for names of topics, keyspaces and keys that only this test uses."""
    return uuid.uuid4().hex[:12]

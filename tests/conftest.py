"""Fixtures shared by all tests: addresses of real servers, unique names."""

import os

import pytest


def _address(variable: str) -> str:
    address = os.environ.get(variable)
    if not address:
        pytest.fail(f"{variable} is not set: `make test` starts the servers and sets it")
    return address


@pytest.fixture(scope="session")
def kafka() -> str:
    """Kafka, as host:port."""
    return _address("MILLRACE_TEST_KAFKA")


@pytest.fixture(scope="session")
def redis_url() -> str:
    """Redis, as redis://host:port/number."""
    return _address("MILLRACE_TEST_REDIS")


@pytest.fixture(scope="session")
def cassandra() -> str:
    """Cassandra, as host:port."""
    return _address("MILLRACE_TEST_CASSANDRA")

"""Ports for servers of tests and benchmarks."""

import socket

import pytest

from infra.errors import Unavailable
from infra.local import ports
from infra.local.ports import UNASKED, free_ports


def test_a_port_is_given_once_and_never_one_that_an_outgoing_connection_may_get() -> None:
    given = free_ports(5) + free_ports(5)
    assert len(set(given)) == 10
    assert set(given) <= set(UNASKED)


def test_a_port_that_somebody_listens_on_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, free = free_ports(2)
    monkeypatch.setattr(ports, "_left", iter([taken, free]))
    with socket.create_server(("127.0.0.1", taken)):
        assert free_ports(1) == [free]
    with pytest.raises(Unavailable):
        free_ports(1)

"""Ports of this machine: which are free, and who holds the others."""

import contextlib
import random
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import psutil

from infra.errors import Unavailable

UNASKED: Final = range(20_000, 32_768)
"""Ports below those that Linux takes for outgoing connections (`ip_local_port_range`)."""
_left = iter(random.sample(UNASKED, len(UNASKED)))


@dataclass(frozen=True)
class Holder:
    """The process that listens on a port."""

    port: int
    pid: int | None
    """None when the process belongs to another user and may not be seen."""
    name: str

    def __str__(self) -> str:
        who = f"{self.name} (pid {self.pid})" if self.pid else "a process of another user"
        return f"port {self.port} is taken by {who}"


def holders(ports: Collection[int]) -> list[Holder]:
    """Who listens on these TCP ports; free ones are not in it."""
    found: dict[int, int | None] = {}
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr:
            found.setdefault(connection.laddr[1], connection.pid)
    return [_holder(port, found[port]) for port in sorted(found.keys() & set(ports))]


def _holder(port: int, pid: int | None) -> Holder:
    try:
        return Holder(port, pid, psutil.Process(pid).name() if pid else "")
    except psutil.Error:
        return Holder(port, None, "")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now, each given once by a process.

    None of those that the system gives to outgoing connections: one of them could have it before
    whoever is to listen there.
    """
    found: list[socket.socket] = []
    try:
        while len(found) < count:
            with contextlib.suppress(OSError):
                found.append(_bound(next(_left)))
        return [each.getsockname()[1] for each in found]
    except StopIteration:
        raise Unavailable("all ports were given out") from None
    finally:
        for each in found:
            each.close()


def free_row(count: int) -> int:
    """A free port that is followed by free ones: roles of a kind take one after another."""
    while True:
        (first,) = free_ports(1)
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first + 1, first + count):
                held.enter_context(_bound(port))
            return first


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        raise
    return bound

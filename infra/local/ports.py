"""Ports of this machine: which are free, and who holds the others."""

import socket
from collections.abc import Collection
from dataclasses import dataclass

import psutil


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
    """Ports of 127.0.0.1 that nobody listens on now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()

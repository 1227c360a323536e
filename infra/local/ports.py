"""Ports of this machine: which are free, and who holds the others."""

import socket
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


def holder(port: int) -> Holder | None:
    """Who listens on a TCP port, or None if it is free."""
    for connection in psutil.net_connections("tcp"):
        if connection.status != psutil.CONN_LISTEN or connection.laddr[1:2] != (port,):
            continue
        try:
            name = psutil.Process(connection.pid).name() if connection.pid else ""
        except psutil.Error:
            name = ""
        return Holder(port, connection.pid if name else None, name)
    return None


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

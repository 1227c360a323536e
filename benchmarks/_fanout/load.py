"""Listens with many sockets as cheaply as it can, and samples delays on some of them.

`python -m benchmarks._fanout.load '{...}'`: prints "ready" once all are connected; then reads a
line with `begin` and `end` (monotonic seconds), and prints what came in between.
"""

import base64
import json
import os
import select
import socket
import statistics
import sys
import time
from typing import Any, Final

from benchmarks._fanout.messages import DUE, delay, now

_AT_ONCE: Final = 100
_SAMPLED: Final = 100
_BUFFER: Final = bytearray(1 << 20)
_LONGEST: Final = 64
"""Bytes of a sampled socket kept for a stamp that came in two pieces."""


def connected(port: int, path: str) -> socket.socket:
    """A socket that has asked for the upgrade."""
    made = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    made.sendall(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    return made


def answered(made: socket.socket, greeting: str) -> None:
    """Read the answer to the upgrade; `greeting` is sent as a message if there is one."""
    head = b""
    while b"\r\n\r\n" not in head:
        got = made.recv(4096)
        if not got:
            raise SystemExit(f"the server hung up: {head!r}")
        head += got
    if b" 101 " not in head:
        raise SystemExit(f"no upgrade: {head!r}")
    if greeting:
        payload = greeting.encode()
        made.sendall(bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
    made.setblocking(False)


class Listeners:
    """All the sockets, and what they read."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._sockets: dict[int, socket.socket] = {}
        self._sampled: dict[int, bytes] = {}
        self._poll = select.epoll()
        count, channels = settings["sockets"], settings["channels"]
        step = max(1, count // _SAMPLED)
        for first in range(0, count, _AT_ONCE):
            numbers = range(first, min(count, first + _AT_ONCE))
            made = {
                number: connected(settings["port"], settings["path"].format(number % channels))
                for number in numbers
            }
            for number, each in made.items():
                answered(each, settings["greeting"].replace("CHANNEL", str(number % channels)))
                self._sockets[each.fileno()] = each
                if number % step == 0:
                    self._sampled[each.fileno()] = b""
                self._poll.register(each.fileno(), select.EPOLLIN)

    def listen(self, begin: float, end: float) -> dict[str, Any]:
        """What came in that time."""
        self._until(begin)
        read, sampled, reads, delays = self._until(end)
        if not delays:
            raise SystemExit("nothing came")
        size = sampled / len(delays)
        cuts = statistics.quantiles(delays, n=1000, method="inclusive")
        return {
            "deliveries": read / size,
            "together": len(delays) / reads,
            "p50": cuts[499] * 1000,
            "p99": cuts[989] * 1000,
            "most": max(delays) * 1000,
        }

    def _until(self, end: float) -> tuple[int, int, int, list[float]]:
        """Bytes of all; bytes, reads and delays of those sampled."""
        read = of_sampled = reads = 0
        delays: list[float] = []
        sockets, sampled, poll = self._sockets, self._sampled, self._poll.poll
        while (left := end - now()) > 0:
            for number, _ in poll(min(left, 0.1), 4096):
                if number in sampled:
                    data = sockets[number].recv(1 << 20)
                    got = len(data)
                    of_sampled += got
                    reads += 1
                    sampled[number] = self._sample(sampled[number] + data, delays)
                else:
                    got = sockets[number].recv_into(_BUFFER, 0, socket.MSG_TRUNC)
                read += got
                if not got:
                    raise SystemExit("the server hung up")
        return read, of_sampled, reads, delays

    def _sample(self, data: bytes, delays: list[float]) -> bytes:
        at = now()
        end = 0
        for match in DUE.finditer(data):
            delays.append(delay(match[1], at))
            end = match.end()
        return data[max(end, len(data) - _LONGEST) :]


def main() -> None:
    """See the module."""
    listeners = Listeners(json.loads(sys.argv[1]))
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        used = time.process_time()
        found = listeners.listen(order["begin"], order["end"])
        found["load_cpu"] = time.process_time() - used
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()

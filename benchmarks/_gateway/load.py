"""Asks a server over and over, and how much CPU that cost the server."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

CONNECTIONS: Final = 16
CPU: Final = "/benchmark/cpu"


@dataclass(frozen=True)
class Server:
    """A process that serves."""

    port: int
    token: str

    async def cpu_seconds(self) -> float:
        """CPU that it has had."""
        [body] = await _ask(self.port, [_request(CPU)])
        return float(body)

    async def body(self, path: str, headers: dict[str, str] | None = None) -> bytes:
        """What it answers."""
        [body] = await _ask(self.port, [_request(path, headers)])
        return body

    async def per_cpu_second(
        self, paths: Sequence[str], count: int, headers: dict[str, str] | None = None
    ) -> float:
        """Requests a second of the server's CPU, over `CONNECTIONS` connections."""
        requests = [_request(path, headers) for path in paths]
        each = count // CONNECTIONS
        shares = [
            list(islice(cycle(requests[n::CONNECTIONS] or requests), each))
            for n in range(CONNECTIONS)
        ]
        began = await self.cpu_seconds()
        await asyncio.gather(*(_ask(self.port, share) for share in shares))
        return each * CONNECTIONS / (await self.cpu_seconds() - began)


@asynccontextmanager
async def server(
    *arguments: str, module: str = "benchmarks._gateway.server"
) -> AsyncIterator[Server]:
    """A server in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        yield Server(said["port"], said["token"])
    finally:
        process.stdin.close()
        await process.wait()


def _request(path: str, headers: dict[str, str] | None = None) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: bench.example"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode()


async def _ask(port: int, requests: Sequence[bytes]) -> list[bytes]:
    """One after the other over one connection; the last body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    body = b""
    for request in requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise AssertionError(f"{request!r} was answered {head!r} {body!r}")
    writer.close()
    return [body]

"""Whether a server answers, asked in its own language and without a client library."""

import asyncio
import struct
from typing import Final

_PATIENCE: Final = 2.0
"""Seconds that one question may take."""


async def kafka_answers(host: str, port: int) -> bool:
    """Whether a broker takes requests: ApiVersions v0 (KIP-511) has error code 0.

    A KRaft broker opens its data port for requests only once it is unfenced.
    """
    request = struct.pack(">hhih", 18, 0, 1, -1)
    reply = await _ask(host, port, struct.pack(">i", len(request)) + request, 10)
    return len(reply) == 10 and reply[4:] == struct.pack(">ih", 1, 0)


async def cassandra_answers(host: str, port: int) -> bool:
    """Whether a node takes clients: OPTIONS of native protocol v4 §4.1.2 gets SUPPORTED."""
    reply = await _ask(host, port, bytes.fromhex("04 00 0000 05 00000000"), 9)
    return len(reply) == 9 and reply[4] == 6


async def redis_answers(host: str, port: int) -> bool:
    """Whether a server has loaded its data: PING gets PONG."""
    return await _ask(host, port, b"PING\r\n", 7) == b"+PONG\r\n"


async def http_healthy(host: str, port: int, path: str = "/healthz") -> bool:
    """Whether a role says that it is well: status 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    reply = await _ask(host, port, request.encode(), 12)
    return reply.endswith(b" 200")


async def _ask(host: str, port: int, question: bytes, length: int) -> bytes:
    """The first `length` bytes of the reply; fewer if the server is not there yet."""
    writer = None
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(question)
            return await reader.readexactly(length)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return b""
    finally:
        if writer is not None:
            writer.close()

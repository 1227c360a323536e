"""The gateway: reads per CPU-second against bare aiohttp, and the round trip of a command.

    python -m benchmarks.gateway KAFKA REDIS_URL [reads] [commands]

The command goes gateway → Kafka → a stand-in for the identity agent, with its rules and without
its run loop → Kafka → view writer → Redis → gateway, all in this process: topics of its own.
"""

import asyncio
import sys
import time
from pathlib import Path

import uvloop
from aiohttp import web

from api.app import make_app, make_runner
from api.limits import Limits
from api.places import Places
from infra.clock import SystemClock
from infra.observability import logs
from tests.functional.gateway import MemoryViews
from tests.integration.gateway_rig import (
    bearer,
    deciding,
    gateway,
    new_names,
    register_route,
    viewing,
)

CONNECTIONS = 16
REQUEST = b"GET %b HTTP/1.1\r\nHost: bench\r\n\r\n"


async def main(kafka: str, redis: str, reads: int, commands: int) -> None:
    """Print the figures."""
    logs.configure("benchmark", level=40)
    bare = web.Application()
    bare.router.add_get("/constant", _constant)
    base = await _per_cpu_second(bare, b"/constant", reads)
    print(f"bare aiohttp, a constant      {base:8.0f} requests/CPU-s")
    for name, limits in (("", None), (", limits in Redis", Limits(redis, address=10**9))):
        found = await _per_cpu_second(_app(limits), b"/v1/channels/millpond", reads)
        print(f"one channel{name:18} {found:8.0f} requests/CPU-s, {found / base:.2f} of bare")
    await _round_trips(kafka, redis, commands)


async def _constant(_request: web.Request) -> web.Response:
    return web.Response(text="constant")


def _app(limits: Limits | None) -> web.Application:
    views = MemoryViews()
    views.channel("c1", "millpond")
    views.live("c1", "s1")
    return make_app(
        views,
        clock=SystemClock(),
        places=Places(origin_url="http://o"),
        folder=Path(),
        counting=limits,
    )


async def _per_cpu_second(app: web.Application, path: bytes, reads: int) -> float:
    """Requests a second of this process's CPU, less what the client alone takes."""
    runner = make_runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    each = reads // CONNECTIONS
    await asyncio.gather(*(_read(port, path, 50) for _ in range(CONNECTIONS)))
    began = time.process_time()
    await asyncio.gather(*(_read(port, path, each) for _ in range(CONNECTIONS)))
    took = time.process_time() - began
    await runner.cleanup()
    return each * CONNECTIONS / took


async def _read(port: int, path: bytes, count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        writer.write(REQUEST % path)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        assert head.startswith(b"HTTP/1.1 200")
    writer.close()


async def _round_trips(kafka: str, redis: str, count: int) -> None:
    async with (
        new_names(kafka, redis) as names,
        viewing(names),
        deciding(names),
        gateway(names, register_route(names.commands)) as client,
    ):
        took = []
        for n in range(count + 20):
            began = time.perf_counter()
            response = await client.put(
                f"/test/channels/c{n}", json={"name": f"n{n:05}"}, headers=bearer()
            )
            assert response.status == 200
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.02)
        took = sorted(each * 1000 for each in took[20:])
        print(
            f"command round trip            median {took[count // 2]:.1f} ms, "
            f"p99 {took[count * 99 // 100]:.1f} ms, worst {took[-1]:.1f} ms, n={count}"
        )


if __name__ == "__main__":
    arguments = sys.argv[1:]
    counts = [int(each) for each in arguments[2:]] or [8000, 300]
    uvloop.run(main(arguments[0], arguments[1], *counts))

"""The gateway: reads per CPU-second against bare aiohttp, and the round trip of a command.

    python -m benchmarks.gateway KAFKA REDIS_URL

Every server is a process of its own, and only its CPU counts: neither that of who asks, nor that of
Redis. Peer and gateway take turns, and the median of the rounds' ratios counts.

The command is to follow a channel: client → gateway → Kafka → worker (run loop and journal) →
Kafka → view writer → Redis → gateway → client. Kafka and Redis are those of the arguments, with
topics and keys of the run's own.
"""

import asyncio
import os
import statistics
import sys
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import uvloop
from aiohttp import ClientSession
from redis.asyncio import Redis

from benchmarks._gateway.load import Server, server
from benchmarks._gateway.platform import topics
from benchmarks._gateway.rows import CLIENT, fill
from sinks.stores.redis import RedisStore
from tests.functional.gateway_fakes import bearer

ROUNDS = 3
FOLLOWS = 300
WARM = 30
SCOPE = "user:edit:follows"


@dataclass(frozen=True, eq=False)
class Question:
    """Something that is read."""

    title: str
    kinds: Sequence[str]
    """Of gateway that are asked (`benchmarks._gateway.server`)."""
    paths: Sequence[str]
    count: int
    """Requests a round."""
    token: bool = False
    rounds: int = ROUNDS


ONE = ["/v1/channels/channel_00001"]
SHARED = ("redis", "limits")
KINDS = ("memory", *SHARED)
QUESTIONS = (
    Question("one channel", KINDS, ONE, 3000, rounds=7),
    Question("one channel, never read before", ["redis"], [], 1500),
    Question("channels on air, 20", KINDS, ["/v1/channels?limit=20"], 2000),
    Question("channels on air, 100", SHARED, ["/v1/channels?limit=100"], 1500),
    Question("helix streams, 20, token", SHARED, ["/helix/streams?first=20"], 2000, True),
    Question("helix streams, 100, token", ["redis"], ["/helix/streams?first=100"], 1500, True),
)


async def main(kafka: str, redis: str) -> None:
    """Print the figures."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    async with prefix_in(redis) as prefix:
        await reads(redis, prefix)
        await round_trips(kafka, redis, prefix)
    print(f"load {os.getloadavg()[0]:.1f}")


@asynccontextmanager
async def prefix_in(url: str) -> AsyncIterator[str]:
    """A name for keys and topics; the keys are gone afterwards."""
    prefix = f"bench-{uuid.uuid4().hex[:8]}"
    store = RedisStore(url, prefix=prefix)
    await fill(store)
    await store.close()
    try:
        yield prefix
    finally:
        async with Redis.from_url(url) as redis:
            async for key in redis.scan_iter(f"{prefix}:*", count=1000):
                await redis.unlink(key)


async def reads(redis: str, prefix: str) -> None:
    """Every question to every kind of gateway it is for, in turns with the peer."""
    async with AsyncExitStack() as running:
        start = running.enter_async_context
        kinds = {kind: await start(server(kind, redis, prefix)) for kind in KINDS}
        sizes = {
            q: len(await kinds[q.kinds[0]].body(_paths(q, 0)[0], _headers(q, kinds["redis"])))
            for q in QUESTIONS
        }
        bare = await start(server("bare", *(str(size) for size in sizes.values())))
        print(f"\n{'':32}{'':8}{'µs of CPU':>10}  of bare, a constant   of bare, as many bytes")
        for question, size in sizes.items():
            for kind in question.kinds:
                await _compare(question, kind, kinds[kind], bare, size)


async def _compare(question: Question, kind: str, ours: Server, bare: Server, size: int) -> None:
    cost, constant, sized = [], [], []
    headers = _headers(question, ours)
    for number in range(question.rounds):
        one = await bare.per_cpu_second(["/constant"], question.count)
        found = await ours.per_cpu_second(_paths(question, number + 1), question.count, headers)
        same = await bare.per_cpu_second([f"/constant/{size}"], question.count)
        cost.append(1e6 / found)
        constant.append(found / one)
        sized.append(found / same)
    print(
        f"{question.title:32}{kind:8}{statistics.median(cost):10.1f}"
        f"  {statistics.median(constant):8.2f}"
        f"               {statistics.median(sized):8.2f} ({size} B)",
        flush=True,
    )


def _paths(question: Question, number: int) -> Sequence[str]:
    """What is asked in a round."""
    first = 200 + number * question.count
    return question.paths or [
        f"/v1/channels/channel_{n:05}" for n in range(first, first + question.count)
    ]


def _headers(question: Question, ours: Server) -> dict[str, str] | None:
    if not question.token:
        return None
    return {"Authorization": f"Bearer {ours.token}", "Client-Id": CLIENT}


async def round_trips(kafka: str, redis: str, prefix: str) -> None:
    """Follow channels, one after the other, and eight at a time."""
    where = kafka, redis, prefix
    async with topics(kafka, prefix), AsyncExitStack() as running:
        for role in ("worker", "views"):
            await running.enter_async_context(process(role, *where))
        found = await running.enter_async_context(
            server("gateway", *where, module="benchmarks._gateway.platform")
        )
        session = await running.enter_async_context(ClientSession(f"http://127.0.0.1:{found.port}"))
        await follow(session, 0, deadline=time.monotonic() + 40)
        for number in range(WARM):
            await follow(session, number)
        print()
        for title, at_once, pause in (("one at a time", 1, 0.02), ("eight at a time", 8, 0.0)):
            took = sorted(await follows(session, at_once, pause))
            print(
                f"follow a channel, {title:16} median {statistics.median(took):6.1f} ms, "
                f"p99 {took[len(took) * 99 // 100]:6.1f} ms, worst {took[-1]:6.1f} ms, "
                f"n={len(took)}",
                flush=True,
            )


async def follows(session: ClientSession, at_once: int, pause: float) -> list[float]:
    """Milliseconds of each of FOLLOWS follows, so many under way at once."""
    took: list[float] = []
    numbers = iter(range(WARM + at_once * 10_000, 10**9))

    async def one() -> None:
        while len(took) < FOLLOWS:
            took.append(await follow(session, next(numbers)))
            await asyncio.sleep(pause)

    await asyncio.gather(*(one() for _ in range(at_once)))
    return took


async def follow(session: ClientSession, number: int, deadline: float = 0.0) -> float:
    """Milliseconds until a channel is followed."""
    began = time.perf_counter()
    path = f"/v1/channels/c{number % 1000:05}/followers/me"
    headers = bearer(SCOPE, client=f"test/u{number}")
    async with session.put(path, headers=headers) as response:
        text = await response.text()
    if response.status == 200:
        return (time.perf_counter() - began) * 1000
    if time.monotonic() > deadline:
        raise AssertionError(f"{response.status} {text}")
    return await follow(session, number, deadline)


@asynccontextmanager
async def process(role: str, *arguments: str) -> AsyncIterator[None]:
    """A role in a process of its own."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks._gateway.platform", role, *arguments),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        running.terminate()
        await running.wait()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))

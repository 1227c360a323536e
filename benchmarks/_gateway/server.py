"""A process that is measured: a gateway over views, or bare aiohttp.

    python -m benchmarks._gateway.server bare SIZE…
    python -m benchmarks._gateway.server memory|redis|limits REDIS_URL PREFIX

Prints a line of JSON when it serves, and goes when its standard input ends.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import uvloop
from aiohttp import web
from pydantic import SecretStr

from api.access import public
from api.app import make_app, make_runner
from api.limits import Limits
from api.oauth2.signing_keys import SigningKey, SigningKeys, new_key
from api.oauth2.standing import GrantTokens
from api.oauth2.tokens import AccessTokens
from api.places import Places
from api.routes import Route
from benchmarks._gateway.rows import CLIENT, GRANT, in_memory
from infra.clock import SystemClock
from infra.observability import logs
from infra.sealing import MasterKeys, new_master_key
from sinks.reader import ViewReader
from sinks.stores.redis import RedisStore

CPU = "/benchmark/cpu"


async def cpu(_request: web.Request) -> web.Response:
    """Seconds of CPU that this process has had, all its threads."""
    return web.Response(text=str(time.process_time()))


def bare(sizes: list[int]) -> tuple[web.Application, str]:
    """aiohttp and nothing else: a constant, and constants of some sizes."""
    app = web.Application()
    app.router.add_get(CPU, cpu)

    async def constant(_request: web.Request) -> web.Response:
        return web.Response(text="constant")

    def sized(size: int) -> None:
        body = b"x" * size

        async def constant(_request: web.Request) -> web.Response:
            return web.Response(body=body, content_type="application/json")

        app.router.add_get(f"/constant/{size}", constant)

    app.router.add_get("/constant", constant)
    for size in sizes:
        sized(size)
    return app, ""


def ours(kind: str, url: str, prefix: str) -> tuple[web.Application, str]:
    """The gateway, and a token for it."""
    clock = SystemClock()
    views = (
        in_memory() if kind == "memory" else ViewReader({"redis": RedisStore(url, prefix=prefix)})
    )
    tokens, token = tokens_and_one(clock)
    many = 10**9
    limits = Limits(url, prefix=prefix, token=many, address=many) if kind == "limits" else None
    app = make_app(
        views,
        clock=clock,
        places=Places(origin_url="https://media.example"),
        folder=Path(),
        tokens=GrantTokens(tokens, views, clock),
        counting=limits,
        more=[Route("GET", CPU, cpu, public)],
    )
    return app, token


def tokens_and_one(clock: SystemClock) -> tuple[AccessTokens, str]:
    """What checks tokens, and a token of the grant."""
    master = MasterKeys(SecretStr(new_master_key()))
    made = new_key(master, clock.now())
    key = SigningKey.of({name: getattr(made, name) for name in SigningKey.__struct_fields__})
    tokens = AccessTokens("https://bench", "https://bench", SigningKeys([key], master), clock)
    token = tokens.sign(
        subject_id=CLIENT,
        client_id=CLIENT,
        grant_id=GRANT,
        token_id="benchmark-token",
        scopes=[],
        expires_at=clock.now() + 3_600_000_000,
    )
    return tokens, token


async def serve(app: web.Application, token: str) -> None:
    """Serve until standard input ends."""
    runner = make_runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"port": runner.addresses[0][1], "token": token}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


async def main(kind: str, *arguments: str) -> None:
    logs.configure("gateway")
    app, token = (
        bare([int(size) for size in arguments]) if kind == "bare" else ours(kind, *arguments)
    )
    await serve(app, token)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))

"""Redis, Cassandra and Kafka go away, one at a time: every endpoint works, or says so in time."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from api.routes import ROUTES, Route
from millrace.connections import producer
from millrace.gateway import gateway
from schemas.records.accounts import GrantRole
from tests.integration.every_route import (
    HASHING,
    READ,
    Request,
    Seat,
    Visitor,
    renew,
    requests,
    visit,
)
from tests.integration.outage_stack import Stack, stack
from tests.waiting import until

pytestmark = pytest.mark.alone

WITHIN = 2.0
SLACK = 0.5
"""For a machine that does other things meanwhile; deadlines of our own end before WITHIN."""
BACK_WITHIN = 40.0
WAYS = [(server, way) for server in ("redis", "cassandra", "kafka") for way in ("killed", "frozen")]


@dataclass
class Rig:
    stack: Stack
    routes: list[Route]
    visitor: Visitor

    @property
    def url(self) -> str:
        return self.stack.url


@dataclass(frozen=True)
class Answer:
    request: Request
    status: int
    seconds: float
    kind: str
    retry_after: str

    def __str__(self) -> str:
        return f"{self.request.route}: {self.status} {self.kind} after {self.seconds:.2f} s"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with stack(tmp_path_factory.mktemp("outages")) as running:
        yield asyncio.run(_rig(running))


async def _rig(running: Stack) -> Rig:
    async with gateway() as app:  # what it declares; the one that is asked is a process
        routes = app[ROUTES]

    async def promote(user_id: str, seat: Seat) -> None:
        headers = {"Cookie": seat.cookie}
        async with producer("test") as events, ClientSession(running.url) as session:
            for role in ("operator", "service"):
                await events.send(
                    "account-commands", user_id, GrantRole(user_id=user_id, role=role)
                )

            async def promoted() -> bool:
                shown = await session.get("/account", headers=headers)
                return "operator, service" in await shown.text()

            await until(promoted, 10)

    return Rig(running, routes, await visit(running.url, routes, promote))


async def ask(session: ClientSession, request: Request) -> Answer:
    began = time.monotonic()
    async with session.request(request.method, request.address, **request.options) as response:
        await response.read()
        return Answer(
            request,
            response.status,
            time.monotonic() - began,
            response.content_type,
            response.headers.get("Retry-After", ""),
        )


async def walk(url: str, asked: list[Request]) -> list[Answer]:
    """All at the same time; then those that would keep the others from being answered."""
    connector, timeout = TCPConnector(limit=0), ClientTimeout(total=20)
    answers: list[Answer] = []
    async with ClientSession(url, connector=connector, timeout=timeout) as session:
        for hashing in (False, True):
            part = [each for each in asked if (each.route in HASHING) == hashing]
            answers += await asyncio.gather(*(ask(session, each) for each in part))
    return answers


@asynccontextmanager
async def following(rig: Rig) -> AsyncIterator[list[bytes]]:
    """What a client hears that follows a topic live, over one connection."""
    heard: list[bytes] = []
    headers = {"Authorization": f"Bearer {rig.visitor.token}", "Accept": "text/event-stream"}

    async def listen() -> None:
        query = {"topic": READ, "after": "latest"}
        async with session.get("/v1/events", params=query, headers=headers) as response:
            while line := await response.content.readline():
                heard.append(line)

    async with ClientSession(rig.url, timeout=ClientTimeout(total=None)) as session:
        listening = asyncio.create_task(listen())
        await until(lambda: heard)
        try:
            yield heard
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def goes_on(rig: Rig, heard: list[bytes]) -> None:
    """What happens now is heard, or the client was told to come back."""
    title = uuid.uuid4().hex
    (rename,) = [
        each for each in requests(rig.routes, rig.visitor) if each.route == "PATCH /helix/channels"
    ]
    rename.options["json"] = {"title": title}
    (answer,) = await walk(rig.url, [rename])
    assert answer.status == 204, answer
    await until(
        lambda: any(title.encode() in line or b"event: cut" in line for line in heard),
        explain=lambda: repr(heard[-5:]),
    )


async def served(rig: Rig, asked: list[Request]) -> dict[str, Answer]:
    """Answers by route, if all are good."""
    answers = await walk(rig.url, asked)
    broken = [each for each in answers if each.status >= 500]
    print(told(broken))
    return {} if broken else {each.request.route: each for each in answers}


def told(answers: list[Answer]) -> str:
    return "\n".join(map(str, answers))


async def health(url: str) -> tuple[int, dict[str, str]]:
    async with ClientSession(url) as session, session.get("/healthz") as response:
        return response.status, (await response.json())["servers"]


@pytest.mark.parametrize(("server", "way"), WAYS, ids=[f"{s}-{w}" for s, w in WAYS])
async def test_every_endpoint_works_or_says_so_and_recovers(
    rig: Rig, server: str, way: str
) -> None:
    await rig.stack.forget_attempts()
    asked = requests(rig.routes, rig.visitor)
    before = await until(partial(served, rig, asked))
    async with following(rig) as heard:
        await outage(rig, server, way, before)
        await goes_on(rig, heard)


async def outage(rig: Rig, server: str, way: str, before: dict[str, Answer]) -> None:
    """Take a server away, walk, bring it back, and walk until all is as it was."""
    await rig.stack.forget_attempts()
    await renew(rig.url, rig.visitor)
    asked = requests(rig.routes, rig.visitor)
    await rig.stack.take_away(server, way)
    try:
        for _ in range(2):
            answers = await walk(rig.url, asked)
            print(told([each for each in answers if each.status >= 500]))
            bad = [each for each in answers if each.status >= 500 and not says_so(each, before)]
            assert not bad, told(bad)
        status, servers = await health(rig.url)
        assert servers == {name: "away" if name == server else "ok" for name in servers}
        assert status == (503 if server == "redis" else 200)
    finally:
        await rig.stack.bring_back(server, way)
    began = time.monotonic()
    left = {each.request.route for each in answers if each.status >= 500}
    while left:
        answers = await walk(rig.url, [each for each in asked if each.route in left])
        left = {each.request.route for each in answers if each.status >= 500}
        assert time.monotonic() < began + BACK_WITHIN, told(answers)
    assert (await health(rig.url))[0] == 200
    print(f"{server} {way}: served again {time.monotonic() - began:.1f} s after it was back")


def says_so(answer: Answer, before: dict[str, Answer]) -> bool:
    """A 503 that tells when to come back, and is a page where people look at it."""
    known = before[answer.request.route]
    hashing = known.seconds if known.request.route in HASHING else 0
    page = known.kind == "text/html" or known.status == 303
    return (
        answer.status == 503
        and answer.seconds < WITHIN + SLACK + hashing
        and bool(answer.retry_after)
        and (answer.kind == "text/html") == page
    )

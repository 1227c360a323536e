"""Webhooks are called from the log, also by a process that is killed in the middle."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from api.eventsub.subscriptions import purpose
from infra.kafka import EventProducer, LogReader
from schemas.records.eventsub import ConfirmSubscription, DeliveryRequested, ReportDelivery
from schemas.registry import registry
from tests.integration.broker import delete_topics
from tests.integration.webhooks_process import MASTER, PARTITIONS

pytestmark = pytest.mark.timeout(120)

MESSAGES = 60


class Receiver:
    """Takes what it is told; the slow path answers late, the broken one never well."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.flying = 0
        self.most_flying = 0
        app = web.Application()
        app.router.add_post("/{kind}", self.hear)
        self.server = TestServer(app)

    async def hear(self, request: web.Request) -> web.Response:
        told = await request.json()
        kind = request.match_info["kind"]
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        await asyncio.sleep(0.02 if kind == "fine" else 0)
        self.flying -= 1
        if kind == "broken":
            return web.Response(status=500)
        if "challenge" in told:
            return web.Response(text=told["challenge"])
        self.taken[request.headers["Twitch-Eventsub-Message-Id"]] += 1
        assert told["event"]["user_name"] == "Somebody"
        return web.Response(status=204)


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    async with found.server:
        yield found


class Log:
    """Deliveries and reports on topics of this test's own."""

    def __init__(self, kafka: str, unique: str) -> None:
        self.kafka = kafka
        self.topic, self.reports = f"{unique}-deliveries", f"{unique}-reports"
        self.producer = EventProducer(
            kafka, registry(), role="test", partitions=lambda topic: PARTITIONS
        )

    async def deliver(self, number: int, url: str, kind: str = "notification") -> str:
        name = f"m{number}"
        asked = DeliveryRequested(
            channel_id=f"c{number % 7}",
            subscription_id="s1",
            kind=kind,
            number=number,
            message_id=name,
            attempt=1,
            data=json.dumps({"user_id": "u1"}) if kind == "notification" else "",
            client_id="app",
            type="channel.follow",
            version="2",
            condition="{}",
            method="webhook",
            callback=url,
            sealed_secret=MASTER.seal(purpose("s1"), "correct horse"),
            session_id=None,
            status="enabled",
            cost=0,
            created_at=1,
        )
        await self.producer.send(self.topic, asked.channel_id, asked)
        return name

    async def reported(self) -> list[ReportDelivery | ConfirmSubscription]:
        found = []
        async with LogReader(self.kafka) as reader:
            tps = await reader.partitions(self.reports)
            begins, ends = await reader.begins(tps), await reader.ends(tps)
            async for batch in reader.read(begins, ends):
                found += [registry().decode(record.value).event for record in batch]
        return found

    def process(self) -> "subprocess.Popen[bytes]":
        module = "tests.integration.webhooks_process"
        arguments = (self.kafka, self.topic, self.reports, self.topic)
        return subprocess.Popen([sys.executable, "-m", module, *arguments])


@pytest_asyncio.fixture
async def log(kafka: str, unique: str) -> AsyncIterator[Log]:
    found = Log(kafka, unique)
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    await client.create_topics(
        [NewTopic(name, PARTITIONS, 1) for name in (found.topic, found.reports)]
    )
    await client.close()
    async with found.producer:
        yield found
    await delete_topics(kafka, unique)


@pytest.fixture
def started(log: Log) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    """Starts the process that calls webhooks."""
    running: list[subprocess.Popen[bytes]] = []

    def start() -> "subprocess.Popen[bytes]":
        running.append(log.process())
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


async def until(satisfied: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not satisfied():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_each_message_arrives_though_the_caller_is_killed(
    log: Log, receiver: Receiver, started: Callable[[], "subprocess.Popen[bytes]"]
) -> None:
    url = str(receiver.server.make_url("/fine"))
    names = {await log.deliver(number, url) for number in range(MESSAGES)}
    first = started()
    await until(lambda: len(receiver.taken) >= 5)
    first.kill()
    assert first.wait() == -9
    names |= {await log.deliver(number, url) for number in range(MESSAGES, MESSAGES + 5)}
    second = started()
    await until(lambda: receiver.taken.keys() == names)
    second.terminate()  # says and commits what it has done
    await asyncio.to_thread(second.wait, 20)
    reports = await log.reported()
    assert {each.number for each in reports if isinstance(each, ReportDelivery)} == set(
        range(MESSAGES + 5)
    )
    assert all(each.delivered for each in reports if isinstance(each, ReportDelivery))

    taken = dict(receiver.taken)
    third = started()
    last = await log.deliver(1000, url)
    await until(lambda: last in receiver.taken)
    third.terminate()
    await asyncio.to_thread(third.wait, 20)
    assert dict(receiver.taken) == taken | {last: 1}, "what was committed was sent again"


async def test_what_came_of_it_is_said(
    log: Log, receiver: Receiver, started: Callable[[], "subprocess.Popen[bytes]"]
) -> None:
    await log.deliver(1, str(receiver.server.make_url("/broken")))
    challenge = "webhook_callback_verification"
    await log.deliver(2, str(receiver.server.make_url("/fine")), challenge)
    await log.deliver(3, str(receiver.server.make_url("/broken")), challenge)
    started()
    deadline = time.monotonic() + 40
    while len(said := await log.reported()) < 3:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    (report,) = [each for each in said if isinstance(each, ReportDelivery)]
    assert (report.number, report.attempt, report.delivered) == (1, 1, False)
    assert report.detail == "status 500"
    confirmed = [each.confirmed for each in said if isinstance(each, ConfirmSubscription)]
    assert sorted(confirmed) == [False, True]

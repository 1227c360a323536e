"""Calling webhooks: what is sent, and where it never goes."""

import asyncio
import hashlib
import hmac
import ipaddress
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, TCPConnector, web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from api.eventsub.addresses import PublicResolver, checked_callback, is_public
from api.eventsub.calling import Answer, Caller
from infra.clock import SystemClock
from infra.errors import InvalidRecord
from schemas.records.eventsub import DeliveryRequested

SECRET = "correct horse"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """A webhook that answers as it is told, and remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answer: Handler = self.take
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self.server = TestServer(app)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.heard.append((dict(request.headers), await request.read()))
        return await self.answer(request)

    async def take(self, request: web.Request) -> web.Response:
        return web.Response(status=204)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/hook"))


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with receiver.server:
        yield receiver


@pytest_asyncio.fixture
async def caller() -> AsyncIterator[Caller]:
    async with Caller.open(SystemClock(), private=True, seconds=0.5) as caller:
        yield caller


def delivery(callback: str, **more: Any) -> DeliveryRequested:
    given: dict[str, Any] = {
        "channel_id": "c1",
        "subscription_id": "s1",
        "kind": "notification",
        "number": 0,
        "message_id": "m1",
        "attempt": 2,
        "data": "{}",
        "client_id": "app",
        "type": "stream.online",
        "version": "1",
        "condition": '{"broadcaster_user_id":"c1"}',
        "method": "webhook",
        "callback": callback,
        "sealed_secret": "p1.x.y",
        "session_id": None,
        "status": "enabled",
        "cost": 1,
        "created_at": 1_700_000_000_000_000,
    }
    return DeliveryRequested(**given | more)


async def test_a_notification_is_signed_and_shaped_as_the_dialect_has_it(
    receiver: Receiver, caller: Caller
) -> None:
    answer = await caller.notify(delivery(receiver.url), SECRET, {"id": "s"})
    assert answer == Answer(True)
    ((headers, body),) = receiver.heard
    assert json.loads(body) == {
        "subscription": {
            "id": "s1",
            "status": "enabled",
            "type": "stream.online",
            "version": "1",
            "condition": {"broadcaster_user_id": "c1"},
            "transport": {"method": "webhook", "callback": receiver.url},
            "created_at": "2023-11-14T22:13:20.000000Z",
            "cost": 1,
        },
        "event": {"id": "s"},
    }
    name = "Twitch-Eventsub-Message-"
    signed = f"{headers[name + 'Id']}{headers[name + 'Timestamp']}".encode() + body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers[name + "Signature"] == f"sha256={digest}"
    assert (headers[name + "Id"], headers[name + "Retry"]) == ("m1", "1")
    assert headers[name + "Type"] == "notification"
    assert headers["Twitch-Eventsub-Subscription-Type"] == "stream.online"
    assert headers["Twitch-Eventsub-Subscription-Version"] == "1"


async def test_a_challenge_must_be_said_back(receiver: Receiver, caller: Caller) -> None:
    async def said_back(request: web.Request) -> web.Response:
        return web.Response(text=json.loads(receiver.heard[-1][1])["challenge"])

    asked = delivery(receiver.url, kind="webhook_callback_verification", number=-1)
    assert not (await caller.challenge(asked, SECRET)).taken
    receiver.answer = said_back
    assert await caller.challenge(asked, SECRET) == Answer(True)
    first, second = (json.loads(body)["challenge"] for _, body in receiver.heard)
    assert first != second


@pytest.mark.parametrize("status", [300, 400, 404, 410, 500, 503])
async def test_only_a_2xx_takes_a_message(receiver: Receiver, caller: Caller, status: int) -> None:
    async def fail(request: web.Request) -> web.Response:
        return web.Response(status=status, text="a secret of theirs")

    receiver.answer = fail
    answer = await caller.notify(delivery(receiver.url), SECRET, {})
    assert answer == Answer(False, f"status {status}")


async def test_a_redirect_is_not_followed(receiver: Receiver, caller: Caller) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("/elsewhere")

    receiver.answer = elsewhere
    answer = await caller.notify(delivery(receiver.url), SECRET, {})
    assert answer == Answer(False, "status 307")
    assert len(receiver.heard) == 1


async def test_a_slow_webhook_is_not_waited_for(receiver: Receiver, caller: Caller) -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def drips(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(60)
        return response

    for answer in (slow, drips):
        receiver.answer = answer
        found = await caller.notify(delivery(receiver.url), SECRET, {})
        assert found == Answer(False, "no answer in time")


async def test_nobody_there(caller: Caller) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/"
        answer = await caller.notify(delivery(url), SECRET, {})
    assert answer == Answer(False, "ClientConnectorError")


async def test_an_endless_answer_is_not_read(receiver: Receiver, caller: Caller) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    receiver.answer = endless
    assert (await caller.notify(delivery(receiver.url), SECRET, {})).taken


class FakeNames(AbstractResolver):
    """A name that stands for one address after the other."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
        ]

    async def close(self) -> None:
        pass


async def test_a_name_of_our_own_network_is_not_called(receiver: Receiver) -> None:
    names = FakeNames("127.0.0.1")
    connector = TCPConnector(resolver=PublicResolver(names), use_dns_cache=False)
    async with ClientSession(connector=connector) as session:
        caller = Caller(session, SystemClock(), private=False)
        url = f"http://hook.example:{receiver.server.port}/"
        answer = await caller.notify(delivery(url), SECRET, {})
    assert not answer.taken
    assert (names.asked, receiver.heard) == (1, [])


async def test_a_name_that_turns_private_after_it_was_checked_gains_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes to the address that was checked: nobody asks for the name again."""
    names = FakeNames("203.0.112.9", "127.0.0.1")
    gone_to = []

    async def connect(*_: Any, addr_infos: Any, **__: Any) -> Any:
        gone_to.append(addr_infos[0][4][0])
        raise OSError("not in a test")

    monkeypatch.setattr("aiohttp.connector.aiohappyeyeballs.start_connection", connect)
    connector = TCPConnector(resolver=PublicResolver(names), use_dns_cache=False)
    async with ClientSession(connector=connector) as session:
        caller = Caller(session, SystemClock(), private=False)
        await caller.notify(delivery("https://hook.example/"), SECRET, {})
    assert (gone_to, names.asked) == (["203.0.112.9"], 1)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost"),
        *("10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"),
        *("[2002:7f00:1::]", "224.0.0.1", "255.255.255.255", "[ff02::1]"),
    ],
)
async def test_no_way_of_writing_a_private_address_is_called(receiver: Receiver, host: str) -> None:
    async with Caller.open(SystemClock(), seconds=2) as caller:
        url = f"http://{host}:{receiver.server.port}/"
        answer = await caller.notify(delivery(url), SECRET, {})
    assert not answer.taken
    assert answer.detail != "no answer in time"
    assert receiver.heard == []


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1", "64:ff9b::808:808"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        *("http://a.test/", "ftp://a.test/", "https://a.test:8443/", "https://u:p@a.test/"),
        *("https://127.0.0.1/", "https://[::1]/", "https://a.test/#x", "https://", "a.test"),
        *("https://a.test:99999/", "https://a.test/" + "x" * 500, "https://ä.test/", ""),
    ],
)
def test_a_callback_is_refused(url: str) -> None:
    with pytest.raises(InvalidRecord, match=r"^transport\.callback: must"):
        checked_callback(url, private=False)


def test_callbacks_that_may_be() -> None:
    assert str(checked_callback("https://a.test/x?y=1", private=False)) == "https://a.test/x?y=1"
    assert checked_callback("http://127.0.0.1:81/", private=True).port == 81
    with pytest.raises(InvalidRecord, match="must begin"):
        checked_callback("ftp://a.test/", private=True)

"""A platform in memory that decides by the real rules, and a browser that fills in its forms."""

import asyncio
import html
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from agents.access import model as access
from agents.accounts import model as accounts
from agents.accounts.agent import forward_accounts
from agents.identity import model as identity
from api.access import signed_in
from api.app import make_app
from api.call import Call, endpoint
from api.commands import Commands
from api.limits import Limits
from api.places import Places
from api.sender import Sender
from infra.clock import ManualClock
from infra.errors import Unavailable
from infra.kafka import Delivery
from infra.names import id_of
from infra.record import Envelope, Meta, Record
from infra.sealing import MasterKeys, new_master_key
from schemas.records.accounts import GrantRole
from sinks.view import Delete
from sinks.views import VIEWS
from tests.functional.gateway import MemoryViews
from tests.functional.gateway_fakes import AtOnce, MemoryLog, MemoryRequests, an_authority

URL = "http://millrace.test"
PASSWORD = "correct horse battery"
BACK = "https://app.example/back"
Client = TestClient[web.Request, web.Application]


class Platform:
    """Takes what a gateway writes; by the time it is acknowledged, it is decided and shown."""

    def __init__(self, views: MemoryViews, clock: ManualClock) -> None:
        self._views = views
        self._clock = clock
        self._users: dict[str, accounts.User | None] = {}
        self._subjects: dict[str, access.Subject] = {}
        self._channels: dict[str, identity.Channel | None] = {}
        self._sequence = 0
        self.said: list[Record] = []
        self.away = False

    async def post(
        self, topic: str, key: str, event: Record, *, event_id: str | None = None
    ) -> "asyncio.Future[Delivery]":
        if self.away:
            raise Unavailable("Kafka is away")
        identity = event_id or str(uuid.uuid4())
        self.tell(topic, key, event, identity)
        future: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        future.set_result(Delivery(identity, topic, 0, self._sequence))
        return future

    def tell(self, topic: str, key: str, event: Any, identity: str = "") -> None:
        self.said.append(event)
        if not topic.endswith("-commands"):
            self._show(topic, event, None)
            return
        for said in self._decided(topic, key, event):
            self._show(topic.replace("-commands", "-events"), said, identity)
            if topic == "account-commands":
                self._forward(key, said)

    def _decided(self, topic: str, key: str, command: Any) -> list[Any]:
        if topic == "account-commands":
            return self._fold(self._users, key, accounts, command, id_of=id_of)
        if topic == "identity-commands":
            return self._fold(self._channels, key, identity, command)
        if topic != "access-commands":
            return []
        now = self._clock.now()
        subject = self._subjects.get(key) or access.Subject()
        events = access.decide(subject, command, now=now, subject_id=key)
        for event in events:
            subject = access.evolve(subject, event, now=now)
        self._subjects[key] = subject
        return list(events)

    def _fold(
        self, states: dict[str, Any], key: str, rules: Any, command: Any, **more: Any
    ) -> list[Any]:
        events = rules.decide(states.get(key), command, **more)
        for event in events:
            states[key] = rules.evolve(states.get(key), event)
        return list(events)

    def _forward(self, key: str, event: Any) -> None:
        def send(command: Any, *, key: str = key, topic: str = "") -> None:
            self.tell(topic, key, command)

        message: Any = FakeMessage(event)
        forward_accounts(message, send)

    def _show(self, topic: str, event: Any, cause: str | None) -> None:
        self._sequence += 1
        meta = Meta(
            event_id=str(uuid.uuid4()),
            occurred_at=self._clock.now(),
            producer="platform",
            sequence=self._sequence,
            causation_id=cause,
            correlation_id=cause,
        )
        for view in VIEWS.values():
            if topic not in view.topics and not (view.name == "outcomes" and cause):
                continue
            for change in view.project(Envelope(meta, event)):
                rows = self._views.rows.setdefault(view.name, {})
                if isinstance(change, Delete):
                    rows.pop(change.key, None)
                    continue
                key = (change.key,) if isinstance(change.key, str) else tuple(change.key)
                columns = {
                    name: value for name, value in change.columns.items() if value is not None
                }
                known = dict(zip(view.key, key, strict=True))
                rows[change.key] = {**rows.get(change.key, {}), **known, **columns}


class FakeMessage(msgspec.Struct):
    """As much of a message as `forward_accounts` looks at."""

    event: Any


class Names(msgspec.Struct, frozen=True):
    """Who the token is for."""

    name: str
    scopes: list[str]
    roles: list[str]


async def get_me(call: Call) -> Names:
    """Who asks."""
    found = call.principal
    return Names(found.name, sorted(found.scopes), sorted(found.roles))


ME = endpoint("GET", "/test/me", get_me, signed_in)


class Rig:
    """The parts of a gateway, for tests to look at and to break."""

    def __init__(self, url: str = URL, *, limited: bool = False, folder: Path = Path()) -> None:
        """`limited`: with limits that no Redis keeps, which are a quarter of what they would be."""
        self.clock = ManualClock()
        limits = Limits("redis://127.0.0.1:1/0", clock=self.clock) if limited else None
        self.views = MemoryViews()
        self.platform = Platform(self.views, self.clock)
        self.master = MasterKeys(SecretStr(new_master_key()))
        log: Any = MemoryLog([])
        sender = Sender(self.platform)
        commands = Commands(
            sender, AtOnce(self.views), self.views, MemoryRequests(), log, self.clock
        )
        self.authority = an_authority(
            *(url, self.master, self.views, commands, sender, self.clock), limits=limits
        )
        self.tokens = self.authority.tokens
        self.app = make_app(
            self.views,
            clock=self.clock,
            places=Places(),
            folder=folder,
            tokens=self.authority.checking,
            asking=commands,
            authority=self.authority,
            more=[ME],
        )

    def grant_role(self, login: str, role: str) -> None:
        user = id_of(login)
        self.platform.tell("account-commands", user, GrantRole(user_id=user, role=role), "x" * 36)


class Browser:
    """Follows nothing by itself, keeps cookies, and fills in the forms that it is shown."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.text = ""
        self.form = ""
        """What the form that was last shown brings along."""

    async def get(self, path: str, **options: Any) -> ClientResponse:
        return await self._took(await self.client.get(path, allow_redirects=False, **options))

    async def send(self, path: str, *, headers: Any = None, **fields: str) -> ClientResponse:
        """Send a form, as one that was shown."""
        given = {"form": self.form, **fields}
        return await self._took(
            await self.client.post(path, data=given, headers=headers, allow_redirects=False)
        )

    async def sign_up(self, login: str = "river", password: str = PASSWORD) -> ClientResponse:
        await self.get("/signup")
        return await self.send("/signup", login=login, password=password)

    async def sign_in(self, login: str = "river", password: str = PASSWORD) -> ClientResponse:
        await self.get("/signin")
        return await self.send("/signin", login=login, password=password)

    async def new_application(
        self, name: str = "Bot", redirect: str = BACK, kind: str = "confidential"
    ) -> tuple[str, str]:
        """Register an application; its id and secret."""
        await self.get("/account")
        response = await self.send(
            "/account/applications", name=name, redirect_uris=redirect, kind=kind
        )
        assert response.status == 200, self.text
        codes = re.findall(r"<code[^>]*>([^<]*)</code>", self.text)
        return codes[0], codes[1] if len(codes) > 1 else ""

    async def allow(self, decision: str = "allow", **query: str) -> dict[str, str]:
        """Ask for consent and decide; what the application is told."""
        path = authorize(**query)
        shown = await self.get(path)
        if shown.status == 200:
            shown = await self.send(path, decision=decision)
        assert shown.status == 303, self.text
        return returned(shown)

    async def _took(self, response: ClientResponse) -> ClientResponse:
        if response.content_type == "text/html":
            self.text = await response.text()
            if form := re.search(r'name="form" value="([^"]*)"', self.text):
                self.form = html.unescape(form[1])
        return response


def authorize(**query: str) -> str:
    given = {"response_type": "code", "redirect_uri": BACK, "state": "s1", **query}
    return f"/oauth2/authorize?{urlencode({k: v for k, v in given.items() if v})}"


def returned(response: ClientResponse) -> dict[str, str]:
    """The parameters of a redirect back to the application, which must be its address."""
    location = response.headers["Location"]
    assert location.startswith(f"{BACK}?"), location
    return dict(parse_qsl(urlsplit(location).query))


@asynccontextmanager
async def browsing(rig: Rig) -> AsyncIterator[Browser]:
    async with TestClient(TestServer(rig.app)) as client:
        yield Browser(client)

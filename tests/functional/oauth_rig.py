"""A platform in memory that decides by the real rules, and a browser that fills in its forms."""

import asyncio
import html
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from api.access import signed_in
from api.app import make_app
from api.call import Call, endpoint
from api.commands import Commands
from api.limits import Limits
from api.places import Places
from api.sender import Sender
from infra.names import id_of
from infra.sealing import MasterKeys, new_master_key
from schemas.records.accounts import GrantRole
from tests.functional.gateway_fakes import AtOnce, MemoryRequests, an_authority
from tests.functional.platform import Platform

URL = "http://millrace.test"
PASSWORD = "correct horse battery"
BACK = "https://app.example/back"
Client = TestClient[web.Request, web.Application]


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
    """The parts of a gateway and the platform behind it, for tests to look at and to break."""

    def __init__(
        self,
        url: str = URL,
        *,
        limited: bool = False,
        folder: Path = Path(),
        platform: Platform | None = None,
    ) -> None:
        """`limited`: with limits that no Redis keeps, which are a quarter of what they would be."""
        self.platform = platform or Platform()
        self.clock = self.platform.clock
        self.views = self.platform.views
        self.master = MasterKeys(SecretStr(new_master_key()))
        limits = Limits("redis://127.0.0.1:1/0", clock=self.clock) if limited else None
        log: Any = self.platform
        watch: Any = AtOnce(self.views)
        sender = Sender(log)
        commands = Commands(sender, watch, self.views, MemoryRequests(), log, self.clock)
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
            master=self.master,
            authority=self.authority,
            more=[ME],
        )

    async def __aenter__(self) -> Self:
        await self.platform.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.platform.__aexit__(*error)

    async def grant_role(self, login: str, role: str) -> None:
        user = id_of(login)
        await self.platform.post("account-commands", user, GrantRole(user_id=user, role=role))


class Browser:
    """Follows nothing by itself, keeps cookies, and fills in the forms that it is shown."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.text = ""
        self.form = ""
        """What the form that was last shown brings along."""

    async def get(self, path: str, **options: Any) -> ClientResponse:
        return await self._took(await self.client.get(path, allow_redirects=False, **options))

    async def open(self, path: str) -> None:
        """Get a page that must be there, again for a while where the platform is not ready yet."""
        deadline = time.monotonic() + 30
        while (shown := await self.get(path)).status != 200:
            assert shown.status == 503, (shown.status, self.text)
            assert time.monotonic() < deadline, "the platform is still not ready"
            await asyncio.sleep(0.2)

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
        await self.open("/account")
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
    """The platform, and a browser to it."""
    async with rig, visiting(rig) as browser:
        yield browser


@asynccontextmanager
async def visiting(rig: Rig) -> AsyncIterator[Browser]:
    """One more browser to a platform that runs."""
    async with TestClient(TestServer(rig.app)) as client:
        yield Browser(client)

"""Calls webhooks: one request, signed, to a public address, never redirected."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple, Self

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from api.eventsub.addresses import PublicResolver, refuse_private
from api.eventsub.messages import described, webhook_headers
from infra.clock import Clock
from infra.errors import Refused
from schemas.records.eventsub import DeliveryRequested

SECONDS: Final = 10.0
"""For a webhook to answer."""
_ANSWER_BYTES: Final = 4096


class Answer(NamedTuple):
    """What came of a call."""

    taken: bool
    detail: str = ""
    """What came instead, for people; nothing of what a webhook said."""


class Caller:
    """Calls webhooks over connections of its own."""

    def __init__(self, session: ClientSession, clock: Clock, *, private: bool) -> None:
        self._session = session
        self._clock = clock
        self._private = private

    @classmethod
    @asynccontextmanager
    async def open(
        cls, clock: Clock, *, private: bool = False, seconds: float = SECONDS
    ) -> AsyncIterator[Self]:
        """A caller. `private`: whether it may call addresses that are not public."""
        connector = TCPConnector(
            resolver=None if private else PublicResolver(),
            use_dns_cache=False,
            limit=0,
            keepalive_timeout=15,
        )
        async with ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=seconds),
            headers={"User-Agent": "Millrace-EventSub"},
            trust_env=False,
            auto_decompress=False,
        ) as session:
            yield cls(session, clock, private=private)

    async def notify(
        self, delivery: DeliveryRequested, secret: str, event: dict[str, object] | None
    ) -> Answer:
        """Tell a webhook of an event, or that its subscription ended."""
        told: dict[str, object] = {"subscription": described(delivery)}
        if event is not None:
            told["event"] = event
        answer, _ = await self._call(delivery, secret, told)
        return answer

    async def challenge(self, delivery: DeliveryRequested, secret: str) -> Answer:
        """Ask whether a webhook wants to be told: it says back what only it has heard."""
        challenge = secrets.token_urlsafe(32)
        told: dict[str, object] = {"challenge": challenge, "subscription": described(delivery)}
        answer, said = await self._call(delivery, secret, told)
        if answer.taken and said != challenge.encode():
            return Answer(False, "the answer is not the challenge")
        return answer

    async def _call(
        self, delivery: DeliveryRequested, secret: str, told: dict[str, object]
    ) -> tuple[Answer, bytes]:
        body = msgspec.json.encode(told)
        headers = webhook_headers(delivery, secret, body, self._clock.now())
        url = URL(delivery.callback or "")
        try:
            if not self._private:
                refuse_private(url)
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                said = b""
                with contextlib.suppress(ClientError):
                    said = await response.content.read(_ANSWER_BYTES)
                taken = 200 <= response.status < 300
                return Answer(taken, "" if taken else f"status {response.status}"), said
        except TimeoutError:
            return Answer(False, "no answer in time"), b""
        except Refused as error:
            return Answer(False, str(error)), b""
        except (ClientError, OSError, ValueError) as error:
            return Answer(False, type(error).__name__), b""

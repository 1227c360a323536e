"""What the authorization server works with, and what it asks of the platform."""

import uuid
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from api.access import Principal
from api.commands import Commands
from api.errors import TooMany
from api.limits import Limit, Limits
from api.oauth2.standing import GrantTokens
from api.oauth2.tokens import AccessTokens
from api.sender import Message, Sender
from api.views import Views
from infra.clock import Clock
from infra.passwords import Passwords
from infra.record import Record
from infra.sealing import MasterKeys

Event = TypeVar("Event", bound=Record)

ACCOUNTS: Final = "account-commands"
ACCESS: Final = "access-commands"


@dataclass(frozen=True)
class Authority:
    """The parts, joined."""

    url: str
    """Where browsers reach the gateway, without a final slash: the issuer of tokens."""
    views: Views
    commands: Commands
    sender: Sender
    tokens: AccessTokens
    checking: GrantTokens
    master: MasterKeys
    passwords: Passwords
    clock: Clock
    limits: Limits | None = None

    @property
    def secure(self) -> bool:
        """Whether browsers come over TLS."""
        return urlsplit(self.url).scheme == "https"

    async def ask(
        self, topic: str, key: str, command: Record, client_id: str, *outcomes: type[Event]
    ) -> Event:
        """Ask the platform, as an application or our own pages; returns what came of it.

        Raises CommandRefused, unless the refusal is one of `outcomes`, Undecided, Unavailable.
        """
        return await self.commands.ask(topic, key, command, Principal(None, client_id), *outcomes)

    async def say(self, topic: str, key: str, event: Record) -> None:
        """Write a message that nobody decides about. Raises Unavailable."""
        await self.sender.send([Message(topic, key, event, str(uuid.uuid4()))])

    async def spend(self, kind: str, minute: int, name: str) -> None:
        """Count one attempt of at most so many a minute under a name. Raises TooMany."""
        if self.limits is None:
            return
        taken = await self.limits.take(Limit(kind, minute), name)
        if not taken.granted:
            raise TooMany("Too many attempts. Wait a minute, then try again.", 60 // minute + 1)


AUTHORITY: web.AppKey[Authority] = web.AppKey("authority", Authority)


def authority(request: web.Request) -> Authority:
    """The authority of the gateway that a request came to."""
    return request.app[AUTHORITY]

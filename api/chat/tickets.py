"""Who may come to a chat edge as whom: access tokens, and tickets that our pages get.

A ticket is an access token like any other (`api.oauth2.tokens`), for minutes, of the grant that the
browser's session is: it ends with the session. An edge checks both by the platform's signing keys.
"""

import asyncio
import uuid
from typing import Final

import msgspec
import structlog

from api.access import LONGEST_TOKEN
from api.errors import Unauthorized
from api.oauth2.keyring import AWAY_SECONDS, FIRST_SECONDS, READ_SECONDS, known
from api.oauth2.sessions import Session
from api.oauth2.signing_keys import SigningKeys
from api.oauth2.standing import PAGES, Checked, GrantTokens
from api.oauth2.tokens import AccessTokens
from api.views import Views
from infra.clock import Clock
from infra.errors import MillraceError
from infra.sealing import MasterKeys

log = structlog.get_logger()

LASTS_SECONDS: Final = 300
"""For a page to connect with its ticket. A connection lasts as long as the session."""
SCOPES: Final = ["chat:read", "chat:edit"]


class Ticket(msgspec.Struct, frozen=True):
    """What a page says `hello` with."""

    token: str
    expires_in: int
    """Seconds."""


def issue(tokens: AccessTokens, session: Session, clock: Clock) -> Ticket:
    """A ticket for who sits at a page of ours. Raises Unavailable."""
    token = tokens.sign(
        subject_id=session.user.user_id,
        client_id=PAGES,
        grant_id=session.grant_id,
        token_id=str(uuid.uuid4()),
        scopes=SCOPES,
        expires_at=clock.now() + LASTS_SECONDS * 1_000_000,
    )
    return Ticket(token, LASTS_SECONDS)


class Doorman:
    """Knows who comes, and whether they may stay."""

    def __init__(self, checking: GrantTokens) -> None:
        self._checking = checking

    async def admit(self, token: str) -> Checked:
        """Whom a token stands for. Raises Unauthorized, Unavailable."""
        if len(token) > LONGEST_TOKEN or not (token.isascii() and token.isprintable()):
            raise Unauthorized("invalid_token", "the token is malformed")
        return await self._checking.check(token)

    async def stays(self, checked: Checked) -> bool:
        """Whether the access lasts that somebody came with. Raises Unavailable."""
        return await self._checking.lasts(checked.claims)


async def read_keys(tokens: AccessTokens, views: Views, master: MasterKeys) -> None:
    """Keep the keys that tokens are checked by as the view has them, until cancelled."""
    kids: frozenset[str] = frozenset()
    while True:
        try:
            keys = await known(views)
            if (found := frozenset(key.kid for key in keys)) != kids:
                kids, tokens.keys = found, SigningKeys(keys, master)
            await asyncio.sleep(READ_SECONDS if kids else FIRST_SECONDS)
        except MillraceError as error:
            log.warning("signing keys cannot be read", error=str(error))
            await asyncio.sleep(AWAY_SECONDS)

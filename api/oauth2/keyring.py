"""Keeps the signing keys as the view has them, and sees to it that there is one to sign with."""

import asyncio
import contextlib
import uuid
from typing import Final, Self

import structlog

from api.oauth2.rows import SIGNING_KEYS
from api.oauth2.signing_keys import SigningKey, SigningKeys
from api.oauth2.tokens import AccessTokens
from api.sender import Message, Sender
from api.views import Views
from infra.clock import Clock
from infra.errors import MillraceError, Unavailable
from infra.sealing import MasterKeys

log = structlog.get_logger()

READ_SECONDS: Final = 0.5
"""Between two looks at the view: a key that is retired stops counting by then."""
FIRST_SECONDS: Final = 0.05
"""The same while there is no key to sign with: nobody gets a token meanwhile."""
AWAY_SECONDS: Final = 0.25
"""Between two tries while a server is away."""
ROTATE_SECONDS: Final = 60.0
"""Between two decisions to write: what was written must have reached the view by the next."""
_MOST: Final = 1000
_READ_WITHIN: Final = 1.5


async def known(views: Views) -> list[SigningKey]:
    """All keys that the view has. Raises Unavailable."""
    try:
        async with asyncio.timeout(_READ_WITHIN):
            rows, _ = await views.scan(SIGNING_KEYS, _MOST)
    except TimeoutError as slow:
        raise Unavailable("the signing keys take too long to read") from slow
    return [SigningKey.of(row) for row in rows]


class Keyring:
    """Reads the keys for as long as it is entered, and writes a new one whenever it is time."""

    def __init__(
        self, tokens: AccessTokens, views: Views, sender: Sender, master: MasterKeys, clock: Clock
    ) -> None:
        self._tokens = tokens
        self._views = views
        self._sender = sender
        self._master = master
        self._clock = clock
        self._kids: frozenset[str] = frozenset()
        self._looked_after: float | None = None
        self._running: asyncio.Task[None] | None = None
        self._well = True

    async def __aenter__(self) -> Self:
        with contextlib.suppress(Unavailable):  # it may be there next time
            await self.read()
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def read(self) -> None:
        """Read the view. Raises Unavailable."""
        keys = await known(self._views)
        if (kids := frozenset(key.kid for key in keys)) != self._kids:
            log.info("signing keys changed", keys=sorted(kids))
            self._kids = kids
            self._tokens.keys = SigningKeys(keys, self._master)

    async def rotate(self) -> None:
        """Write what is to be written, at most once in ROTATE_SECONDS. Raises Unavailable.

        Two gateways that do so at once make two keys: both are published, the newest signs.
        """
        now = self._clock.monotonic()
        if self._looked_after is not None and now < self._looked_after + ROTATE_SECONDS:
            return
        for event in self._tokens.keys.rotation(self._clock.now()):
            message = Message("signing-keys", event.kid, event, str(uuid.uuid4()))
            await self._sender.send([message])
            log.info("signing key written", record=event.FULL_NAME, kid=event.kid)
        self._looked_after = now

    async def _run(self) -> None:
        while True:
            await self._look()
            if not self._well:
                await asyncio.sleep(AWAY_SECONDS)
            elif self._tokens.keys.sign_at(self._clock.now()):
                await asyncio.sleep(READ_SECONDS)
            else:
                await asyncio.sleep(FIRST_SECONDS)

    async def _look(self) -> None:
        """Whatever is away now may be there next time: until then the keys are those known."""
        try:
            await self.read()
            await self.rotate()
            self._well = True
        except MillraceError as error:
            if self._well:
                log.warning("signing keys were not looked after", error=repr(error))
            self._well = False

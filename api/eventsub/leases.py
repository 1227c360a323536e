"""Says which sessions last: to the platform on the log, to the other gateways by `Presence`."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from api.commands import uuid7
from api.eventsub.presence import Presence
from api.eventsub.session import SocketSession
from api.sender import Message, Sender
from infra.clock import Clock
from infra.errors import Unavailable
from infra.record import Record
from schemas.records.eventsub import ForgetSubscriber, KeepSession

log = structlog.get_logger()

SUBSCRIBERS: Final = "subscriber-commands"
LEASE_SECONDS: Final = 120
"""For how long the platform takes a session to last that its gateway spoke of."""
KEEP_SECONDS: Final = 40.0


def until(clock: Clock) -> int:
    """When a lease ends that starts now; microseconds."""
    return clock.now() + LEASE_SECONDS * 1_000_000


class Leases:
    """Keeps the sessions of a gateway known. Nothing raises: a lease ends by itself."""

    def __init__(self, sender: Sender, presence: Presence, clock: Clock) -> None:
        self._sender = sender
        self._presence = presence
        self._clock = clock

    async def keep(self, sessions: Mapping[str, SocketSession]) -> None:
        """Speak of the sessions that there are, again and again, until cancelled."""
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            await self._presence.here(list(sessions))
            end = until(self._clock)
            for session in list(sessions.values()):
                if session.used:
                    held = session.held
                    await self._say(
                        held.id,
                        KeepSession(subject_id=held.id, generation=held.generation, until=end),
                    )

    async def is_here(self, session_id: str) -> bool:
        """Whether a session is there, at any gateway, as far as is known."""
        return await self._presence.is_here(session_id)

    async def begin(self, session: SocketSession) -> None:
        """A session is here."""
        await self._presence.here([session.held.id])

    async def end(self, session: SocketSession, status: str) -> None:
        """A session is over; `status`: what its subscriptions become."""
        name = session.held.id
        await self._presence.gone(name)
        if session.used:
            command = ForgetSubscriber(subject_id=name, status=status, client_id=None)
            await self._say(name, command)

    async def _say(self, key: str, command: Record) -> None:
        message = Message(SUBSCRIBERS, key, command, str(uuid7(self._clock.now())))
        try:
            await self._sender.send([message])
        except Unavailable as error:
            log.warning("a session was not told of", error=str(error))

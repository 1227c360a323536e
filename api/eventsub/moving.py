"""How a session goes over to another connection: by a sealed address, to one connection alone."""

import json
from typing import Final

import msgspec

from api.access import Principal
from api.commands import Commands
from api.errors import CommandRefused
from api.eventsub.leases import SUBSCRIBERS, until
from api.eventsub.session import LEFT, NOT_MOVED, Ended, Held
from infra.clock import Clock
from infra.errors import InvalidRecord
from infra.sealing import MasterKeys
from schemas.records.eventsub import MoveSession, SessionMoved

MOVE_SECONDS: Final = 30
"""For a client to come to its next connection."""
_PURPOSE: Final = "eventsub-reconnect"
_PRINCIPAL: Final = Principal(None, "eventsub")
_LOST = Ended(4007, "invalid reconnect", LEFT)


class Moved(msgspec.Struct, frozen=True):
    """What an address to reconnect to holds."""

    held: Held
    place: str
    """On the log: what came before was told."""
    until: int
    """Microseconds."""


class Moving:
    """Makes addresses, and takes the sessions that come by them."""

    def __init__(self, commands: Commands, master: MasterKeys, clock: Clock) -> None:
        self._commands = commands
        self._master = master
        self._clock = clock

    def token(self, held: Held, place: str) -> str:
        """What the next connection of a session brings along."""
        held = msgspec.structs.replace(held, generation=held.generation + 1)
        moved = Moved(held, place, self._clock.now() + MOVE_SECONDS * 1_000_000)
        return self._master.seal(_PURPOSE, json.dumps(msgspec.to_builtins(moved)))

    async def take(self, token: str) -> Moved:
        """Have the session: of two connections that want it, one gets it.

        Raises Ended for a token that is not ours or too old, and where another was faster.
        """
        try:
            moved = msgspec.json.decode(self._master.open(_PURPOSE, token), type=Moved)
        except (InvalidRecord, msgspec.DecodeError, ValueError) as error:
            raise _LOST from error
        if moved.until < self._clock.now():
            raise NOT_MOVED
        name = moved.held.id
        command = MoveSession(
            subject_id=name, generation=moved.held.generation, until=until(self._clock)
        )
        try:
            await self._commands.ask(SUBSCRIBERS, name, command, _PRINCIPAL, SessionMoved)
        except CommandRefused as error:
            raise _LOST from error
        return moved

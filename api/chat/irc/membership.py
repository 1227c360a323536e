"""Who comes to a channel's chat and who leaves it, for clients that want to know all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import structlog

from api.chat.dialect import Place
from api.chat.presence import Present
from infra.errors import MillraceError

log = structlog.get_logger()

LOOK_SECONDS: Final = 10.0
"""Between two looks at who is there. Others are told in batches, as on Twitch."""
MOST: Final = 1_000
"""Who is in a channel with more is not told."""


class Listener(Protocol):
    """A client, as this sees it."""

    def is_in(self, channel_id: str) -> bool:
        """Whether it is in a channel, still."""
        ...

    def told_of(self, place: Place, came_in: Sequence[str], went_out: Sequence[str]) -> None:
        """Logins of those who came and went."""
        ...


class _Room:
    def __init__(self, place: Place) -> None:
        self.place = place
        self.listeners: set[Listener] = set()
        self.logins: frozenset[str] = frozenset()
        """Of those who were there at the last look."""


class Membership:
    """Looks at channels for as long as somebody wants to know of them."""

    def __init__(
        self, here: Callable[[str], Awaitable[Sequence[Present]]], every: float = LOOK_SECONDS
    ) -> None:
        """`here`: who is in a channel, by its id; may raise Unavailable."""
        self._here = here
        self._every = every
        self._rooms: dict[str, _Room] = {}
        self._looking: asyncio.Task[None] | None = None

    def enter(self, listener: Listener, place: Place) -> frozenset[str]:
        """Tell a client from now on. Logins of those who were there at the last look."""
        room = self._rooms.setdefault(place.channel_id, _Room(place))
        room.listeners.add(listener)
        if self._looking is None:
            self._looking = asyncio.create_task(self._run())
        return room.logins

    async def _run(self) -> None:
        while self._rooms:
            for channel_id, room in list(self._rooms.items()):
                room.listeners = {each for each in room.listeners if each.is_in(channel_id)}
                if not room.listeners:
                    del self._rooms[channel_id]
                    continue
                try:
                    await self._look(room)
                except MillraceError as error:
                    log.warning("who is in a chat cannot be read", error=str(error))
            await asyncio.sleep(self._every)
        self._looking = None

    async def _look(self, room: _Room) -> None:
        found = frozenset(each.login for each in await self._here(room.place.channel_id))
        if len(found) > MOST:
            found = frozenset()
        came, went = sorted(found - room.logins), sorted(room.logins - found)
        room.logins = found
        if came or went:
            for listener in room.listeners:
                listener.told_of(room.place, came, went)

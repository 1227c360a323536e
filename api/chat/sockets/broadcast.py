"""Sending the same bytes to many: at once while it is quiet, together while it is not.

A group is written to in shards, each with a window of its own. A large group takes tens of
milliseconds of system calls; in shards, what comes meanwhile goes with the shards still to be
written, nobody waits for a window and for all the others as well, and the event loop gets its turn.
"""

import asyncio
import os
from collections import deque
from typing import Final, Protocol

from api.chat.sockets.outlet import CHANGES, Outlet

SHORTEST: Final = 0.020
LONGEST: Final = 0.050
"""Seconds between two writes to the same client, under load."""
SHARD: Final = 250
"""Members that are written to together, and writes until the event loop has its turn."""
_ROOM: Final = 2
"""The window is so many times what shards waited for their turn, between those two."""


class Member(Protocol):
    """What a group writes to."""

    @property
    def flowing(self) -> bool:
        """Whether it takes part; else it is passed over."""
        ...

    def send(self, data: bytes) -> None:
        """Write. Must not raise."""
        ...


class _Shard:
    """Some of a group: what waits for them, and when they may be written to again."""

    __slots__ = (
        "_changes",
        "_files",
        "_members",
        "_others",
        "due_at",
        "mark",
        "pending",
        "pending_mark",
        "quiet_at",
        "waits",
    )

    def __init__(self, mark: int) -> None:
        self.pending: list[bytes] = []
        self.mark = self.pending_mark = mark
        self.quiet_at = self.due_at = 0.0
        self.waits = False
        """Whether a write is already arranged for."""
        self.members = ()

    @property
    def members(self) -> tuple[Member, ...]:
        """In the order of their joining."""
        return self._members

    @members.setter
    def members(self, members: tuple[Member, ...]) -> None:
        self._members = members
        self._changes = -1
        self._files: dict[int, Outlet] = {}
        self._others: list[Member] = []

    def write(self, data: bytes) -> None:
        """To all who are flowing.

        Most are sockets that take all of it. Writing to these by their numbers touches no object of
        a connection: with ten thousand, none of those would be in the processor's caches.
        """
        if self._changes != CHANGES.count:
            self._sort()
        write, size, files = os.write, len(data), self._files
        left = iter(files)
        for file in left:
            try:
                taken = write(file, data)
            except OSError:
                files[file].send(data)
                break
            if taken != size:
                files[file].left(data[taken:])
                break
        # what one who lags led to may concern the others: they are asked
        for member in (*(files[file] for file in left), *self._others):
            if member.flowing:
                member.send(data)

    def _sort(self) -> None:
        files, others = {}, []
        for member in self._members:
            file = member.file if isinstance(member, Outlet) else None
            if file is not None and isinstance(member, Outlet):
                files[file] = member
            else:
                others.append(member)
        self._files, self._others, self._changes = files, others, CHANGES.count


class Group:
    """Those who get the same bytes: the clients of a channel that speak the same dialect."""

    __slots__ = ("_mark", "_of", "_shards")

    def __init__(self, mark: int = 0) -> None:
        """`mark`: of what was sent before there was a group."""
        self._mark = mark
        self._shards: list[_Shard] = []
        self._of: dict[Member, _Shard] = {}

    def add(self, member: Member) -> None:
        """It gets all that comes after `mark_of` it."""
        if member in self._of:
            return
        shard = next((each for each in self._shards if len(each.members) < SHARD), None)
        if shard is None:
            shard = _Shard(self._mark)
            self._shards.append(shard)
        shard.members += (member,)
        self._of[member] = shard

    def discard(self, member: Member) -> None:
        """It gets nothing more."""
        shard = self._of.pop(member, None)
        if shard is None:
            return
        shard.members = tuple(each for each in shard.members if each is not member)
        if not shard.members:
            self._shards.remove(shard)

    def mark_of(self, member: Member) -> int:
        """Of the last message that was written to a member: it was given all up to this."""
        return self._of[member].mark

    def __len__(self) -> int:
        return len(self._of)

    def __contains__(self, member: Member) -> bool:
        return member in self._of

    def members(self) -> tuple[Member, ...]:
        """All, in the order of their joining."""
        return tuple(self._of)


class Broadcaster:
    """Writes to groups, one write a member and window."""

    def __init__(self, shortest: float = SHORTEST, longest: float = LONGEST) -> None:
        """Seconds between two writes to the same client, when more is sent to it than that."""
        self._shortest, self._longest = shortest, longest
        self._due: deque[_Shard] = deque()
        self._room = SHARD
        """Writes until the event loop has its turn."""
        self._resting = False

    def broadcast(self, group: Group, data: bytes, mark: int = 0) -> None:
        """Write to all who are flowing, now or within the longest time, in the order of calls.

        `mark` says where this message is, so that one who lags behind can be told (`mark_of`).
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        group._mark = mark
        for shard in tuple(group._shards):
            shard.pending.append(data)
            shard.pending_mark = mark
            if shard.waits:
                continue
            shard.waits = True
            shard.due_at = max(now, shard.quiet_at)
            if now < shard.quiet_at:
                loop.call_at(shard.quiet_at, self._ready, loop, shard)
            else:
                self._ready(loop, shard)

    def _ready(self, loop: asyncio.AbstractEventLoop, shard: _Shard) -> None:
        self._due.append(shard)
        self._write_due(loop)

    def _write_due(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._due and self._room > 0:
            shard = self._due.popleft()
            self._room -= len(shard.members)
            self._write(loop.time(), shard)
        if self._room < SHARD and not self._resting:
            self._resting = True
            loop.call_soon(self._rested, loop)

    def _rested(self, loop: asyncio.AbstractEventLoop) -> None:
        self._room, self._resting = SHARD, False
        self._write_due(loop)

    def _write(self, now: float, shard: _Shard) -> None:
        pending = shard.pending
        data = pending[0] if len(pending) == 1 else b"".join(pending)
        shard.pending = []
        shard.mark = shard.pending_mark
        shard.waits = False
        window = _ROOM * (now - shard.due_at)
        shard.quiet_at = now + min(max(self._shortest, window), self._longest)
        shard.write(data)

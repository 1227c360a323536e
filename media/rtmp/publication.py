"""A publisher's request to go on air, as the platform sees it."""

import asyncio
import typing
from collections.abc import Callable
from typing import Literal

import msgspec

from media.flv import Tag
from media.rtmp.connection import PublishRequested

Protocol = Literal["rtmp", "rtmps"]


class Ended(msgspec.Struct, frozen=True):
    """How a publication ended: a stop reason of `PublishStopped` and its plain words."""

    reason: str
    detail: str


class Refusal(msgspec.Struct, frozen=True):
    """A connection that was turned away before it published."""

    reason: str
    detail: str
    address: str


class Line(typing.Protocol):
    """What a publication comes through. Implemented by `media.rtmp.link.Link`."""

    def accept(self, take: Callable[[list[Tag]], None]) -> None:
        """Tell the publisher to begin, and hand over its tags."""
        ...

    def turn_away(self, reason: str, detail: str) -> None:
        """Say why, and hang up."""
        ...

    def pause(self) -> None:
        """Stop reading."""
        ...

    def resume(self) -> None:
        """Read again."""
        ...


class Publication:
    """A publisher's request to go on air and, once accepted, its media."""

    def __init__(
        self, line: Line, request: PublishRequested, address: str, protocol: Protocol
    ) -> None:
        self.key = request.key
        self.encoder = request.encoder
        self.address, self.protocol = address, protocol
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        """Done when no more media will come."""
        self._line = line

    def accept(self, take: Callable[[list[Tag]], None]) -> None:
        """Let the publisher begin. `take` gets its tags, in order, as soon as they have come."""
        self._line.accept(take)

    def end(self, reason: str, detail: str) -> None:
        """Turn the publisher away, before or after `accept`, with plain words."""
        self._line.turn_away(reason, detail)

    def pause(self) -> None:
        """Take nothing more from the network until `resume`."""
        self._line.pause()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._line.resume()

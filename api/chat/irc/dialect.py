"""How events are told to those who speak IRC: once for all with the same capabilities. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from api.chat.dialect import Event, Place
from api.chat.irc.lines import Line, write
from api.chat.irc.words import said_of
from api.chat.sockets import frame

TAGS: Final = "twitch.tv/tags"
COMMANDS: Final = "twitch.tv/commands"
MEMBERSHIP: Final = "twitch.tv/membership"
CAPABILITIES: Final = (TAGS, COMMANDS, MEMBERSHIP)

_FOR_ALL: Final = frozenset({"PRIVMSG", "JOIN", "PART", "PING", "PONG", "CAP"})
"""What is told without the capability `commands`; as are answers by number, and plain notices."""


class IrcDialect(msgspec.Struct, frozen=True):
    """IRC over one transport, for those with some of the capabilities."""

    frames: bool
    """Whether lines go into texts of a WebSocket, or straight over TCP."""
    tags: bool = False
    commands: bool = False

    name = "irc"
    echoes = False

    def events(self, place: Place, events: Sequence[Event]) -> bytes:
        """See api.chat.dialect.Dialect."""
        return b"".join(self.encode(said_of(place, event)) for event in events)

    def encode(self, lines: Iterable[Line]) -> bytes:
        """Lines as they go over the wire; those that the capabilities leave out are left out."""
        written = [self._write(line) for line in lines if self._tells(line)]
        if not written:
            return b""
        text = "".join(written).encode(errors="replace")
        return frame(text) if self.frames else text

    def _tells(self, line: Line) -> bool:
        if self.commands or line.command in _FOR_ALL or line.command.isdigit():
            return True
        return line.command == "NOTICE" and "msg-id" not in line.tags

    def _write(self, line: Line) -> str:
        shown = line if self.tags or not line.tags else msgspec.structs.replace(line, tags={})
        return f"{write(shown)}\r\n"

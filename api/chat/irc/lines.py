"""Lines of IRC, read and written: RFC 1459, section 2.3.1, with message tags of IRCv3. Pure.

@id=7;display-name=Wide\\sRiver :river!river@river.tmi.twitch.tv PRIVMSG #brook :hello there
tags                            source                           command params text
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from infra.errors import InvalidRecord

LONGEST_TAGS: Final = 8_191
"""Bytes of the tags of a line, with the `@` and the space after them (IRCv3)."""
LONGEST_REST: Final = 2_560
"""Bytes of the rest. RFC 1459 has 512, into which 500 characters of four bytes do not go."""
_MOST_TAGS: Final = 64
_MOST_PARAMS: Final = 15
"""RFC 1459, section 2.3."""

_KEY: Final = re.compile(r"\+?(?:[A-Za-z0-9.-]+/)?[A-Za-z0-9-]+")
_COMMAND: Final = re.compile(r"[A-Za-z]{1,32}|[0-9]{3}")
_ESCAPES: Final = {";": "\\:", " ": "\\s", "\\": "\\\\", "\r": "\\r", "\n": "\\n", "\0": ""}
_ESCAPED: Final = re.compile(r"\\(.?)", re.DOTALL)
_UNESCAPED: Final = {":": ";", "s": " ", "r": "\r", "n": "\n"}
_TO_ESCAPE: Final = str.maketrans(_ESCAPES)
_TO_BLANK: Final = str.maketrans("\r\n\0", "   ")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line, without its end."""

    command: str
    """In upper case, or three digits."""
    params: tuple[str, ...] = ()
    """Without spaces in them."""
    text: str | None = None
    """The last parameter where it comes after a colon: anything but an end of the line."""
    source: str = ""
    """Who says it: a server, or `nick!user@host`."""
    tags: Mapping[str, str] = {}

    def said(self, index: int) -> str:
        """A parameter, whether or not it comes after a colon; empty if there is none."""
        if index < len(self.params):
            return self.params[index]
        return self.text or "" if index == len(self.params) else ""


def read(raw: str) -> Line:
    """A line that somebody says. Raises InvalidRecord, naming the rule that it breaks."""
    if "\r" in raw or "\n" in raw or "\0" in raw:
        raise InvalidRecord("a line has neither CR nor LF nor NUL")
    tags: dict[str, str] = {}
    if raw.startswith("@"):
        written, _, raw = raw[1:].partition(" ")
        if len(written.encode(errors="replace")) + 2 > LONGEST_TAGS:
            raise InvalidRecord(f"tags have at most {LONGEST_TAGS} bytes")
        tags = _read_tags(written)
    rest = raw.lstrip(" ")
    if len(rest.encode(errors="replace")) > LONGEST_REST:
        raise InvalidRecord(f"a line has at most {LONGEST_REST} bytes beside its tags")
    source = ""
    if rest.startswith(":"):
        source, _, rest = rest[1:].partition(" ")
    return _read_said(rest.lstrip(" "), source, tags)


def write(line: Line) -> str:
    """A line as it goes over the wire, without its end. What would end it is a space."""
    parts: list[str] = []
    if line.tags:
        tags = (f"{key}={value.translate(_TO_ESCAPE)}" for key, value in line.tags.items())
        parts.append("@" + ";".join(tags))
    if line.source:
        parts.append(f":{line.source}")
    parts.append(line.command)
    parts += line.params
    if line.text is not None:
        parts.append(f":{line.text.translate(_TO_BLANK)}")
    return " ".join(parts)


def _read_said(said: str, source: str, tags: Mapping[str, str]) -> Line:
    head, colon, text = said.partition(" :")
    command, *params = [each for each in head.split(" ") if each] or [""]
    if not _COMMAND.fullmatch(command):
        raise InvalidRecord(f"a command is letters or three digits, not {command[:32]!a}")
    if len(params) > _MOST_PARAMS:
        raise InvalidRecord(f"a command has at most {_MOST_PARAMS} parameters")
    return Line(
        command=command.upper(),
        params=tuple(params),
        text=text if colon else None,
        source=source,
        tags=tags,
    )


def _read_tags(written: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for each in written.split(";"):
        if not each:
            continue
        key, _, value = each.partition("=")
        if not _KEY.fullmatch(key):
            raise InvalidRecord(f"a tag's key is letters, digits and dashes, not {key[:64]!a}")
        tags[key] = _ESCAPED.sub(_unescaped, value)
        if len(tags) > _MOST_TAGS:
            raise InvalidRecord(f"a line has at most {_MOST_TAGS} tags")
    return tags


def _unescaped(found: "re.Match[str]") -> str:
    return _UNESCAPED.get(found[1], found[1])

"""What a client of IRC says and what it is answered, before a session hears of it. Pure."""

import re
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

import msgspec

from api.chat.asking import Command, Hello, Join, Part, Say
from api.chat.dialect import User
from api.chat.irc.dialect import CAPABILITIES, COMMANDS, MEMBERSHIP, TAGS
from api.chat.irc.lines import Line
from api.chat.irc.notices import LOGIN_MALFORMED
from api.chat.irc.passwords import token_of
from api.chat.irc.words import ACTION, ACTION_END, SERVER, global_user_state, notice
from infra.names import id_of

_ANONYMOUS: Final = re.compile(r"justinfan[0-9]{1,16}")
_SLASH: Final = re.compile(r"([/.])([A-Za-z]+)(?: |$)")
_GONE: Final = re.compile(
    "announce|ban|block|clear|color|commercial|delete|disconnect|emoteonly(off)?|followers(off)?"
    "|host|marker|mods?|r9kbeta(off)?|raid|slow(off)?|subscribers(off)?|timeout|unban|unblock"
    "|unhost|uniquechat(off)?|unmod|unraid|untimeout|unvip|user|vips?|w"
)
"""Commands in a message that Twitch took out of IRC in February 2023, and whispers."""
_NONCE: Final = 50
_ID: Final = 64


class Stage(Enum):
    """How far a client got."""

    ARRIVED = auto()
    GREETED = auto()
    """It has said who it is; the session looks."""
    WELCOME = auto()
    ENDED = auto()


class Answer(msgspec.Struct, frozen=True):
    """What follows from a line."""

    lines: Sequence[Line] = ()
    """What the client is told."""
    commands: Sequence[Command] = ()
    """What its session is asked for."""
    channels: Sequence[str] = ()
    """Names of the channels that this is about."""
    ends: bool = False
    """Whether the connection ends."""


class Conversation:
    """One client: what it can, who it says it is, and how far it got."""

    def __init__(self) -> None:
        self.stage = Stage.ARRIVED
        self.capabilities: frozenset[str] = frozenset()
        self.name = ""
        """What the client is called: the user's login, once that is known."""
        self._password = ""
        self._said = 0

    @property
    def membership(self) -> bool:
        """Whether it wants to hear who comes and goes."""
        return MEMBERSHIP in self.capabilities

    @property
    def tags(self) -> bool:
        """Whether lines have tags."""
        return TAGS in self.capabilities

    @property
    def commands(self) -> bool:
        """Whether it knows more than plain IRC."""
        return COMMANDS in self.capabilities

    def heard(self, line: Line) -> Answer:
        """The client said something."""
        match line.command:
            case "PING":
                return _pong(line)
            case "CAP":
                return self._cap(line)
            case "QUIT":
                return Answer(ends=True)
            case "PONG" | "USER":
                return Answer()
            case "PASS" | "NICK" if self.stage is Stage.ARRIVED:
                return self._register(line)
            case "PASS" | "NICK":
                return self._number("462", "You may not reregister")
            case "JOIN" | "PART" | "PRIVMSG" if self.stage is Stage.ARRIVED:
                return self._number("451", "You have not registered")
            case "JOIN":
                names = _channels(line)
                return Answer(commands=[Join(name) for name in names], channels=names)
            case "PART":
                names = _channels(line)
                return Answer(commands=[Part(id_of(name)) for name in names], channels=names)
            case "PRIVMSG":
                return self._say(line)
            case "WHISPER":
                return Answer([notice("whisper_restricted", "There are no whispers here.")])
        return self._number("421", "Unknown command", line.command)

    def welcomed(self, user: User | None) -> list[Line]:
        """The session has found who the client is; None: nobody, who only reads."""
        self.stage = Stage.WELCOME
        self.name = user.login if user else self.name
        texts = [
            ("001", "Welcome, GLHF!"),
            ("002", f"Your host is {SERVER}"),
            ("003", "This server is rather new"),
            ("004", "-"),
            ("375", "-"),
            ("372", "You are in a maze of twisty passages, all alike."),
            ("376", ">"),
        ]
        lines = [
            Line(source=SERVER, command=number, params=(self.name,), text=text)
            for number, text in texts
        ]
        return [*lines, global_user_state(user)] if user else lines

    def _number(self, number: str, text: str, *params: str) -> Answer:
        whom = self.name or "*"
        line = Line(source=SERVER, command=number, params=(whom, *params), text=text)
        return Answer([line])

    def _cap(self, line: Line) -> Answer:
        asked = line.said(1).split()
        match line.said(0).upper():
            case "LS":
                return self._told("LS", CAPABILITIES)
            case "LIST":
                return self._told("LIST", sorted(self.capabilities))
            case "END":
                return Answer()
            case "REQ" if all(each.removeprefix("-") in CAPABILITIES for each in asked):
                out = {each[1:] for each in asked if each.startswith("-")}
                self.capabilities = (self.capabilities | set(asked)) - out
                self.capabilities &= set(CAPABILITIES)
                return self._told("ACK", asked)
            case "REQ":
                return self._told("NAK", asked)
        return self._number("410", "Invalid CAP command")

    def _told(self, what: str, capabilities: Sequence[str]) -> Answer:
        text = " ".join(capabilities)
        return Answer([Line(source=SERVER, command="CAP", params=("*", what), text=text)])

    def _register(self, line: Line) -> Answer:
        if line.command == "PASS":
            self._password = line.said(0)
            return Answer()
        self.name = line.said(0).lower()
        if _ANONYMOUS.fullmatch(self.name):
            self.stage = Stage.GREETED
            return Answer(commands=[Hello("")])
        token = token_of(self._password)
        if token is None:
            return Answer([notice("", LOGIN_MALFORMED)], ends=True)
        self._password = ""
        self.stage = Stage.GREETED
        return Answer(commands=[Hello(token)])

    def _say(self, line: Line) -> Answer:
        names, text = _channels(line), line.said(1)
        if len(names) != 1 or not text:
            return self._number("412", "A message goes to one channel, and is not empty")
        if text.startswith(ACTION):
            text = "/me " + text.removeprefix(ACTION).removesuffix(ACTION_END)
        elif (found := _SLASH.match(text)) is not None:
            mark, command = found[1], found[2].lower()
            if command == "me":
                text = f"/me{text[3:]}"
            elif mark == "/" or _GONE.fullmatch(command):
                return Answer([_no_command(names[0], command)])
        self._said += 1
        said = Say(
            channel_id=id_of(names[0]),
            text=text,
            reply_to=line.tags.get("reply-parent-msg-id", "")[:_ID],
            nonce=nonce(self._said, line.tags.get("client-nonce", "")),
        )
        return Answer(commands=[said], channels=names)


def nonce(number: int, given: str) -> str:
    """What comes back with the verdict. `given`: what the client wants back, or empty."""
    return f"{number}:{given[:_NONCE]}"


def given_nonce(nonce: str) -> str:
    """What the client gave."""
    return nonce.partition(":")[2]


def _channels(line: Line) -> list[str]:
    """Names of channels, each once, without the `#`."""
    names = [each for each in line.said(0).split(",") if each.startswith("#")]
    return list(dict.fromkeys(each[1:].lower() for each in names))


def _pong(line: Line) -> Answer:
    text = line.said(0)
    if not text:  # tmi.js asks with nothing, and knows an answer only without a source
        return Answer([Line(command="PONG")])
    return Answer([Line(source=SERVER, command="PONG", params=(SERVER,), text=text)])


def _no_command(name: str, command: str) -> Line:
    if _GONE.fullmatch(command):
        code, text = "unavailable_command", f"/{command} is not taken here: the API has it."
    else:
        code, text = "unrecognized_cmd", f"There is no command /{command}."
    return Line(
        source=SERVER, command="NOTICE", params=(f"#{name}",), text=text, tags={"msg-id": code}
    )

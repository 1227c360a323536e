"""A client that speaks IRC, over WebSocket or TCP."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from api.chat.asking import Join
from api.chat.desk import Desk
from api.chat.dialect import Client, Failure, Joined, Place, User, Verdict, You
from api.chat.irc.conversation import Conversation, Stage, given_nonce
from api.chat.irc.dialect import IrcDialect
from api.chat.irc.lines import Line, read
from api.chat.irc.membership import Membership
from api.chat.irc.notices import (
    HELD,
    LOGIN_FAILED,
    WRONG_TOKEN,
    code_of_failure,
    code_of_rejection,
)
from api.chat.irc.words import SERVER, came, names, notice, room_state, user_state, went
from api.chat.rates import Rate
from api.chat.session import Session
from api.chat.sockets import Member
from infra.clock import Clock
from infra.errors import InvalidRecord
from infra.names import id_of

PING_SECONDS: Final = 240.0
"""Between pings in words of IRC: there are clients that go if they hear nothing for ten minutes."""
LINES: Final = Rate(100, 10)
"""What one connection may say; beyond it the connection ends."""
NAMED: Final = 200
"""Channels whose names are remembered for what is answered."""
_POLICY: Final = 1008


class Wire(Member, Protocol):
    """A connection of `api.chat.sockets`, or one over TCP (`api.chat.irc.tcp`)."""

    @property
    def buffered(self) -> int:
        """Bytes that wait for it."""
        ...

    @property
    def open(self) -> bool:
        """Whether it is there."""
        ...

    def resume(self) -> None:
        """Let groups write to it again."""
        ...

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End it, after what was sent before."""
        ...


class IrcClient:
    """One connection and its session. What `api.chat.dialect.Client` says, in words of IRC."""

    def __init__(
        self,
        wire: Wire,
        session: Callable[[Client], Session],
        clock: Clock,
        membership: Membership,
        *,
        frames: bool = True,
    ) -> None:
        """`frames`: whether texts of a WebSocket go over the wire, or lines as they are."""
        self._membership = membership
        self._wire = wire
        self._clock = clock
        self._conversation = Conversation()
        self._dialect = IrcDialect(frames=frames)
        self._user: User | None = None
        self._named: OrderedDict[str, Place] = OrderedDict()
        """Channels that the client has spoken of lately, by their ids."""
        self._joining: set[str] = set()
        """Those of them that it asked for, and that were not answered yet."""
        self._lines = (float(LINES.most), clock.monotonic())
        """How many more lines may come now, and when that was counted."""
        self.heard_at = clock.monotonic()
        """When the client last said something."""
        self._is_sent_away = False
        self.session = session(self)
        asyncio.get_running_loop().call_later(PING_SECONDS, self._ping)

    @property
    def dialect(self) -> IrcDialect:
        """See Client."""
        return self._dialect

    @property
    def member(self) -> Member:
        """See Client."""
        return self._wire

    @property
    def buffered(self) -> int:
        """See Client."""
        return self._wire.buffered

    @property
    def welcome(self) -> bool:
        """Whether the client has said who it is, and was told welcome."""
        return self._conversation.stage is Stage.WELCOME

    def heard(self, text: str) -> None:
        """The client said something: a line, or several."""
        self.heard_at = self._clock.monotonic()
        for raw in text.split("\n"):
            raw = raw.removesuffix("\r")
            if self._conversation.stage is Stage.ENDED:
                return
            if not self._may_go_on():
                self._end(notice("", "You say too much at once."), code=_POLICY)
            elif raw:
                self._take(raw)

    def send(self, data: bytes) -> None:
        """See Client."""
        self._wire.send(data)

    def resume(self) -> None:
        """See Client."""
        self._wire.resume()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """See Client."""
        self._conversation.stage = Stage.ENDED
        self._wire.close(code, reason)

    def welcomed(self, user: User | None) -> None:
        """See Client."""
        self._user = user
        self._tell(self._conversation.welcomed(user))

    def joined(self, joined: Joined) -> None:
        """See Client. What was said before is not told: IRC has no words for the past."""
        place, own = joined.place, self._conversation.name
        self._joining.discard(place.channel_id)
        others = self._membership.enter(self, place) if self._conversation.membership else ()
        lines = [came(place, own), *names(place, own, [own, *sorted({*others} - {own})])]
        if self._user is not None:
            lines.append(user_state(place, self._user, joined.you))
        self._tell([*lines, room_state(place, joined.settings)])

    def is_in(self, channel_id: str) -> bool:
        """See api.chat.irc.membership.Listener."""
        return self._wire.open and channel_id in self.session.seats

    def told_of(self, place: Place, came_in: Sequence[str], went_out: Sequence[str]) -> None:
        """See api.chat.irc.membership.Listener."""
        own = self._conversation.name
        lines = [came(place, login) for login in came_in if login != own]
        self._tell([*lines, *(went(place, login) for login in went_out if login != own)])

    def parted(self, place: Place) -> None:
        """See Client."""
        self._tell([went(place, self._conversation.name)])

    def changed(self, place: Place, you: You) -> None:
        """See Client."""
        if self._user is not None:
            self._tell([user_state(place, self._user, you)])

    def verdict(self, place: Place, you: You, verdict: Verdict) -> None:
        """See Client. What was said elsewhere by the same user is told there."""
        if not verdict.nonce or self._user is None:
            return
        if verdict.outcome == "sent":
            said = {"id": verdict.message_id}
            if given := given_nonce(verdict.nonce):
                said["client-nonce"] = given
            self._tell([user_state(place, self._user, you, said)])
            return
        held = verdict.outcome == "held"
        code = HELD if held else code_of_rejection(verdict.reason)
        self._tell([notice(code, verdict.detail, place)])

    def gap(self, place: Place, offset: int) -> None:
        """See Client."""
        self._tell([notice("", f"Some of what was said in #{place.login} is missing here.")])

    def failed(self, failure: Failure) -> None:
        """See Client."""
        if not failure.channel_id and self._conversation.stage is Stage.GREETED:
            wrong = failure.reason in WRONG_TOKEN
            self._end(notice("", LOGIN_FAILED if wrong else failure.detail))
            return
        joining = failure.channel_id in self._joining
        self._joining.discard(failure.channel_id)
        code = code_of_failure(failure.reason, joining=joining)
        self._tell([notice(code, failure.detail, self._named.get(failure.channel_id))])

    def reconnect(self, after_ms: int) -> None:
        """See Client. Clients of IRC come at once, so they are told when it is time."""
        if after_ms:
            asyncio.get_running_loop().call_later(after_ms / 1_000, self.reconnect, 0)
        elif not self._is_sent_away:
            self._is_sent_away = True
            self._tell([Line(source=SERVER, command="RECONNECT")])

    def _take(self, raw: str) -> None:
        try:
            line = read(raw)
        except InvalidRecord as error:
            self._tell([notice("", str(error))])
            return
        answer = self._conversation.heard(line)
        self._speak()
        if answer.ends:
            self._end(*answer.lines)
            return
        self._tell(answer.lines)
        for name in answer.channels:
            self._named[id_of(name)] = Place(id_of(name), name)
        while len(self._named) > NAMED:
            self._named.popitem(last=False)
        for command in answer.commands:
            if isinstance(command, Join):
                self._joining.add(id_of(command.channel))
            self.session.take(command)

    def _speak(self) -> None:
        """With the capabilities that were asked for; channels it is in are told anew."""
        spoken = IrcDialect(
            self._dialect.frames, tags=self._conversation.tags, commands=self._conversation.commands
        )
        if spoken == self._dialect:
            return
        seated = [seat for seat in self.session.seats.values() if seat.listens]
        for seat in seated:
            seat.stand()
        self._dialect = spoken
        for seat in seated:
            seat.sit(seat.told)

    def _may_go_on(self) -> bool:
        now = self._clock.monotonic()
        left, at = self._lines
        left = min(LINES.most, left + (now - at) * LINES.most / LINES.seconds)
        self._lines = (left - 1, now)
        return left >= 1

    def _ping(self) -> None:
        if not self._wire.open:
            return
        if self._clock.monotonic() - self.heard_at > 2 * PING_SECONDS:
            self._end(notice("", "Nothing was heard of you."))
            return
        self._tell([Line(command="PING", text=SERVER)])
        asyncio.get_running_loop().call_later(PING_SECONDS, self._ping)

    def _tell(self, lines: Iterable[Line]) -> None:
        if self._conversation.stage is Stage.ENDED:
            return
        if data := self._dialect.encode(lines):
            self._wire.send(data)

    def _end(self, *lines: Line, code: int = 1000) -> None:
        self._tell(lines)
        self.close(code)


class Irc:
    """Makes the clients of an edge, which share what is known of who is where."""

    def __init__(self, desk: Desk) -> None:
        self._clock = desk.clock
        self._membership = Membership(desk.presence.here)

    def client(
        self, wire: Wire, session: Callable[[Client], Session], *, frames: bool = True
    ) -> IrcClient:
        """The client of a new connection. `frames`: see IrcClient."""
        return IrcClient(wire, session, self._clock, self._membership, frames=frames)

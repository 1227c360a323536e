"""What one connection does in chats, whichever protocol it speaks."""

import asyncio
from collections import OrderedDict, deque
from math import ceil
from typing import Final
from uuid import uuid4

import structlog

from api.chat.asking import Command, Hello, Join, Part, Say
from api.chat.desk import FAILED, JOINS, SEATS, Desk
from api.chat.dialect import Client, Failure, User, Verdict, You
from api.chat.failures import failure, failure_of
from api.chat.rates import (
    ASKING,
    GREETING,
    JOINING,
    JOINING_AGAIN,
    SAYING,
    SAYING_MODERATOR,
    Rate,
)
from api.chat.resuming import Resuming
from api.chat.saying import message
from api.chat.seat import Seat
from api.commands import uuid7
from api.errors import TooMany
from api.oauth2.standing import Checked
from infra.errors import MillraceError, NotFound, Refused
from schemas.records.chat import (
    ChatCommandRefused,
    MessageHeld,
    MessageRejected,
    MessageSent,
)

log = structlog.get_logger()

__all__ = ["Command", "Hello", "Join", "Part", "Say", "Session"]

MOST_WAITING: Final = 120
"""Commands of one connection that wait for those before."""
MOST_PENDING: Final = 200
"""Messages of one connection without a verdict whose nonce is known."""
CHANNELS: Final = 100
CHANNELS_ANONYMOUS: Final = 20
SCOPES: Final = frozenset({"chat:edit", "user:write:chat"})
"""Who has one of them may speak."""
UNWANTED: Final = 4001
"""Close code: the access that the client came with was ended."""


class Session:
    """What a connection is signed in as, and where it is.

    Its client calls `take`, `lagging` and `drained` as these happen, and `end` once it is gone.
    """

    def __init__(self, desk: Desk, client: Client) -> None:
        self.session_id = str(uuid4())
        self.client = client
        self.user: User | None = None
        self.seats: dict[str, Seat] = {}
        """Where it is, by channel_id."""
        self._desk = desk
        self._checked: Checked | None = None
        self._waiting: deque[Command] = deque()
        self._working: asyncio.Task[None] | None = None
        self._resuming = Resuming(desk, client, self.seats)
        self._pending: OrderedDict[str, str] = OrderedDict()
        """Nonces of messages without a verdict."""

    @property
    def user_id(self) -> str:
        """Who it is; empty: nobody."""
        return self.user.user_id if self.user else ""

    @property
    def _may_speak(self) -> bool:
        return self._checked is not None and not SCOPES.isdisjoint(self._checked.principal.scopes)

    def take(self, command: Command) -> None:
        """Do what the client asks for, after what it asked for before; `Client` hears of it."""
        if self._desk.rates.take(ASKING, self.session_id):
            self._fail(failure("too-many-requests", "you ask for too much at once", command))
            return
        if self._working is None and self._at_once(command):
            return
        if len(self._waiting) >= MOST_WAITING:
            self._fail(failure("too-many-requests", "you ask for too much at once", command))
            return
        self._waiting.append(command)
        if self._working is None:
            self._working = asyncio.create_task(self._work())

    def lagging(self) -> None:
        """Too much waits for the client: it is passed over from here on."""
        self._resuming.lagging()

    def drained(self) -> None:
        """The client has taken all: tell it what it missed."""
        self._resuming.go_on()

    def catch_up(self) -> None:
        """See api.chat.seat.Sitter."""
        self._resuming.go_on()

    def end(self) -> None:
        """The connection is gone."""
        if self._working is not None:
            self._working.cancel()
        self._resuming.end()
        for seat in list(self.seats.values()):
            self._leave(seat)

    async def look_again(self) -> None:
        """Let go of who may not be here any more; see what they are now. Raises Unavailable."""
        if self.user is None or self._checked is None:
            return
        if not await self._desk.doorman.stays(self._checked):
            self.client.failed(Failure("access-ended", "the access you came with was ended"))
            self.client.close(UNWANTED, "access ended")
            return
        for seat in list(self.seats.values()):
            if seat.you.moderates:
                await self._you(seat)

    def decided(self, seat: Seat, record: MessageSent | MessageHeld | MessageRejected) -> None:
        """See api.chat.channel.Sitter."""
        nonce = self._pending.pop(record.message_id, "")
        match record:
            case MessageSent():
                verdict = Verdict(record.message_id, "sent", nonce)
            case MessageHeld():
                reason, detail = record.rule, "Moderators decide whether it is shown."
                verdict = Verdict(record.message_id, "held", nonce, reason, detail)
            case MessageRejected():
                verdict = Verdict(
                    record.message_id,
                    "rejected",
                    nonce,
                    record.reason,
                    record.detail,
                    record.retry_after_seconds,
                )
        self.client.verdict(seat.channel.place, seat.you, verdict)

    def refused(self, seat: Seat, refusal: ChatCommandRefused) -> None:
        """See api.chat.channel.Sitter."""
        failure = Failure(refusal.reason, refusal.detail, seat.channel.place.channel_id)
        self.client.failed(failure)

    async def _work(self) -> None:
        try:
            while self._waiting:
                command = self._waiting.popleft()
                try:
                    await self._do(command)
                except MillraceError as error:
                    self._fail(failure_of(error, command))
        finally:
            self._working = None

    def _at_once(self, command: Command) -> bool:
        """Do what nothing has to be looked up for; whether it was done."""
        if not isinstance(command, Say) or command.reply_to:
            return False
        if self.user is None or not self._may_speak:
            return False
        you = self._desk.facts.known(command.channel_id, self.user)
        if you is None or command.channel_id not in self.seats:
            return False
        try:
            self._say(command, self.user, you, None)
        except MillraceError as error:
            self._fail(failure_of(error, command))
        return True

    async def _do(self, command: Command) -> None:
        match command:
            case Hello():
                await self._greet(command)
            case Join():
                await self._join(command)
            case Part():
                self._part(command)
            case Say():
                await self._answer(command)

    async def _greet(self, hello: Hello) -> None:
        self._count(GREETING, self.session_id)
        if self.user is not None or self.seats:
            raise Refused("late-hello", "say who you are once, and before you join a channel")
        if not hello.token:
            self.client.welcomed(None)
            return
        checked = await self._desk.doorman.admit(hello.token)
        self.user = await self._desk.facts.user(checked.principal)
        self._checked = checked
        self.client.welcomed(self.user)

    async def _join(self, join: Join) -> None:
        resumes = join.since is not None and join.since >= 0
        self._count(JOINING_AGAIN if resumes else JOINING, self.user_id or self.session_id)
        most = CHANNELS if self.user else CHANNELS_ANONYMOUS
        place = await self._desk.facts.place(join.channel)
        if len(self.seats) >= most and place.channel_id not in self.seats:
            raise Refused("too-many-channels", f"you may be in {most} channels at most")
        you = await self._desk.facts.you(place.channel_id, self.user)
        channel = await self._desk.channels.open(place)
        if (before := self.seats.get(place.channel_id)) is not None:
            self._leave(before)
        seat = Seat(self, channel, you)
        self.seats[place.channel_id] = seat
        channel.add(seat)
        SEATS.inc()
        JOINS.labels("resumed" if resumes else "new").inc()
        try:
            await self._resuming.sit(seat, join.since if resumes else None)
        except BaseException:
            self._leave(seat)
            raise
        if self.user:
            self._desk.presence.came(place.channel_id, self.user.user_id, self.user.login)

    def _part(self, part: Part) -> None:
        seat = self._seat(part.channel_id)
        self._leave(seat)
        self.client.parted(seat.channel.place)

    def _leave(self, seat: Seat) -> None:
        place = seat.channel.place
        self.seats.pop(place.channel_id, None)
        SEATS.dec()
        if seat.channel.remove(seat) and self.user:
            self._desk.presence.went(place.channel_id, self.user.user_id, self.user.login)

    async def _answer(self, say: Say) -> None:
        """Say something that has to be looked up first."""
        if self.user is None:
            raise Refused("not-signed-in", "only who is signed in can say something")
        if not self._may_speak:
            raise Refused("missing-scope", "the token lacks the scope chat:edit")
        seat = self._seat(say.channel_id)
        you, parent = await self._you(seat), None
        if say.reply_to:
            parent = await self._said(seat, say.reply_to)
            if parent is None:
                raise NotFound("the message that you answer is not there (any more)")
        self._say(say, self.user, you, parent)

    async def _said(self, seat: Seat, message_id: str) -> MessageSent | None:
        """A message that stands: of the last ones, or of the history."""
        found = await self._desk.channels.message(seat.channel, message_id)
        channel_id = seat.channel.place.channel_id
        return found or await self._desk.facts.said(channel_id, message_id)

    def _say(self, say: Say, user: User, you: You, parent: MessageSent | None) -> None:
        self._count(SAYING_MODERATOR if you.moderates else SAYING, user.user_id)
        command = message(self.seats[say.channel_id].channel.place, user, you, say.text, parent)
        message_id = str(uuid7(self._desk.clock.now()))
        self._desk.speaking.put(
            self.session_id,
            say.channel_id,
            command,
            message_id,
            lambda reason, detail: self._fail(failure(reason, detail, say)),
        )
        self._pending[message_id] = say.nonce
        if len(self._pending) > MOST_PENDING:
            self._pending.popitem(last=False)

    async def _you(self, seat: Seat) -> You:
        """What the user is in a channel, and with whom they hear it."""
        you = await self._desk.facts.you(seat.channel.place.channel_id, self.user)
        if you != seat.you:
            seat.change(you)
            self.client.changed(seat.channel.place, you)
        return you

    def _seat(self, channel_id: str) -> Seat:
        seat = self.seats.get(channel_id)
        if seat is None:
            raise Refused("not-joined", "join the channel first")
        return seat

    def _count(self, rate: Rate, name: str) -> None:
        if wait := self._desk.rates.take(rate, name):
            raise TooMany(f"at most {rate.most} in {rate.seconds:g} seconds", ceil(wait))

    def _fail(self, failure: Failure) -> None:
        FAILED.labels(failure.reason).inc()
        self.client.failed(failure)

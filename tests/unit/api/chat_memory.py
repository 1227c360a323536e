"""Redis, clients and tokens for tests of chat sessions: in memory, and made to fail at will."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from api.chat.channels import Channels
from api.chat.desk import Desk
from api.chat.dialect import ChatSettings, Event, Failure, Joined, Place, User, Verdict, You
from api.chat.facts import Facts
from api.chat.presence import Presence
from api.chat.rates import Rates
from api.chat.session import Session
from api.chat.speaking import Speaking
from infra.clock import SystemClock
from infra.errors import Unavailable
from infra.names import id_of
from infra.record import Envelope, Meta, Record
from schemas.chat_stream import encode, key_of
from schemas.chat_stream import id_of as entry_id
from schemas.records.chat import MessageSent
from tests.functional.gateway import MemoryViews

LOGINS = ("ada", "bob", "cleo")
PLACE = Place(id_of("ada"), "ada")


def sent(number: int, by: str = "bob", **more: Any) -> MessageSent:
    empty = ("colour", "announcement_colour", "reply_to", "reply_user_id", "reply_login")
    fields: dict[str, Any] = {
        **dict.fromkeys(empty, ""),
        **dict.fromkeys(("reply_display_name", "reply_text", "thread_id", "approved_by"), ""),
        "channel_id": PLACE.channel_id,
        "message_id": f"m{number}",
        "user_id": id_of(by),
        "login": by,
        "display_name": by,
        "badges": [],
        "text": f"message {number}",
        "kind": "text",
        "emotes": [],
        "rules": "chat-1",
    }
    return MessageSent(**(fields | more))


class MemoryLink:
    """A stream a key, and who subscribes; what is published while the line is cut is not heard."""

    def __init__(self) -> None:
        self.listeners: list[Any] = []
        self.streams: defaultdict[str, list[tuple[int, int, bytes]]] = defaultdict(list)
        self.subscribed: set[str] = set()
        self.is_away = False
        self.asked: Counter[str] = Counter()
        self.refused = 0
        """Times that it was asked while it was away."""

    def listen(self, listener: Any) -> None:
        self.listeners.append(listener)

    def cut(self) -> None:
        self.subscribed.clear()
        for listener in self.listeners:
            listener.lost()

    def add(self, channel_id: str, entries: Iterable[tuple[int, bytes]]) -> None:
        """As the fan-out's script does it."""
        key = key_of(channel_id)
        stream = self.streams[key]
        reached = before = stream[-1][0] if stream else -1
        added = []
        for offset, entry in entries:
            if offset > reached:
                stream.append((offset, reached, entry))
                added.append(entry)
                reached = offset
        if added and key in self.subscribed and not self.is_away:
            batch = b'{"previous":%d,"entries":[%s]}' % (before, b",".join(added))
            for listener in self.listeners:
                listener.pushed([b"smessage", key.encode(), batch])

    async def tell(self, *words: Any) -> None:
        self._answers()
        if words[0] == "SSUBSCRIBE":
            self.subscribed.add(words[1])
        if words[0] == "SUNSUBSCRIBE":
            self.subscribed.discard(words[1])

    async def ask(self, *words: Any) -> Any:
        self._answers()
        self.asked[words[0]] += 1
        if words[0] not in ("XRANGE", "XREVRANGE"):
            return None
        found = [
            [
                entry_id(offset).encode(),
                [b"previous", str(previous).encode(), b"entry", entry],
            ]
            for offset, previous, entry in self.streams[words[1]]
        ]
        most = words[5]
        if words[0] == "XREVRANGE":
            return found[::-1][:most]
        after = int(words[2].removeprefix("(").split("-")[0])
        return [each for each in found if int(each[0].split(b"-")[0]) > after][:most]

    async def ask_all(self, commands: Any) -> list[Any]:
        return [await self.ask(*words) for words in commands]

    def _answers(self) -> None:
        if self.is_away:
            self.refused += 1
            raise Unavailable("Redis is away")


def entry(offset: int, record: Record, connection: str = "") -> tuple[int, bytes]:
    meta = Meta(
        event_id=f"e{offset}",
        occurred_at=offset,
        producer="chat",
        sequence=offset,
        correlation_id=connection,
    )
    return offset, encode(offset, 0, Envelope(meta, record))


@dataclass(frozen=True)
class OffsetsDialect:
    """Says the offsets of events, each with a space behind it."""

    echoes: bool = True
    name = "offsets"

    def events(self, place: Place, events: Sequence[Event]) -> bytes:
        return b"".join(b"%d " % event.offset for event in events)


class MemoryClient:
    """A client that may be slow: what it has not taken waits, and above a size it falls behind."""

    def __init__(self, dialect: OffsetsDialect | None = None, room: int = 10**9) -> None:
        self.dialect = dialect or OffsetsDialect()
        self.flowing = True
        self.told: list[bytes] = []
        self.offsets: list[int] = []
        self.notices: list[Any] = []
        self.gaps: list[int] = []
        self.joins: list[Joined] = []
        self.since = -1
        """What it was told before."""
        self.closed = 0
        self.buffered = 0
        self.session: Session
        self._room = room
        self.is_slow = False

    @property
    def member(self) -> "MemoryClient":
        return self

    def send(self, data: bytes) -> None:
        self.told.append(data)
        self.offsets += [int(each) for each in data.split()]
        if self.is_slow:
            self.buffered += len(data)
        if self.buffered > self._room and self.flowing:
            self.flowing = False
            self.session.lagging()

    def take_all(self) -> None:
        was, self.buffered = self.buffered, 0
        if was > self._room:
            self.session.drained()

    def resume(self) -> None:
        self.flowing = True

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = code

    def welcomed(self, user: User | None) -> None:
        self.notices.append(user)

    def joined(self, joined: Joined) -> None:
        self.joins.append(joined)
        if joined.resumed:
            self.offsets += [event.offset for event in joined.events]

    def parted(self, place: Place) -> None:
        self.notices.append(("parted", place))

    def changed(self, place: Place, you: You) -> None:
        self.notices.append(you)

    def verdict(self, place: Place, you: You, verdict: Verdict) -> None:
        self.notices.append(verdict)

    def gap(self, place: Place, offset: int) -> None:
        self.gaps.append(offset)

    def failed(self, failure: Failure) -> None:
        self.notices.append(failure)

    def reconnect(self, after_ms: int) -> None:
        self.notices.append(after_ms)


class Checked(msgspec.Struct):
    principal: Any


class AnyDoorman:
    """Whoever says their login is it."""

    async def admit(self, token: str) -> Any:
        from api.access import Principal

        return Checked(Principal(id_of(token), "test", frozenset({"chat:edit"})))

    async def stays(self, checked: Any) -> bool:
        return True


def a_desk(link: MemoryLink, publisher: Any = None, silent: Callable[[], None] = list) -> Desk:
    views, clock = MemoryViews(), SystemClock()
    for login in LOGINS:
        views.channel(id_of(login), login)
        views.put("users", id_of(login), login=login, display_name=login, roles="")
    facts = Facts(views, clock)

    async def settings(channel_id: str) -> ChatSettings:
        return ChatSettings()

    return Desk(
        doorman=AnyDoorman(),  # type: ignore[arg-type]
        facts=facts,
        channels=Channels(link, settings, clock, silent=silent),  # type: ignore[arg-type]
        speaking=Speaking(publisher, clock),
        presence=Presence(link, clock),  # type: ignore[arg-type]
        rates=Rates(clock),
        clock=clock,
        buffer=200,
    )


def a_session(desk: Desk, client: MemoryClient) -> Session:
    client.session = Session(desk, client)
    return client.session

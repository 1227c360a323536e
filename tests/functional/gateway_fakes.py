"""A whole gateway without servers: a log, a memory and a platform that decides, in memory."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from pydantic import SecretStr

from api.access import Principal
from api.app import make_app
from api.commands import Commands
from api.cursor import Cursor
from api.errors import Unauthorized
from api.eventsub.naming import Names
from api.eventsub.sockets import Sockets
from api.eventsub.subscriptions import Offer
from api.feed import FOLLOWERS_EACH, Wanted, taken
from api.idempotency import Asked
from api.log import Entry, Piece, Span, Told
from api.oauth2.authority import Authority
from api.oauth2.signing_keys import SigningKey, SigningKeys, new_key
from api.oauth2.standing import GrantTokens
from api.oauth2.tokens import AccessTokens
from api.places import Places
from api.publishing import Publishing
from api.routes import Route
from api.sender import Sender
from api.v1.events import Events
from infra.clock import ManualClock
from infra.kafka import Delivery, partition_of
from infra.passwords import Passwords
from infra.record import Meta, Record
from infra.sealing import MasterKeys, new_master_key
from schemas.registry import registry
from schemas.sources import Topic, topics
from tests.functional.gateway import MemoryViews

PARTITIONS = 4


class FakeTokens:
    """A token is `<client>[/<user>]~scope~scope…`; a scope `role.x` is a role."""

    async def verify(self, bearer: str) -> Principal:
        name, *scopes = bearer.split("~")
        client, _, user = name.partition("/")
        if not client.startswith("test"):
            raise Unauthorized("invalid_token", "the token is not one of ours")
        roles = {scope.removeprefix("role.") for scope in scopes if scope.startswith("role.")}
        return Principal(user or None, client, frozenset(scopes), frozenset(roles))


def bearer(*scopes: str, client: str = "test", **more: str) -> dict[str, str]:
    token, name = "~".join((client, *scopes)), client.partition("/")[0]
    return {"Authorization": f"Bearer {token}", "Client-Id": name, **more}


class MemoryRequests:
    """Requests under their keys."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, Asked]] = {}

    async def begin(self, identity: str, fingerprint: str, owner: str) -> Asked:
        known = self.known.get(identity)
        if known is None:
            self.known[identity] = fingerprint, Asked("sending", owner=owner)
            return Asked("new", owner=owner)
        return known[1] if known[0] == fingerprint else Asked("other")

    async def sent(self, identity: str) -> None:
        self._set(identity, state="sent")

    async def done(self, identity: str, answer: bytes) -> None:
        self._set(identity, state="done", answer=answer)

    async def forget(self, identity: str) -> None:
        self.known.pop(identity, None)

    async def look(self, identity: str) -> Asked | None:
        known = self.known.get(identity)
        return known[1] if known else None

    def _set(self, identity: str, **more: Any) -> None:
        fingerprint, asked = self.known[identity]
        self.known[identity] = fingerprint, msgspec.structs.replace(asked, **more)


class MemoryLog:
    """Messages by partition: writer, pages, finder and feeds in one."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.kept: dict[str, list[list[Entry]]] = {
            name: [[] for _ in range(PARTITIONS)] for name in topics
        }

    async def post(
        self, topic: str, key: str, event: Record, *, event_id: str | None = None
    ) -> "asyncio.Future[Delivery]":
        where = partition_of(key.encode(), PARTITIONS)
        kept = self.kept[topic][where]
        identity = event_id or str(uuid.uuid4())
        meta = Meta(event_id=identity, occurred_at=0, producer="memory", sequence=len(kept))
        told = Told(topic, where, len(kept), key, event.FULL_NAME, meta, event)
        text = msgspec.json.encode(told)
        kept.append(Entry(where, len(kept), 0, key, event.FULL_NAME, meta, text))
        future: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        future.set_result(Delivery(identity, topic, where, len(kept) - 1))
        return future

    async def span(self, topic: str) -> Span:
        return Span([0] * PARTITIONS, [len(kept) for kept in self.kept[topic]])

    async def page(
        self, topic: str, starts: Mapping[int, int], ends: Sequence[int]
    ) -> AsyncIterator[Piece]:
        for partition, start in starts.items():
            yield Piece(partition, ends[partition], self.kept[topic][partition][start:])

    async def offsets_at(self, topic: str, time: int) -> list[int]:
        return [len(kept) if time else 0 for kept in self.kept[topic]]

    async def find(
        self, topic: str, key: str, ids: Collection[str], since: int
    ) -> dict[str, Delivery]:
        return {}

    async def follow(
        self, cursor: Cursor, principal: str, wanted: Wanted, **_: Any
    ) -> AsyncIterator[list[tuple[Entry, str]]]:
        """What there is, and then the end: a test does not wait for more."""
        assert FOLLOWERS_EACH
        yield []
        for kept in self.kept[cursor.topic]:
            yield taken(cursor, kept, wanted)

    async def close(self) -> None:
        pass


class MemoryPresence:
    """Sessions of all gateways."""

    def __init__(self) -> None:
        self.known: set[str] = set()

    async def here(self, session_ids: Iterable[str]) -> None:
        self.known |= set(session_ids)

    async def gone(self, session_id: str) -> None:
        self.known.discard(session_id)

    async def is_here(self, session_id: str) -> bool:
        return session_id in self.known


class AtOnce:
    """A platform that has decided before anyone looks: sets the outcome when a row is watched."""

    def __init__(self, views: MemoryViews) -> None:
        self._views = views

    @asynccontextmanager
    async def watching(self, view: str, key: str) -> AsyncIterator[asyncio.Event]:
        yield asyncio.Event()


def open_topics() -> dict[str, Topic]:
    """Topics of identity and broadcast, open to services both ways."""
    return {
        name: msgspec.structs.replace(
            topic, writers=[*topic.writers, "services"], readers=[*topic.readers, "services"]
        )
        for name, topic in topics().items()
        if name in ("identity-commands", "broadcast-events")
    }


def an_authority(
    url: str,
    master: MasterKeys,
    views: MemoryViews,
    commands: Commands,
    sender: Sender,
    clock: ManualClock,
    **more: Any,
) -> Authority:
    """Whoever signs people in, with one key and cheap passwords."""
    made = new_key(master, clock.now())
    key = SigningKey.of({name: getattr(made, name) for name in SigningKey.__struct_fields__})
    tokens = AccessTokens(url, url, SigningKeys([key], master), clock)
    return Authority(
        url=url,
        views=views,
        commands=commands,
        sender=sender,
        tokens=tokens,
        checking=GrantTokens(tokens, views, clock),
        master=master,
        passwords=Passwords(time_cost=1, memory_kib=8, lanes=1),
        clock=clock,
        **more,
    )


def whole_app(views: MemoryViews, *more: Route, folder: Path = Path()) -> web.Application:
    """The gateway with everything that it can offer."""
    clock, memory, known = ManualClock(), MemoryRequests(), open_topics()
    log: Any = MemoryLog(known)
    sender = Sender(log)
    commands = Commands(sender, AtOnce(views), views, memory, log, clock)
    master = MasterKeys(SecretStr(new_master_key()))
    return make_app(
        views,
        clock=clock,
        places=Places(),
        folder=folder,
        tokens=FakeTokens(),
        master=MasterKeys(SecretStr("A" * 43)),
        asking=commands,
        authority=an_authority("http://m.test", master, views, commands, sender, clock),
        following=Events(
            known, log, log, Publishing(known, registry(), sender, memory, log, clock)
        ),
        eventsub=Offer(
            Sockets(log, log, Names(views), sender, commands, MemoryPresence(), master, clock),
            master,
        ),
        more=more,
    )

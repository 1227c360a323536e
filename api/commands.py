"""Commands and their outcomes: publish, then wait until the views say what came of it."""

import asyncio
import secrets
import uuid
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol, TypeVar

import msgspec

from api.access import Principal
from api.deadline import standing_still
from api.errors import CommandRefused, Undecided
from api.idempotency import Memory, fingerprint_of, identity_of, spent
from api.sender import Message, NotSent, Sender
from api.views import OUTCOMES, Views
from infra.clock import Clock
from infra.kafka import Delivery
from infra.record import Meta, Record
from schemas import records

LOOK_SECONDS: Final = 1.0
"""A row is looked at this often at least, in case that it was written unheard."""

Event = TypeVar("Event", bound=Record)


class Watch(Protocol):
    """Says when a row is written. Implemented by `sinks.watch.RedisWatch`."""

    def watching(self, view: str, key: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """An event that is set when the row is written, from now on. Raises Unavailable."""
        ...


class Finder(Protocol):
    """Looks for messages on the log. Implemented by `api.log.Log`."""

    async def find(
        self, topic: str, key: str, ids: Collection[str], since: int
    ) -> dict[str, Delivery]:
        """Those of the messages that were written since then (microseconds). Raises Unavailable."""
        ...


class Outcome(msgspec.Struct, frozen=True):
    """An event that came of a command."""

    type: str
    """Avro full name."""
    meta: Meta
    data: Any
    """Its fields."""


class Commands:
    """Asks the platform for decisions."""

    def __init__(
        self,
        sender: Sender,
        watch: Watch,
        views: Views,
        memory: Memory,
        finder: Finder,
        clock: Clock,
    ) -> None:
        self._sender = sender
        self._watch = watch
        self._views = views
        self._memory = memory
        self._finder = finder
        self._clock = clock

    async def ask(
        self,
        topic: str,
        key: str,
        command: Record,
        principal: Principal,
        *outcomes: type[Event],
        seconds: float = 5.0,
        idempotency_key: str | None = None,
    ) -> Event:
        """Publish a command and wait for an event of one of the kinds `outcomes`.

        With an idempotency key the same command gives the same outcome for a day, and is written
        once. Raises CommandRefused if it was refused, Undecided if it is on the log and nothing is
        known after `seconds`, Unprocessable if the key was used for another command, and
        Unavailable: then nothing is known of it, and only a key makes it safe to try again.
        """
        if idempotency_key is None:
            identity, known = str(uuid7(self._clock.now())), False
        else:
            identity = identity_of(principal.name, idempotency_key)
            answer, known = await self._begin(identity, topic, key, command, principal)
            if answer:
                return _decided(answer, outcomes)
        async with self._watch.watching(OUTCOMES, identity) as written:
            if not known:
                message = Message(topic, key, command, identity)
                await self._send(message, idempotency_key is not None)
            with standing_still(seconds + LOOK_SECONDS):  # it is on the log: the platform decides
                found = await self._wait(identity, outcomes, written, seconds)
        if found is None:
            if idempotency_key is None:
                await self._memory.begin(identity, "", principal.name)
            raise Undecided(identity)
        if idempotency_key is not None:
            await self._memory.done(identity, found)
        return _decided(found, outcomes)

    async def look(self, identity: str, principal: Principal) -> list[Outcome] | None:
        """What came of a command of this principal so far; None if it is not known (any more)."""
        asked = await self._memory.look(identity)
        if asked is None or asked.owner != principal.name:
            return None
        row = await self._views.get(OUTCOMES, identity)
        kept = {**_kept(asked.answer), **(row or {})}
        return [_outcome(name, text) for name, text in kept.items() if name in records.BY_NAME]

    async def _begin(
        self, identity: str, topic: str, key: str, command: Record, principal: Principal
    ) -> tuple[bytes, bool]:
        """(the answer that was given before, whether the command is already on its way)."""
        parts = (topic, key, command.FULL_NAME)
        fingerprint = fingerprint_of(
            *(part.encode() for part in parts), msgspec.json.encode(command)
        )
        asked = await self._memory.begin(identity, fingerprint, principal.name)
        if asked.state == "other":
            raise spent()
        if asked.state == "stale":
            on_log = await self._finder.find(topic, key, {identity}, asked.since)
            return b"", bool(on_log)
        return asked.answer, asked.state != "new"

    async def _send(self, message: Message, remembered: bool) -> None:
        try:
            await self._sender.send([message], self._sent if remembered else None)
        except NotSent:
            if remembered:
                await self._memory.forget(message.event_id)
            raise

    async def _sent(self, deliveries: Sequence[Delivery]) -> None:
        await self._memory.sent(deliveries[0].event_id)

    async def _wait(
        self,
        identity: str,
        outcomes: tuple[type[Event], ...],
        written: asyncio.Event,
        seconds: float,
    ) -> bytes | None:
        """The first event that decides, as it is kept."""
        until = self._clock.monotonic() + seconds
        while True:
            written.clear()
            row = await self._views.get(OUTCOMES, identity) or {}
            if name := _deciding(row, outcomes):
                return f"{name} {row[name]}".encode()
            left = until - self._clock.monotonic()
            if left <= 0:
                return None
            try:
                await asyncio.wait_for(written.wait(), min(left, LOOK_SECONDS))
            except TimeoutError:
                continue


def uuid7(now: int) -> uuid.UUID:
    """A UUID that sorts by time (RFC 9562, section 5.7). `now` is in microseconds."""
    value = (now // 1000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 7 << 76
    return uuid.UUID(int=value & ~(0b11 << 62) | 0b10 << 62)


def _deciding(row: Any, outcomes: tuple[type[Event], ...]) -> str:
    for kind in outcomes:
        if kind.FULL_NAME in row:
            return kind.FULL_NAME
    return next((name for name in row if _refuses(name)), "")


def _refuses(name: str) -> bool:
    return name.endswith("Refused")


def _decided(kept: bytes, outcomes: tuple[type[Event], ...]) -> Event:
    ((name, text),) = _kept(kept).items()
    for kind in outcomes:
        if name == kind.FULL_NAME:
            return msgspec.convert(_outcome(name, text).data, kind)
    refusal = _outcome(name, text).data
    raise CommandRefused(refusal["reason"], refusal.get("detail", ""))


def _kept(answer: bytes) -> dict[str, str]:
    name, _, text = answer.decode().partition(" ")
    return {name: text} if name else {}


def _outcome(name: str, text: str) -> Outcome:
    found = msgspec.json.decode(text)
    return Outcome(name, msgspec.convert(found["meta"], Meta), found["event"])

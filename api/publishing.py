"""What services say: checked as a whole, then written as a whole."""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Protocol

import msgspec

from api.access import Principal
from api.commands import Finder, uuid7
from api.errors import Conflict, TooLarge, Unprocessable
from api.idempotency import Memory, fingerprint_of, identity_of, spent
from api.pointers import escaped, pointer_and_reason
from api.sender import Message, NotSent, Sender
from infra.clock import Clock
from infra.errors import InvalidRecord, NotFound
from infra.kafka import Delivery
from infra.record import Codec, Meta, Record
from schemas import records

SERVICES: Final = "services"
"""The writer and the reader in a topic's file that stand for services outside."""
MOST_EVENTS: Final = 500
_LONGEST_KEY: Final = 256
_FIELD = re.compile(r"[\w.]+\.(\w+): ")
_META: Final = Meta(
    event_id=str(uuid.UUID(int=0)), occurred_at=1 << 50, producer="gateway-" + "0" * 12, sequence=1
)
"""Stands in for the real one while a message is checked."""


class Topic(Protocol):
    """What is known of a topic. Implemented by `schemas.sources.Topic`."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def writers(self) -> list[str]: ...  # noqa: D102
    @property
    def readers(self) -> list[str]: ...  # noqa: D102
    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def events(self) -> list[str]: ...  # noqa: D102
    @property
    def max_message_bytes(self) -> int: ...  # noqa: D102


class NewEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message to be written."""

    type: Annotated[str, msgspec.Meta(max_length=200)]
    """Name of its record, with or without its namespace: `RegisterChannel`."""
    data: dict[str, Any]
    """The fields of the record, without `meta`; bytes in Base64."""


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Messages to be written: all of them, or none."""

    events: Annotated[list[NewEvent], msgspec.Meta(min_length=1, max_length=MOST_EVENTS)]


class Written(msgspec.Struct, frozen=True):
    """Where a message is on the log."""

    event_id: str
    partition: int
    offset: int


class Publication(msgspec.Struct, frozen=True):
    """Where the messages of a batch are, in its order."""

    topic: str
    events: list[Written]


class Publishing:
    """Writes batches to the topics that are open to services."""

    def __init__(
        self,
        topics: Mapping[str, Topic],
        codec: Codec,
        sender: Sender,
        memory: Memory,
        finder: Finder,
        clock: Clock,
    ) -> None:
        self._topics = topics
        self._codec = codec
        self._sender = sender
        self._memory = memory
        self._finder = finder
        self._clock = clock

    async def publish(
        self, topic: str, batch: Batch, principal: Principal, idempotency_key: str | None
    ) -> Publication:
        """Write a batch; with a key, once a day at most, whoever fails in between.

        Raises NotFound for a topic that is closed to services, Unprocessable with a pointer to the
        first thing that is wrong, Conflict while the same batch is being written, Unavailable.
        """
        found = self._topic(topic)
        checked = [self._checked(found, n, event) for n, event in enumerate(batch.events)]
        if idempotency_key is None:
            return await self._write(
                found, [(*each, str(uuid7(self._clock.now()))) for each in checked], {}, None
            )
        identity = identity_of(principal.name, idempotency_key)
        fingerprint = fingerprint_of(topic.encode(), msgspec.json.encode(batch))
        asked = await self._memory.begin(identity, fingerprint, principal.name)
        match asked.state:
            case "other":
                raise spent()
            case "done":
                return msgspec.json.decode(asked.answer, type=Publication)
            case "sending":
                raise Conflict("being-written", "The same batch is being written.")
        messages = [
            (*each, str(uuid.uuid5(uuid.UUID(identity), str(n)))) for n, each in enumerate(checked)
        ]
        there = await self._there(topic, messages, asked.since) if asked.state == "stale" else {}
        return await self._write(found, messages, there, identity)

    async def _write(
        self,
        topic: Topic,
        messages: Sequence[tuple[str, Record, str]],
        there: Mapping[str, Delivery],
        identity: str | None,
    ) -> Publication:
        """Write what is not there yet, and remember the answer under `identity`."""
        missing = [
            Message(topic.name, key, event, event_id)
            for key, event, event_id in messages
            if event_id not in there
        ]

        def publication(deliveries: Sequence[Delivery]) -> Publication:
            order = [event_id for _, _, event_id in messages]
            return _publication(topic.name, order, [*there.values(), *deliveries])

        async def remember(deliveries: Sequence[Delivery]) -> None:
            if identity is not None:
                await self._memory.done(identity, msgspec.json.encode(publication(deliveries)))

        try:
            return publication(await self._sender.send(missing, remember))
        except NotSent:
            if identity is not None and not there:
                await self._memory.forget(identity)
            raise

    async def _there(
        self, topic: str, messages: Sequence[tuple[str, Record, str]], since: int
    ) -> dict[str, Delivery]:
        by_key: dict[str, set[str]] = {}
        for key, _, event_id in messages:
            by_key.setdefault(key, set()).add(event_id)
        found: dict[str, Delivery] = {}
        for key, ids in by_key.items():
            found |= await self._finder.find(topic, key, ids, since)
        return found

    def _topic(self, name: str) -> Topic:
        found = self._topics.get(name)
        if found is None or SERVICES not in found.writers:
            raise NotFound("There is no such topic that services may write to.")
        return found

    def _checked(self, topic: Topic, n: int, given: NewEvent) -> tuple[str, Record]:
        """Key and record of a message. Raises Unprocessable, TooLarge."""
        where = f"/events/{n}"
        kind = _kind(topic, given.type)
        if kind is None:
            raise Unprocessable(f"{given.type} is not a record of {topic.name}", f"{where}/type")
        fields = {field.name for field in msgspec.structs.fields(kind)}
        for name in given.data:
            if name not in fields:
                pointer = f"{where}/data/{escaped(name)}"
                raise Unprocessable(f"{kind.FULL_NAME} has no such field", pointer)
        try:
            event = msgspec.convert(given.data, kind)
        except msgspec.ValidationError as error:
            pointer, reason = pointer_and_reason(error)
            raise Unprocessable(reason, f"{where}/data{pointer}") from error
        try:
            size = len(self._codec.encode(_META, event))
        except InvalidRecord as error:
            field = _FIELD.match(str(error))
            pointer = f"{where}/data/{field[1]}" if field else where
            raise Unprocessable(str(error), pointer) from error
        if size + 1024 > topic.max_message_bytes:
            raise TooLarge(f"{where}: {size} bytes, at most {topic.max_message_bytes - 1024}")
        key = getattr(event, topic.key, None)
        if not isinstance(key, str) or not 0 < len(key) <= _LONGEST_KEY:
            raise Unprocessable(
                f"must have 1 to {_LONGEST_KEY} characters", f"{where}/data/{topic.key}"
            )
        return key, event


def _kind(topic: Topic, name: str) -> type[Record] | None:
    """The record of that name; ticks are the clock's alone."""
    for full in topic.events:
        if name in (full, full.rpartition(".")[2]) and not full.startswith("millrace.clock."):
            return records.BY_NAME[full]
    return None


def _publication(topic: str, order: Sequence[str], deliveries: Sequence[Delivery]) -> Publication:
    by_id = {each.event_id: each for each in deliveries}
    return Publication(
        topic, [Written(name, by_id[name].partition, by_id[name].offset) for name in order]
    )

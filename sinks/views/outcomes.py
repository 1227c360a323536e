"""What became of each command that was asked for directly: its events, for some minutes."""

from typing import Final

import msgspec

from infra.record import Envelope, Meta
from schemas import sources
from sinks.view import Change, Upsert, View

KEPT_SECONDS: Final = 300
"""How long an outcome can be asked for."""
_ID_LENGTH: Final = 36
"""A command that is waited for has a UUID."""


class Outcome(msgspec.Struct, frozen=True):
    """One event as it is kept, in JSON."""

    meta: Meta
    event: object


def project(message: Envelope) -> list[Change]:
    """An event lies under the command that caused it, in the column of its kind.

    Only a command that nothing else led to has somebody who waits: one whose own id is the
    correlation id. What agents ask of each other is left out. Of two events of a kind under one
    command the later one stays.
    """
    meta = message.meta
    cause = meta.causation_id
    if cause is None or cause != meta.correlation_id or len(cause) != _ID_LENGTH:
        return []
    text = msgspec.json.encode(Outcome(meta, message.event)).decode()
    return [Upsert(cause, {message.event.FULL_NAME: text})]


def _topics() -> tuple[str, ...]:
    """Events of the workers that the gateway asks."""
    topics = sources.topics()
    asked = {
        reader
        for topic in topics.values()
        if topic.name.endswith("-commands") and "gateway" in topic.writers
        for reader in topic.readers
    }
    events = (topic for topic in topics.values() if topic.name.endswith("-events"))
    return tuple(topic.name for topic in events if not asked.isdisjoint(topic.writers))


VIEW = View(
    name="outcomes",
    purpose="What became of a command, under its id, for some minutes.",
    topics=_topics(),
    store="redis",
    key={"command_id": str},
    columns={event: str for topic in _topics() for event in sources.topics()[topic].events},
    project=project,
    expires=KEPT_SECONDS,
)

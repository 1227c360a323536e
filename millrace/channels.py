"""Makes channels and stream keys from the command line: commands out, and what was decided."""

import asyncio
import hashlib
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.errors import ConfigurationError, Refused, Unavailable
from infra.kafka import EventProducer, LogReader, partition_of
from infra.local.layout import Layout
from infra.record import Envelope
from schemas import sources
from schemas.records.identity import (
    ChannelRegistered,
    CommandRefused,
    IssueStreamKey,
    RegisterChannel,
    StreamKeyIssued,
    StreamKeyRevoked,
)
from schemas.registry import registry

_CHANNELS: Final = uuid.UUID("5a1a8f0e-6f0b-5d3c-9a55-6f2f5b1f6c11")
_DEADLINE: Final = 30.0
_ASK_EVERY: Final = 0.1


@dataclass(frozen=True)
class StreamKey:
    """The secret that a broadcaster types into OBS: `live_<key id>_<secret>`."""

    text: str

    def __repr__(self) -> str:
        return f"StreamKey({self.key_id})"

    @property
    def key_id(self) -> str:
        """The part that is not secret."""
        return self.text.split("_")[1]

    @property
    def digest(self) -> str:
        """What the platform keeps of it: SHA-256, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def new_key() -> StreamKey:
    """A key that nobody has: 192 random bits."""
    return StreamKey(f"live_{secrets.token_hex(6)}_{secrets.token_hex(24)}")


def kept_key(layout: Layout, name: str) -> StreamKey:
    """The key that this machine publishes to a channel with: made once, readable by its owner."""
    path = _key_file(layout, name)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(0o600)
        path.write_text(new_key().text)
    text = path.read_text().strip()
    if text.count("_") != 2 or not text.startswith("live_"):
        raise ConfigurationError(f"{path} holds no stream key: delete it to get a new one")
    return StreamKey(text)


def channel_id_of(name: str) -> str:
    """The id of a channel: follows from its name, so that a name belongs to one channel."""
    return str(uuid.uuid5(_CHANNELS, name))


async def ensure(
    bootstrap: str, name: str, key: StreamKey | None, *, title: str = "", category: str = ""
) -> str:
    """Make a channel exist, with `key` as its one valid key; returns the channel's id.

    Saying it again changes nothing. Raises Refused if a rule forbids it, and Unavailable if nothing
    decides within 30 seconds.
    """
    channel_id = channel_id_of(name)
    register = RegisterChannel(
        channel_id=channel_id, name=name, title=title or name, category=category
    )
    commands: list[RegisterChannel | IssueStreamKey] = [register]
    if key is not None:
        commands.append(
            IssueStreamKey(channel_id=channel_id, key_id=key.key_id, key_digest=key.digest)
        )
    async with (
        EventProducer(bootstrap, registry(), role="cli", partitions=sources.partitions) as producer,
        LogReader(bootstrap) as reader,
    ):
        sent = [await producer.send("identity-commands", channel_id, each) for each in commands]
        outcome = _Outcome(channel_id, {each.event_id for each in sent})
        try:
            async with asyncio.timeout(_DEADLINE):
                await _follow(reader, outcome, key)
        except TimeoutError as error:
            raise Unavailable(
                f"nothing decided about channel {name} within {_DEADLINE:.0f} s: is "
                "`millrace worker identity` running? See `millrace status`"
            ) from error
    return channel_id


class _Outcome:
    """What the log says of a channel: a fold of `identity-events`."""

    def __init__(self, channel_id: str, commands: set[str]) -> None:
        self._channel_id = channel_id
        self._commands = commands
        self.registered = False
        self.key_id: str | None = None

    def fold(self, said: Envelope) -> None:
        """Take one more event. Raises Refused if it refuses one of our commands."""
        match said.event:
            case CommandRefused(detail=detail, reason=reason):
                if said.meta.causation_id in self._commands:
                    raise Refused(reason, detail)
            case ChannelRegistered(channel_id=self._channel_id):
                self.registered = True
            case StreamKeyIssued(channel_id=self._channel_id, key_id=key_id):
                self.key_id = key_id
            case StreamKeyRevoked(channel_id=self._channel_id):
                self.key_id = None


async def _follow(reader: LogReader, outcome: _Outcome, key: StreamKey | None) -> None:
    """Fold the channel's partition until the channel is as it was asked to be."""
    partitions = await reader.partitions("identity-events")
    where = partitions[partition_of(outcome._channel_id.encode(), len(partitions))]
    starts = await reader.begins([where])
    while not (outcome.registered and (key is None or outcome.key_id == key.key_id)):
        ends = await reader.ends([where])
        async for batch in reader.read(starts, ends):
            for record in batch:
                outcome.fold(registry().decode(record.value))
        starts = ends
        await asyncio.sleep(_ASK_EVERY)


def _key_file(layout: Layout, name: str) -> Path:
    return layout.data / "keys" / f"{name}.key"

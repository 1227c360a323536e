"""Makes channels and stream keys from the command line: commands out, and what was decided."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from aiokafka import TopicPartition

from infra.errors import ConfigurationError, Refused, Unavailable
from infra.kafka import EventProducer, LogReader, partition_of
from infra.local.layout import Layout
from infra.names import id_of
from infra.record import Envelope
from schemas import sources
from schemas.records.identity import (
    ChannelRegistered,
    ChannelUpdated,
    CommandRefused,
    IssueStreamKey,
    RegisterChannel,
    StreamKeyIssued,
    StreamKeyRevoked,
)
from schemas.records.transcode import SetTier
from schemas.registry import registry

Tier = Literal["partner", "affiliate", "regular"]
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
    """A key that nobody has: 128 secret bits."""
    return StreamKey(f"live_{secrets.token_hex(6)}_{secrets.token_hex(16)}")


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


async def ensure(
    bootstrap: str,
    name: str,
    key: StreamKey | None,
    *,
    title: str | None = None,
    category: str = "",
) -> str:
    """Make a channel exist, with `key` as its one valid key; returns the channel's id.

    Without a title, a channel that exists stays as it is described. Raises Refused if a rule
    forbids it, and Unavailable if nothing decides within 30 seconds.
    """
    channel_id = id_of(name)
    async with (
        EventProducer(bootstrap, registry(), role="cli", partitions=sources.partitions) as producer,
        LogReader(bootstrap) as log,
    ):
        channel = _Channel(log, channel_id)
        await channel.catch_up()
        described = channel.described if title is None else None
        wanted = described or (title or name, category)
        commands = _commands(channel_id, name, wanted, key)
        for command in commands:
            sent = await producer.send("identity-commands", channel_id, command)
            channel.asked.add(sent.event_id)
        try:
            async with asyncio.timeout(_DEADLINE):
                while not channel.is_as(wanted, key):
                    await asyncio.sleep(_ASK_EVERY)
                    await channel.catch_up()
        except TimeoutError as error:
            raise Unavailable(
                f"nothing decided about channel {name} within {_DEADLINE:.0f} s: is "
                "`millrace worker identity` running? See `millrace status`"
            ) from error
    return channel_id


async def set_tier(bootstrap: str, pool: str, name: str, tier: Tier) -> None:
    """Say which renditions a channel may have. Raises Unavailable.

    A channel that belongs to a user has the tier of the user's roles; this is for the others.
    """
    command = SetTier(pool=pool, channel_id=id_of(name), tier=tier)
    async with EventProducer(
        bootstrap, registry(), role="cli", partitions=sources.partitions
    ) as producer:
        await producer.send("transcode-commands", pool, command)


def _commands(
    channel_id: str, name: str, described: tuple[str, str], key: StreamKey | None
) -> list[RegisterChannel | IssueStreamKey]:
    """What to ask for. Asking for what is so already changes nothing."""
    title, category = described
    register = RegisterChannel(channel_id=channel_id, name=name, title=title, category=category)
    if key is None:
        return [register]
    issue = IssueStreamKey(channel_id=channel_id, key_id=key.key_id, key_digest=key.digest)
    return [register, issue]


class _Channel:
    """What the log says of a channel: a fold of its partition of `identity-events`."""

    def __init__(self, log: LogReader, channel_id: str) -> None:
        self._log = log
        self._channel_id = channel_id
        self._position: dict[TopicPartition, int] = {}
        self.asked: set[str] = set()
        """Ids of our commands: a refusal of one of them is for us."""
        self.described: tuple[str, str] | None = None
        """Title and category; None while there is no such channel."""
        self.key_id: str | None = None

    def is_as(self, described: tuple[str, str], key: StreamKey | None) -> bool:
        """Whether the channel is as it was asked to be."""
        return self.described == described and (key is None or self.key_id == key.key_id)

    async def catch_up(self) -> None:
        """Fold what has been written since. Raises Refused if it refuses one of our commands."""
        if not self._position:
            partitions = await self._log.partitions("identity-events")
            where = partitions[partition_of(self._channel_id.encode(), len(partitions))]
            self._position = await self._log.begins([where])
        ends = await self._log.ends(self._position)
        async for batch in self._log.read(self._position, ends):
            for record in batch:
                self._fold(registry().decode(record.value))
        self._position = ends

    def _fold(self, said: Envelope) -> None:
        match said.event:
            case CommandRefused(detail=detail, reason=reason):
                if said.meta.causation_id in self.asked:
                    raise Refused(reason, detail)
            case ChannelRegistered(channel_id=self._channel_id, title=title, category=category):
                self.described = (title, category)
            case ChannelUpdated(channel_id=self._channel_id, title=title, category=category):
                self.described = (title, category)
            case StreamKeyIssued(channel_id=self._channel_id, key_id=key_id):
                self.key_id = key_id
            case StreamKeyRevoked(channel_id=self._channel_id):
                self.key_id = None


def _key_file(layout: Layout, name: str) -> Path:
    return layout.data / "keys" / f"{name}.key"

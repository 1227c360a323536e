"""Channels and their stream keys: who may publish where."""

import re
from dataclasses import dataclass, replace

from schemas.records.clock import Tick
from schemas.records.identity import (
    ChannelRegistered,
    ChannelUpdated,
    CommandRefused,
    IssueStreamKey,
    RegisterChannel,
    StreamKeyIssued,
    StreamKeyRevoked,
)

Command = RegisterChannel | IssueStreamKey | Tick
Event = ChannelRegistered | ChannelUpdated | StreamKeyIssued | StreamKeyRevoked | CommandRefused

_NAME = re.compile(r"[a-z0-9_]{3,25}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
TITLE_LENGTH = 140


@dataclass(frozen=True)
class Channel:
    """A channel, as it was last described."""

    name: str
    title: str
    category: str
    key_id: str | None = None


def decide(channel: Channel | None, command: Command) -> list[Event]:
    """The events that follow from a command. Saying the same thing twice changes nothing."""
    match command:
        case RegisterChannel():
            return _register(channel, command)
        case IssueStreamKey():
            return _issue(channel, command)
    return []


def evolve(channel: Channel | None, event: Event) -> Channel | None:
    """The state after an event."""
    match event:
        case ChannelRegistered():
            return Channel(name=event.name, title=event.title, category=event.category)
        case ChannelUpdated() if channel:
            return replace(channel, title=event.title, category=event.category)
        case StreamKeyIssued() if channel:
            return replace(channel, key_id=event.key_id)
        case StreamKeyRevoked() if channel:
            return replace(channel, key_id=None)
    return channel


def _register(channel: Channel | None, command: RegisterChannel) -> list[Event]:
    if not _NAME.fullmatch(command.name):
        return [_refused(command, "invalid-name", "name must be 3 to 25 characters of a-z, 0-9, _")]
    if len(command.title) > TITLE_LENGTH:
        return [_refused(command, "title-too-long", f"title may have {TITLE_LENGTH} characters")]
    described = {
        "channel_id": command.channel_id,
        "name": command.name,
        "title": command.title,
        "category": command.category,
    }
    if channel is None:
        return [ChannelRegistered(**described)]
    if command.name != channel.name:
        return [_refused(command, "name-is-fixed", f"the channel's name is {channel.name}")]
    if (command.title, command.category) == (channel.title, channel.category):
        return []
    return [ChannelUpdated(**described)]


def _issue(channel: Channel | None, command: IssueStreamKey) -> list[Event]:
    if channel is None:
        return [_refused(command, "unknown-channel", "the channel is not registered")]
    if not command.key_id or not _DIGEST.fullmatch(command.key_digest):
        return [_refused(command, "invalid-key", "key_digest must be 64 hexadecimal digits")]
    if command.key_id == channel.key_id:
        return []
    issued = StreamKeyIssued(
        channel_id=command.channel_id, key_id=command.key_id, key_digest=command.key_digest
    )
    if channel.key_id is None:
        return [issued]
    return [StreamKeyRevoked(channel_id=command.channel_id, key_id=channel.key_id), issued]


def _refused(command: RegisterChannel | IssueStreamKey, reason: str, detail: str) -> CommandRefused:
    return CommandRefused(
        channel_id=command.channel_id, command=command.FULL_NAME, reason=reason, detail=detail
    )

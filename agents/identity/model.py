"""Channels, their moderators, VIPs and stream keys: what a channel shows, who may publish there.

A channel that belongs to a user has the user's id. Every command is answered by an event, because
somebody waits for it: what is so already is said again.
"""

import re
from dataclasses import dataclass, replace

from schemas.records.clock import Tick
from schemas.records.identity import (
    AddModerator,
    AddVip,
    ChangeChannel,
    ChannelErased,
    ChannelRegistered,
    ChannelUpdated,
    CommandRefused,
    EraseChannel,
    IssueStreamKey,
    ModeratorAdded,
    ModeratorRemoved,
    OpenChannel,
    RegisterChannel,
    RemoveModerator,
    RemoveVip,
    StreamKeyIssued,
    StreamKeyRevoked,
    VipAdded,
    VipRemoved,
)

Asked = (
    RegisterChannel
    | OpenChannel
    | ChangeChannel
    | IssueStreamKey
    | AddModerator
    | RemoveModerator
    | AddVip
    | RemoveVip
    | EraseChannel
)
Command = Asked | Tick
Event = (
    ChannelRegistered
    | ChannelUpdated
    | ChannelErased
    | StreamKeyIssued
    | StreamKeyRevoked
    | ModeratorAdded
    | ModeratorRemoved
    | VipAdded
    | VipRemoved
    | CommandRefused
)

_NAME = re.compile(r"[a-z0-9_]{3,25}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SEALED = re.compile(r"p1\.[0-9a-f]{8}\.[A-Za-z0-9_-]{1,400}")
_LANGUAGE = re.compile(r"([a-z]{2}|asl|other)?")
_TAG = re.compile(r"\w{1,25}")
TITLE_LENGTH = 140
CATEGORY_LENGTH = 140
TAGS = 10
MODERATORS = 500
VIPS = 100
USER_ID_LENGTH = 100


@dataclass(frozen=True)
class Channel:
    """A channel, as it was last described."""

    name: str
    title: str
    category: str
    key_id: str | None = None
    language: str = ""
    tags: tuple[str, ...] = ()
    moderators: tuple[str, ...] = ()
    vips: tuple[str, ...] = ()
    erased: bool = False


def decide(channel: Channel | None, command: Command) -> list[Event]:
    """The events that follow from a command."""
    if isinstance(command, Tick):
        return []
    if channel is not None and channel.erased:
        return [_refused(command, "erased", "the channel is gone for good")]
    match command:
        case RegisterChannel():
            return _register(channel, command)
        case OpenChannel():
            return _open(channel, command)
    if channel is None:
        return [_refused(command, "unknown-channel", "the channel is not registered")]
    match command:
        case ChangeChannel():
            return _change(channel, command)
        case IssueStreamKey():
            return _issue(channel, command)
        case AddModerator() | RemoveModerator():
            return _moderate(channel, command)
        case AddVip() | RemoveVip():
            return _honour(channel, command)
        case EraseChannel():
            return _erase(channel, command)


def evolve(channel: Channel | None, event: Event) -> Channel | None:
    """The state after an event."""
    match event:
        case ChannelRegistered():
            return Channel(name=event.name, title=event.title, category=event.category)
        case ChannelUpdated() if channel:
            return replace(
                channel,
                title=event.title,
                category=event.category,
                language=channel.language if event.language is None else event.language,
                tags=channel.tags if event.tags is None else tuple(event.tags),
            )
        case ModeratorAdded() if channel:
            return replace(channel, moderators=(*channel.moderators, event.user_id))
        case ModeratorRemoved() if channel:
            return replace(channel, moderators=_without(channel.moderators, event.user_id))
        case VipAdded() if channel:
            return replace(channel, vips=(*channel.vips, event.user_id))
        case VipRemoved() if channel:
            return replace(channel, vips=_without(channel.vips, event.user_id))
        case ChannelErased():
            return Channel(name=event.name, title="", category="", erased=True)
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
    if channel is None:
        return [
            ChannelRegistered(
                channel_id=command.channel_id,
                name=command.name,
                title=command.title,
                category=command.category,
            )
        ]
    if command.name != channel.name:
        return [_refused(command, "name-is-fixed", f"the channel's name is {channel.name}")]
    described = replace(channel, title=command.title, category=command.category)
    return [_updated(command.channel_id, described)]


def _open(channel: Channel | None, command: OpenChannel) -> list[Event]:
    if channel is not None and channel.name == command.name:
        return [_updated(command.channel_id, channel)]
    return _register(
        channel,
        RegisterChannel(channel_id=command.channel_id, name=command.name, title="", category=""),
    )


def _change(channel: Channel, command: ChangeChannel) -> list[Event]:
    changed = replace(
        channel,
        title=channel.title if command.title is None else command.title,
        category=channel.category if command.category is None else command.category,
        language=channel.language if command.language is None else command.language,
        tags=channel.tags if command.tags is None else tuple(command.tags),
    )
    if len(changed.title) > TITLE_LENGTH:
        return [_refused(command, "title-too-long", f"title may have {TITLE_LENGTH} characters")]
    if len(changed.category) > CATEGORY_LENGTH:
        text = f"category may have {CATEGORY_LENGTH} characters"
        return [_refused(command, "category-too-long", text)]
    if not _LANGUAGE.fullmatch(changed.language):
        return [_refused(command, "invalid-language", "language must be an ISO 639-1 code")]
    if len(changed.tags) > TAGS:
        return [_refused(command, "too-many-tags", f"a channel may have {TAGS} tags")]
    if not all(_TAG.fullmatch(tag) for tag in changed.tags):
        text = "a tag must be 1 to 25 letters and digits, without spaces"
        return [_refused(command, "invalid-tag", text)]
    if len({tag.casefold() for tag in changed.tags}) < len(changed.tags):
        return [_refused(command, "repeated-tag", "each tag may stand once")]
    return [_updated(command.channel_id, changed)]


def _issue(channel: Channel, command: IssueStreamKey) -> list[Event]:
    if not command.key_id or not _DIGEST.fullmatch(command.key_digest):
        return [_refused(command, "invalid-key", "key_digest must be 64 hexadecimal digits")]
    if command.sealed_key is not None and not _SEALED.fullmatch(command.sealed_key):
        return [_refused(command, "not-sealed", "sealed_key must be sealed by the master key")]
    issued = StreamKeyIssued(
        channel_id=command.channel_id,
        key_id=command.key_id,
        key_digest=command.key_digest,
        sealed_key=command.sealed_key,
    )
    if command.key_id == channel.key_id:
        return [issued]
    return [*_key_revoked(channel, command.channel_id), issued]


def _moderate(channel: Channel, command: AddModerator | RemoveModerator) -> list[Event]:
    known = command.user_id in channel.moderators
    if isinstance(command, RemoveModerator):
        if not known:
            return [_refused(command, "not-a-moderator", "the user does not moderate the channel")]
        return [ModeratorRemoved(channel_id=command.channel_id, user_id=command.user_id)]
    if wrong := _nobody(command):
        return [wrong]
    if known:
        return [_refused(command, "already-moderator", "the user moderates the channel already")]
    if len(channel.moderators) >= MODERATORS:
        text = f"a channel may have {MODERATORS} moderators"
        return [_refused(command, "too-many-moderators", text)]
    added = ModeratorAdded(channel_id=command.channel_id, user_id=command.user_id)
    if command.user_id in channel.vips:  # one or the other
        return [VipRemoved(channel_id=command.channel_id, user_id=command.user_id), added]
    return [added]


def _honour(channel: Channel, command: AddVip | RemoveVip) -> list[Event]:
    known = command.user_id in channel.vips
    if isinstance(command, RemoveVip):
        if not known:
            return [_refused(command, "not-a-vip", "the user is not a VIP of the channel")]
        return [VipRemoved(channel_id=command.channel_id, user_id=command.user_id)]
    if wrong := _nobody(command):
        return [wrong]
    if known:
        return [_refused(command, "already-vip", "the user is a VIP of the channel already")]
    if command.user_id in channel.moderators:
        return [_refused(command, "already-moderator", "moderators are no VIPs")]
    if len(channel.vips) >= VIPS:
        return [_refused(command, "too-many-vips", f"a channel may have {VIPS} VIPs")]
    return [VipAdded(channel_id=command.channel_id, user_id=command.user_id)]


def _nobody(command: AddModerator | AddVip) -> CommandRefused | None:
    if not 1 <= len(command.user_id) <= USER_ID_LENGTH:
        return _refused(command, "invalid-user-id", "user_id must be the id of a user")
    if command.user_id == command.channel_id:
        return _refused(command, "own-channel", "broadcasters are all that in their own channel")
    return None


def _erase(channel: Channel, command: EraseChannel) -> list[Event]:
    """Each thing that is shown of the channel goes by an event of its own."""
    return [
        *_key_revoked(channel, command.channel_id),
        *(
            ModeratorRemoved(channel_id=command.channel_id, user_id=moderator)
            for moderator in channel.moderators
        ),
        *(VipRemoved(channel_id=command.channel_id, user_id=vip) for vip in channel.vips),
        ChannelErased(channel_id=command.channel_id, name=channel.name),
    ]


def _key_revoked(channel: Channel, channel_id: str) -> list[Event]:
    if channel.key_id is None:
        return []
    return [StreamKeyRevoked(channel_id=channel_id, key_id=channel.key_id)]


def _updated(channel_id: str, channel: Channel) -> ChannelUpdated:
    return ChannelUpdated(
        channel_id=channel_id,
        name=channel.name,
        title=channel.title,
        category=channel.category,
        language=channel.language,
        tags=list(channel.tags),
    )


def _without(users: tuple[str, ...], user_id: str) -> tuple[str, ...]:
    return tuple(each for each in users if each != user_id)


def _refused(command: Asked, reason: str, detail: str) -> CommandRefused:
    return CommandRefused(
        channel_id=command.channel_id, command=command.FULL_NAME, reason=reason, detail=detail
    )

"""What can be subscribed to: a line a type, from the event that tells of it to what is told.

Types, versions, conditions, scopes and fields as the public reference of EventSub has them. Ids
are told here; names are added where a message is sent, so that the log keeps none.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from infra.record import Record
from schemas.records.broadcast import StreamEnded, StreamStarted
from schemas.records.identity import ChannelUpdated
from schemas.records.social import ChannelFollowed

Told = dict[str, Any]


class Kind(msgspec.Struct, frozen=True):
    """A type of subscription."""

    name: str
    version: str
    topic: str
    """Where its events are; their key is the id in the condition."""
    event: type[Record]
    told: Callable[[Any], Told]
    """What is told of an event."""
    moderated: bool = False
    """Whether the condition names a moderator of the channel as well."""
    scope: str = ""
    """What that moderator must have given to the application."""
    changes: bool = False
    """Whether an event that tells the same as the one before is passed over."""

    @property
    def condition(self) -> frozenset[str]:
        """The names of the ids in the condition."""
        names = {BROADCASTER}
        return frozenset(names | {MODERATOR} if self.moderated else names)


BROADCASTER: Final = "broadcaster_user_id"
MODERATOR: Final = "moderator_user_id"


def timestamp(time: int) -> str:
    """Microseconds since 1970 as RFC 3339 text."""
    text = datetime.fromtimestamp(time / 1_000_000, UTC).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z"


def _online(event: StreamStarted) -> Told:
    return {
        "id": event.stream_id,
        BROADCASTER: event.channel_id,
        "type": "live",
        "started_at": timestamp(event.started_at),
    }


def _offline(event: StreamEnded) -> Told:
    return {BROADCASTER: event.channel_id}


def _updated(event: ChannelUpdated) -> Told:
    return {
        BROADCASTER: event.channel_id,
        "title": event.title,
        "language": event.language or "",
        "category_name": event.category,
        "content_classification_labels": [],
    }


def _followed(event: ChannelFollowed) -> Told:
    return {
        "user_id": event.user_id,
        BROADCASTER: event.channel_id,
        "followed_at": timestamp(event.followed_at),
    }


_FOLLOWERS: Final = "moderator:read:followers"

KINDS: Final = (
    Kind("stream.online", "1", "broadcast-events", StreamStarted, _online),
    Kind("stream.offline", "1", "broadcast-events", StreamEnded, _offline),
    Kind("channel.update", "2", "identity-events", ChannelUpdated, _updated, changes=True),
    Kind("channel.follow", "2", "social-events", ChannelFollowed, _followed, True, _FOLLOWERS),
)
TOPICS: Final = tuple(dict.fromkeys(kind.topic for kind in KINDS))
"""Where there is something to tell of."""
BY_NAME: Final = {(kind.name, kind.version): kind for kind in KINDS}
BY_EVENT: Final = {
    event: [kind for kind in KINDS if kind.event is event]
    for event in {kind.event for kind in KINDS}
}
